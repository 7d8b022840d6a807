"""Forgetting events whose entities have their fate: what comes again with the id of one that is forgotten is new."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import delete, func, or_, select

from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.database import Database
from airflow_integrations.route.retention import Retention

__all__ = ["prune_events"]

_event = tables.event.c
_FORGETTABLE = or_(_event.source != "files", _event.size > len(b"[]"))
"""All but the mark of a file that was read, an event without records: one that was kept would be read again."""


def prune_events(database: Database, *, routes: Mapping[str, Retention], now: float, batch: int = 5_000) -> int:
    """Forget what each route's ``retention.events`` no longer asks for; how many. Events that wait are kept, and the
    newest of all: SQLite would give its number to the next one, and runs are named after numbers."""
    with database.read() as connection:
        newest = connection.scalar(select(func.max(_event.id))) or 0
        named = select(tables.route.c.name, tables.route.c.id)
        numbers = {name: number for name, number in connection.execute(named) if name in routes}
    alike: dict[float, list[int]] = defaultdict(list)
    for name, number in numbers.items():
        alike[now - routes[name].events.total_seconds()].append(number)
    return sum(_prune(database, of, old, newest, batch) for old, of in alike.items())


def _prune(database: Database, routes: list[int], old: float, newest: int, batch: int) -> int:
    """Goes through the events in the order in which they came, up to the first that is too young."""
    forgotten, after = 0, 0
    while True:
        with database.read() as connection:
            stretch = (
                select(_event.id, _event.received)
                .where(_event.id > after, _event.id < newest)
                .order_by(_event.id)
                .limit(batch)
            )
            rows = connection.execute(stretch).all()
        if not rows or rows[0].received >= old:
            return forgotten
        last = rows[-1].id
        doomed = delete(tables.event).where(
            _event.id > after, _event.id <= last, _event.route_id.in_(routes), _event.done < old, _FORGETTABLE
        )
        forgotten += database.transact(lambda connection, doomed=doomed: connection.execute(doomed).rowcount)  # type: ignore[misc]
        after = last

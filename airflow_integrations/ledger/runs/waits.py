"""Entities that wait until another route has delivered something: noted, and due again in the moment it is delivered.

Nothing depends on it alone. An entity that nobody wakes is due again by its route's ``delivery.retry``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, exists, select, tuple_, update

from airflow_integrations.ledger.inbox.event_rows import notify
from airflow_integrations.ledger.queries.views import Awaited
from airflow_integrations.ledger.records import NOT_FOUND, Outcome
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.bulk import among, lock_entities
from airflow_integrations.ledger.storage.route_ids import number_of, route_number
from airflow_integrations.ledger.storage.transactions import reading, writing
from airflow_integrations.ledger.storage.upsert import insert_into

__all__ = ["MOST_WAITS", "awaited", "note_waits", "wake", "wake_delivered", "woken_number", "woken_routes"]

MOST_WAITS = 1_000
"""Things that one entity waits for at once. With more of them it looks again when the first thousand are there."""
ROWS_AT_ONCE = 5_000

_entity = tables.entity.c
_route = tables.route.c
_wait = tables.wait.c
_ANY_OF: Final = select(exists().where(_wait.route_id == bindparam("of_route")))
_ANY_FOR: Final = select(exists().where(_wait.for_id == bindparam("of_route")))
_WOKEN: Final = select(_route.woken).where(_route.name == bindparam("its_name"))


def note_waits(connection: Connection, route_id: int, outcomes: Iterable[Outcome]) -> None:
    """Note what these entities wait for, in the place of what they waited for before. Of several outcomes of one key
    the last one counts: an earlier state's customer is not what the newest waits for."""
    outcomes = list({outcome.key: outcome for outcome in outcomes}.values())
    if connection.scalar(_ANY_OF, {"of_route": route_id}):
        keys = [outcome.key for outcome in outcomes]
        connection.execute(delete(tables.wait).where(_wait.route_id == route_id, among(connection, _wait.key, keys)))
    waiting = [outcome for outcome in outcomes if outcome.waits]
    if not waiting:
        return
    names = sorted({route for outcome in waiting for route, _ in outcome.waits})
    numbers = {name: number_of(connection, name) for name in names}
    rows = {
        (numbers[route], key, route_id, outcome.key)
        for outcome in waiting
        for route, key in list(dict.fromkeys(outcome.waits))[:MOST_WAITS]
    }
    columns = ("for_id", "for_key", "route_id", "key")
    values = [dict(zip(columns, row, strict=True)) for row in sorted(rows)]
    connection.execute(insert_into(connection, tables.wait).on_conflict_do_nothing(), values)


def wake(connection: Connection, for_id: int, delivered: Collection[str], now: float) -> None:
    """These entities of a route were delivered. Whatever waited for them, and for nothing else any more, is due.

    Called where the entities of that route are locked. It locks those of the routes that wait, so that two routes must
    not wait for each other; ``validate`` refuses that.
    """
    if not delivered or not connection.scalar(_ANY_FOR, {"of_route": for_id}):
        return
    came = (_wait.for_id == for_id, among(connection, _wait.for_key, [key for key in delivered if "\n" not in key]))
    waiting = connection.execute(select(_wait.route_id, _wait.key).where(*came).distinct()).all()
    if not waiting:
        return
    connection.execute(delete(tables.wait).where(*came))
    by_route: dict[int, list[str]] = {}
    for route_id, key in waiting:
        by_route.setdefault(route_id, []).append(key)
    for route_id, keys in sorted(by_route.items()):
        _make_due(connection, route_id, keys, now)


def _make_due(connection: Connection, route_id: int, keys: Sequence[str], now: float) -> None:
    lock_entities(connection, route_id)
    ready: list[str] = []
    for first in range(0, len(keys), ROWS_AT_ONCE):
        some = keys[first : first + ROWS_AT_ONCE]
        still = set(
            connection.scalars(select(_wait.key).where(_wait.route_id == route_id, among(connection, _wait.key, some)))
        )
        ready += [key for key in some if key not in still]
    for first in range(0, len(ready), ROWS_AT_ONCE):
        connection.execute(
            update(tables.entity)
            .where(
                _entity.route_id == route_id,
                among(connection, _entity.key, ready[first : first + ROWS_AT_ONCE]),
                _entity.status == "retrying",
                _entity.error_class == NOT_FOUND,
                _entity.next_attempt > now,
            )
            .values(next_attempt=now)
        )
    if not ready:
        return
    woken = update(tables.route).where(_route.id == route_id).values(woken=_route.woken + 1).returning(_route.name)
    notify(connection, {connection.execute(woken).scalar_one()})


@writing
def wake_delivered(connection: Connection, route: str, keys: Sequence[str], now: float) -> None:
    """Wake what waits for those of the keys that the route has delivered.

    For whoever has just noted that it waits: the delivery may have been written between its look and its note. The lock
    lets a delivery that is being written come first; one that comes later finds the note.
    """
    if (route_id := route_number(connection, route)) is None:
        return
    lock_entities(connection, route_id)
    for first in range(0, len(keys), ROWS_AT_ONCE):
        wake(connection, route_id, _delivered(connection, route_id, keys[first : first + ROWS_AT_ONCE]), now)


def _delivered(connection: Connection, route_id: int, keys: Sequence[str]) -> list[str]:
    there = (_entity.route_id == route_id, _entity.delivered_hash.is_not(None))
    return list(connection.scalars(select(_entity.key).where(*there, among(connection, _entity.key, keys))))


def awaited(connection: Connection, route_id: int, key: str, most: int = 20) -> tuple[Awaited, ...]:
    """What the entity waits for, the most urgent for people first: what failed, then the rest."""
    other = tables.route.alias("other")
    found = (
        select(other.c.name, _wait.for_key, _entity.status, _entity.error_class, _entity.http_status, _entity.changed)
        .select_from(tables.wait)
        .join(other, other.c.id == _wait.for_id)
        .join(
            tables.entity,
            tuple_(_entity.route_id, _entity.key) == tuple_(_wait.for_id, _wait.for_key),
            isouter=True,
        )
        .where(_wait.route_id == route_id, _wait.key == key)
        .order_by(_entity.error_class.is_(None), other.c.name, _wait.for_key)
        .limit(most)
    )
    return tuple(Awaited(*row) for row in connection.execute(found))


@reading
def woken_number(connection: Connection, route: str) -> int:
    """How often what the route's entities wait for came; 0 also for a route that the ledger has not heard of."""
    return int(connection.scalar(_WOKEN, {"its_name": route}) or 0)


@reading
def woken_routes(connection: Connection, now: float) -> Mapping[str, int]:
    """The routes of which something was woken and no run has taken it, and whose target is not known to be away; with
    the number of the last time."""
    woken = exists().where(
        _entity.route_id == _route.id,
        tables.OPEN,
        _entity.status == "retrying",
        _entity.error_class == NOT_FOUND,
        _entity.next_attempt <= now,
    )
    found: Any = connection.execute(
        select(_route.name, _route.woken)
        .where(_route.woken > 0, _route.circuit_until <= now, woken)
        .order_by(_route.name)
    )
    return {row[0]: row[1] for row in found}

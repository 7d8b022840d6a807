"""State of alerts between two evaluations: since when they fire, and who was notified."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection, delete, select

from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.upsert import insert_into

if TYPE_CHECKING:
    from airflow_integrations.ledger.storage.database import Database

__all__ = ["AlertId", "AlertState", "Told", "forget", "read", "write"]

AlertId = tuple[str, str]
"""Route and kind."""

_alert = tables.alert.c


@dataclass(frozen=True, slots=True)
class Told:
    """What a target knows."""

    knows: bool = False
    """It was told that the alert fires, and not that it is over."""
    at: float | None = None
    """When it was last told that the alert fires, or fired."""
    owed: int = 0
    """Episodes that it has not been told of."""
    failed: int = 0
    """Messages in a row that could not be sent."""


@dataclass(frozen=True, slots=True)
class AlertState:
    """One alert of one route. Times are seconds since the epoch."""

    watched: float
    """Since when it is looked at."""
    seen: float
    """Runs that ended until then were looked at."""
    since: float | None = None
    """When the episode began; None: it does not fire."""
    over: float | None = None
    """When the last episode ended."""
    detail: str = ""
    """What is, or last was, wrong; in one line."""
    targets: Mapping[str, Told] = field(default_factory=dict)


_targets = msgspec.json.Decoder(dict[str, Told])


def read(database: Database) -> dict[AlertId, AlertState]:
    """All that is known."""
    with database.read() as connection:
        return {
            (row.route, row.kind): AlertState(
                row.watched, row.seen, row.since, row.over, row.detail, _targets.decode(row.targets)
            )
            for row in connection.execute(select(tables.alert))
        }


def write(database: Database, states: Mapping[AlertId, AlertState]) -> None:
    """Replaces what was known of these."""
    if not states:
        return
    rows = [
        {
            "route": route,
            "kind": kind,
            "watched": state.watched,
            "seen": state.seen,
            "since": state.since,
            "over": state.over,
            "detail": state.detail,
            "targets": msgspec.json.encode(dict(state.targets)).decode(),
        }
        for (route, kind), state in states.items()
    ]

    def work(connection: Connection) -> None:
        statement = insert_into(connection, tables.alert)
        keys = ("route", "kind")
        changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), rows)

    database.transact(work)


def forget(database: Database, alerts: Collection[AlertId]) -> None:
    """These are not looked at any more."""
    if not alerts:
        return

    def work(connection: Connection) -> None:
        for route, kind in alerts:
            connection.execute(delete(tables.alert).where(_alert.route == route, _alert.kind == kind))

    database.transact(work)

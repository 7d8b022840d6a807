"""What is known of alerts between two looks: since when they fire, and who was told."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from airflow_integrations.ledger import schema
from airflow_integrations.ledger.alert_state import AlertState, Told

if TYPE_CHECKING:
    from airflow_integrations.ledger.database import Database

__all__ = ["AlertId", "forget", "read", "write"]

AlertId = tuple[str, str]
"""Route and kind."""

_alert = schema.alert.c
_targets = msgspec.json.Decoder(dict[str, Told])


def read(database: Database) -> dict[AlertId, AlertState]:
    """All that is known."""
    with database.read() as connection:
        return {
            (row.route, row.kind): AlertState(
                row.watched, row.seen, row.since, row.over, row.detail, _targets.decode(row.targets)
            )
            for row in connection.execute(select(schema.alert))
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
        into = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        statement = into(schema.alert)
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
            connection.execute(delete(schema.alert).where(_alert.route == route, _alert.kind == kind))

    database.transact(work)

"""Insert events into the inbox's table: many in one statement, and tell of each whether it was there already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from airflow_integrations.ledger.storage.tables import PREFIX

__all__ = ["CHANNEL", "MAX_EVENT_ID", "NewEvent", "Put", "insert_events", "notify"]

CHANNEL = "integrations_inbox"
"""Where PostgreSQL notifies of routes that have something new in their inbox."""
MAX_EVENT_ID = 250
"""Characters of an event's id."""


class NewEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event that was verified and read."""

    route: str
    event_id: str
    """The sender's id of it, at most MAX_EVENT_ID characters; a second one of the same id counts for nothing."""
    body: bytes
    """The records, a JSON array; or what :func:`~airflow_integrations.ledger.inbox.unreadable_event.refusal` gives."""
    source: str
    """``webhook``, ``api``, or the kind of a listener."""
    wanted: bool = False
    """Its sender waits for the fate of its entities."""


class Put(msgspec.Struct, frozen=True):
    """``number`` is the ledger's own of the event; ``new`` is False where it was there already."""

    number: int
    new: bool


_INBOX = 0x1ED6E9
"""PostgreSQL's advisory lock on the inbox: without it numbers would not be in the order of the commits, and two senders
of the same ids could lock each other out."""
_COLUMNS = "route_id, event_id, source, received, wanted, size, body"
_SQLITE = (
    f"INSERT INTO {PREFIX}event ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?) "  # noqa: S608 - names only
    "ON CONFLICT (route_id, event_id) DO NOTHING RETURNING id"
)
_POSTGRESQL = f"""
WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock({_INBOX}))
INSERT INTO {PREFIX}event ({_COLUMNS})
SELECT rows.* FROM turn, unnest(
    %s::int8[], %s::text[], %s::text[], %s::float8[], %s::bool[], %s::int4[], %s::bytea[]
) AS rows
ON CONFLICT (route_id, event_id) DO NOTHING
RETURNING id, route_id, event_id
"""  # noqa: S608
_KNOWN = {
    "sqlite": f"SELECT id FROM {PREFIX}event WHERE route_id = ? AND event_id = ?",  # noqa: S608
    "postgresql": f"SELECT id FROM {PREFIX}event WHERE route_id = %s AND event_id = %s",  # noqa: S608
}

_Name = tuple[int, str]


def insert_events(connection: Connection, events: Sequence[tuple[int, NewEvent]], now: float) -> list[Put]:
    """``events`` are the ledger's numbers of their routes, and the events, in the order in which they came."""
    first: dict[_Name, int] = {}
    for at, (route_id, event) in enumerate(events):
        first.setdefault((route_id, event.event_id), at)
    inserted = _inserted(connection, [_row(*events[at], now) for at in first.values()])
    notify(connection, {event.route for _, event in events})
    known: dict[_Name, int] = {}
    puts = []
    for at, (route_id, event) in enumerate(events):
        name = (route_id, event.event_id)
        number = inserted.get(name) or known.get(name)
        if number is None:
            number = known[name] = _known(connection, name)
        puts.append(Put(number, name in inserted and first[name] == at))
    return puts


def _row(route_id: int, event: NewEvent, now: float) -> tuple[Any, ...]:
    return route_id, event.event_id, event.source, now, event.wanted, len(event.body), event.body


def _inserted(connection: Connection, rows: list[tuple[Any, ...]]) -> dict[_Name, int]:
    if connection.dialect.name == "postgresql":
        columns = tuple(map(list, zip(*rows, strict=True)))
        found = connection.exec_driver_sql(_POSTGRESQL, columns)
        return {(route_id, event_id): number for number, route_id, event_id in found}
    new = {}
    for row in rows:
        number = connection.exec_driver_sql(_SQLITE, row).scalar_one_or_none()
        if number is not None:
            new[row[0], row[1]] = int(number)
    return new


def notify(connection: Connection, routes: set[str]) -> None:
    """Whoever listens hears of it when this transaction has committed. On SQLite the commit itself is heard."""
    if connection.dialect.name != "postgresql":
        return
    told = f"SELECT pg_notify('{CHANNEL}', name) FROM unnest(%s::text[]) AS name"  # noqa: S608
    connection.exec_driver_sql(told, (sorted(routes),))


def _known(connection: Connection, name: _Name) -> int:
    return int(connection.exec_driver_sql(_KNOWN[connection.dialect.name], name).scalar_one())

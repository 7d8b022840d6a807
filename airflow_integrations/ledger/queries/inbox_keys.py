"""Find the event in the inbox that has an entity of a key, before any run has taken it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import select

from airflow_integrations.entity import key_text
from airflow_integrations.errors import IntegrationError
from airflow_integrations.expressions import Expression
from airflow_integrations.formats import ContentError
from airflow_integrations.formats.json import encode, read
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.route_ids import route_number

if TYPE_CHECKING:
    from airflow_integrations.ledger.storage.database import Database

__all__ = ["event_with_key"]

AT_ONCE = 100
"""Events that are read together."""
_event = tables.event.c
_records = msgspec.json.Decoder(list[msgspec.Raw]).decode


def event_with_key(
    database: Database, route: str, key: str, entity: str, expression: str, *, seconds: float
) -> float | None:
    """When the oldest event was received that waits for a run and has an entity of this key.

    ``expression`` is the route's ``entity.key``. Events are read for ``seconds`` at most, the oldest first. None: none
    was found.
    """
    try:
        keys = Expression(expression)
    except ValueError:
        return None
    begun, after = time.monotonic(), 0
    spelled = encode(key)[1:-1]
    with database.read() as connection:
        if (route_id := route_number(connection, route)) is None:
            return None
        while time.monotonic() - begun < seconds:
            rows = connection.execute(
                select(_event.id, _event.received, _event.body)
                .where(_event.route_id == route_id, tables.UNDONE, _event.run.is_(None), _event.id > after)
                .order_by(_event.id)
                .limit(AT_ONCE)
            ).all()
            for number, received, body in rows:
                after = number
                if body is not None and _has(bytes(body), key, spelled, keys, entity):
                    return float(received)
            if len(rows) < AT_ONCE:
                return None
    return None


def _has(body: bytes, key: str, spelled: bytes, keys: Expression, entity: str) -> bool:
    """A key that is one field of the record stands in the body as it is; only such records are decoded."""
    one_field = len(keys.fields) == 1 and ".".join(next(iter(keys.fields))) == keys.text
    if one_field and spelled not in body and b"\\" not in body:
        return False
    try:
        return any(_key_of(record, keys, entity) == key for record in _records(body))
    except (ValueError, RecursionError):
        return False  # nobody can read it: the run that takes it says so


def _key_of(record: msgspec.Raw, keys: Expression, entity: str) -> str | None:
    try:
        value: Any = read(bytes(record))
        return key_text(keys.compile()({entity: value, "source": value}))
    except (IntegrationError, ContentError, ValueError, TypeError, RecursionError):
        return None

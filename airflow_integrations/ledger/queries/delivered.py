"""What routes have delivered, for lookups of other routes: the target's id, the status, and when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select

from airflow_integrations.ledger.runs.claims import KEYS_AT_ONCE
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.bulk import among
from airflow_integrations.ledger.storage.route_ids import route_number
from airflow_integrations.ledger.storage.transactions import reading

__all__ = ["Seen", "seen_entities"]

_entity = tables.entity.c


class Seen(NamedTuple):
    """An entity that the ledger knows."""

    status: str
    """Of its last state. One that was delivered before may be retrying now, with a newer state."""
    target_id: str | None
    delivered_at: float | None
    version: str | None
    """Of the state that the target has."""
    there: bool
    """The target has it: it was delivered, and not deleted since."""


@reading
def seen_entities(connection: Connection, route: str, keys: Sequence[str]) -> dict[str, Seen]:
    """Those of the keys that the ledger has seen. A route that it has not heard of has none."""
    found: dict[str, Seen] = {}
    if (route_id := route_number(connection, route)) is None:
        return found
    columns = (_entity.status, _entity.target_id, _entity.delivered_at, _entity.delivered_version)
    for first in range(0, len(keys), KEYS_AT_ONCE):
        some = among(connection, _entity.key, keys[first : first + KEYS_AT_ONCE])
        rows = connection.execute(
            select(_entity.key, *columns, _entity.delivered_hash).where(_entity.route_id == route_id, some)
        )
        found |= {row[0]: Seen(row[1], row[2], row[3], row[4], row[5] is not None) for row in rows}
    return found

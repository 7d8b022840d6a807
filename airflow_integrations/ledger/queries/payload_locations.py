"""Where the payloads of many entities are, and which of them a person has edited."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Select, and_, bindparam, select

from airflow_integrations.ledger.records import PayloadRef
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.bulk import among_given, as_parameter
from airflow_integrations.ledger.storage.route_ids import route_number

if TYPE_CHECKING:
    from airflow_integrations.ledger.storage.database import Database

__all__ = ["Place", "places"]


class Place(NamedTuple):
    ref: PayloadRef | None
    """None: it is gone."""
    edited: str | None
    """The payload as a person has edited it, JSON."""


def places(database: Database, route: str, keys: Collection[str]) -> dict[str, Place]:
    """By key, some thousands at a time; entities that the ledger does not know are left out."""
    with database.read() as connection:
        if (route_id := route_number(connection, route)) is None:
            return {}
        these = as_parameter(connection, [key for key in keys if "\n" not in key])
        rows = connection.execute(_places(connection.dialect.name), {"of_route": route_id, "keys": these})
        return {
            key: Place(PayloadRef(staging, stage, at) if staging and stage else None, edited)
            for key, staging, stage, at, edited in rows
        }


@cache
def _places(dialect: str) -> Select[Any]:
    entity, run, overlay = tables.entity.c, tables.run.c, tables.overlay.c
    return (
        select(entity.key, run.staging, entity.payload_stage, entity.payload_at, overlay.payload)
        .join(tables.run, run.id == entity.payload_run, isouter=True)
        .join(tables.overlay, and_(overlay.route_id == entity.route_id, overlay.key == entity.key), isouter=True)
        .where(entity.route_id == bindparam("of_route"), among_given(dialect, entity.key, "keys"))
    )

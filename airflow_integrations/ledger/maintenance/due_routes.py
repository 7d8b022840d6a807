"""Find routes that have something to send again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import exists, or_, select

from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.open_entities import open_where

if TYPE_CHECKING:
    from airflow_integrations.ledger.storage.database import Database

__all__ = ["due_routes"]


def due_routes(database: Database, now: float) -> list[str]:
    """Names of the routes, sorted, that have entities whose next attempt has come, or whose run has died, and whose
    target is not known to be away."""
    entity, route = tables.entity.c, tables.route.c
    with database.read() as connection:
        open_one = open_where(connection, entity.route_id == route.id)
        retried = entity.status.in_(("retrying", "in_doubt")), entity.next_attempt <= now
        orphaned = entity.status == "pending", entity.lease_until < now
        due = or_(exists().where(open_one, *retried), exists().where(open_one, *orphaned))
        found = connection.scalars(select(route.name).where(route.circuit_until <= now, due).order_by(route.name))
        return list(found)

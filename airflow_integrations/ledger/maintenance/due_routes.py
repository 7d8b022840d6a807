"""Find routes that have something to send again."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import Float, Select, bindparam, exists, or_, select

from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.open_entities import open_where

if TYPE_CHECKING:
    from airflow_integrations.ledger.storage.database import Database

__all__ = ["due_routes"]


def due_routes(database: Database, now: float) -> list[str]:
    """Names of the routes, sorted, that have entities whose next attempt has come, or whose run has died, and whose
    target is not known to be away."""
    with database.read() as connection:
        return list(connection.scalars(_due(connection.dialect.name), {"now": now}))


@cache
def _due(dialect: str) -> Select[str]:
    entity, route, now = tables.entity.c, tables.route.c, bindparam("now", type_=Float)
    open_one = open_where(dialect, entity.route_id == route.id)
    retried = entity.status.in_(("retrying", "in_doubt")), entity.next_attempt <= now
    orphaned = entity.status == "pending", entity.lease_until < now
    due = or_(exists().where(open_one, *retried), exists().where(open_one, *orphaned))
    return select(route.name).where(route.circuit_until <= now, due).order_by(route.name)

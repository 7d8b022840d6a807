"""Which routes have something to send again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, exists, or_, select

from airflow_integrations.ledger import schema

if TYPE_CHECKING:
    from airflow_integrations.ledger.database import Database

__all__ = ["due_routes"]


def due_routes(database: Database, now: float) -> list[str]:
    """Names of the routes, sorted, that have entities whose next attempt has come, or whose run has died, and whose
    target is not known to be away."""
    entity, route = schema.entity.c, schema.route.c
    due = exists().where(
        entity.route_id == route.id,
        schema.OPEN,
        or_(
            and_(entity.status.in_(("retrying", "in_doubt")), entity.next_attempt <= now),
            and_(entity.status == "pending", entity.lease_until < now),
        ),
    )
    with database.read() as connection:
        found = connection.scalars(select(route.name).where(route.circuit_until <= now, due).order_by(route.name))
        return list(found)

"""Bytes in staging, by the books of the runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from airflow_integrations.ledger.storage import tables

if TYPE_CHECKING:
    from airflow_integrations.ledger.storage.database import Database

__all__ = ["known_routes", "staged_bytes"]


def known_routes(database: Database) -> list[str]:
    """The names of all routes that ever ran."""
    with database.read() as connection:
        return list(connection.scalars(select(tables.route.c.name).order_by(tables.route.c.name)))


def staged_bytes(database: Database) -> int:
    """Of the segments of all runs that closed their books and whose folder was not removed, compressed."""
    run = tables.run.c
    with database.read() as connection:
        return int(connection.scalar(select(func.sum(run.bytes)).where(run.staging != "")) or 0)

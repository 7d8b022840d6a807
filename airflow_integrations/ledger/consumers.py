"""Which process takes what comes in for a route of low latency: one at a time, by a lease."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from airflow_integrations.ledger import schema
from airflow_integrations.ledger.event_rows import CHANNEL
from airflow_integrations.ledger.lookup import number_of
from airflow_integrations.ledger.records import Lapsed, RunRef
from airflow_integrations.window import Window

if TYPE_CHECKING:
    from airflow_integrations.ledger.database import Database

__all__ = ["consumed", "hold", "release_consumer", "unfinished"]

_consumer = schema.consumer.c


def hold(database: Database, route: str, holder: str, *, until: float, now: float) -> bool:
    """Whether ``holder`` is the route's consumer until then: it was, or there was none whose lease still holds."""

    def write(connection: Connection) -> bool:
        into = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        row = into(schema.consumer).values(route_id=number_of(connection, route), holder=holder, lease_until=until)
        free = (_consumer.lease_until < now) | (_consumer.holder == holder)
        mine = row.on_conflict_do_update(
            index_elements=["route_id"], set_={"holder": holder, "lease_until": until}, where=free
        )
        return connection.scalar(mine.returning(_consumer.holder)) is not None

    return database.transact(write)


def release_consumer(database: Database, route: str, holder: str) -> None:
    """It is no longer; whoever stands by hears of it."""

    def write(connection: Connection) -> None:
        route_id = number_of(connection, route)
        connection.execute(delete(schema.consumer).where(_consumer.route_id == route_id, _consumer.holder == holder))
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_notify(CHANNEL, route)))

    database.transact(write)


def unfinished(database: Database, route: str) -> list[Lapsed]:
    """The live runs of a route that have not closed their books: for whoever has become its consumer, they are dead."""
    run = schema.run.c
    query = (
        select(schema.run)
        .join(schema.route, schema.route.c.id == run.route_id)
        .where(schema.route.c.name == route, run.kind == "live", run.finished.is_(None))
        .order_by(run.id)
    )
    with database.read() as connection:
        return [
            Lapsed(
                RunRef(row.id, row.route_id, route, row.run_id),
                row.kind,
                Window.parse(row.window_start, row.window_end),
                row.route_hash,
                row.staging,
            )
            for row in connection.execute(query)
        ]


def consumed(database: Database, now: float) -> set[str]:
    """The routes that have a consumer whose lease holds."""
    with database.read() as connection:
        held = select(schema.route.c.name).join(schema.consumer, _consumer.route_id == schema.route.c.id)
        return set(connection.scalars(held.where(_consumer.lease_until >= now)))

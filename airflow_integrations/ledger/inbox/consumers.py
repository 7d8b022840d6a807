"""The lease by which one process at a time takes what comes in for a route of low latency."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Connection, delete, func, select

from airflow_integrations.ledger.inbox.event_rows import CHANNEL
from airflow_integrations.ledger.inbox.holder_process import has_died
from airflow_integrations.ledger.records import Lapsed, RunRef
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.route_ids import number_of
from airflow_integrations.ledger.storage.upsert import insert_into
from airflow_integrations.window import Window

if TYPE_CHECKING:
    from airflow_integrations.ledger.storage.database import Database

__all__ = ["consumed", "hold", "release_consumer", "unfinished"]

_consumer = tables.consumer.c


def hold(database: Database, route: str, holder: str, *, until: float, now: float) -> bool:
    """Whether ``holder`` is the route's consumer until then: it was, or there was none whose lease still holds and
    whose process is alive as far as can be told from here."""

    def write(connection: Connection) -> bool:
        route_id = number_of(connection, route)
        row = insert_into(connection, tables.consumer).values(route_id=route_id, holder=holder, lease_until=until)

        def taken_over(free: ColumnElement[bool]) -> bool:
            mine = row.on_conflict_do_update(
                index_elements=["route_id"], set_={"holder": holder, "lease_until": until}, where=free
            )
            return connection.scalar(mine.returning(_consumer.holder)) is not None

        if taken_over((_consumer.lease_until < now) | (_consumer.holder == holder)):
            return True
        other = connection.scalar(select(_consumer.holder).where(_consumer.route_id == route_id))
        return other is not None and has_died(other) and taken_over(_consumer.holder == other)

    return database.transact(write)


def release_consumer(database: Database, route: str, holder: str) -> None:
    """It is no longer; whoever stands by hears of it."""

    def write(connection: Connection) -> None:
        route_id = number_of(connection, route)
        connection.execute(delete(tables.consumer).where(_consumer.route_id == route_id, _consumer.holder == holder))
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_notify(CHANNEL, route)))

    database.transact(write)


def unfinished(database: Database, route: str) -> list[Lapsed]:
    """The live runs of a route that have not closed their books: for whoever has become its consumer, they are dead."""
    run = tables.run.c
    query = (
        select(tables.run)
        .join(tables.route, tables.route.c.id == run.route_id)
        .where(tables.route.c.name == route, run.kind == "live", run.finished.is_(None))
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
    """The routes that have a consumer whose lease holds, and whose process is alive as far as can be told from here."""
    with database.read() as connection:
        held = select(tables.route.c.name, _consumer.holder)
        held = held.join(tables.consumer, _consumer.route_id == tables.route.c.id)
        rows = connection.execute(held.where(_consumer.lease_until >= now)).all()
    return {name for name, holder in rows if not has_died(holder)}

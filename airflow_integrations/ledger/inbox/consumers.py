"""The lease by which one process at a time takes what comes in for a route of low latency."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, Executable, bindparam, delete, func, or_, select

from airflow_integrations.ledger.inbox.event_rows import CHANNEL
from airflow_integrations.ledger.inbox.holder_process import has_died
from airflow_integrations.ledger.records import Lapsed, RunRef
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.route_ids import number_of
from airflow_integrations.ledger.storage.upsert import insert_for
from airflow_integrations.window import Window

if TYPE_CHECKING:
    from airflow_integrations.ledger.storage.database import Database

__all__ = ["consumed", "hold", "release_consumer", "unfinished"]

_consumer = tables.consumer.c
_run = tables.run.c
_HOLDER: Final = select(_consumer.holder).where(_consumer.route_id == bindparam("of"))
_HELD: Final = (
    select(tables.route.c.name, _consumer.holder)
    .join(tables.consumer, _consumer.route_id == tables.route.c.id)
    .where(_consumer.lease_until >= bindparam("now"))
)
_UNFINISHED: Final = (
    select(tables.run)
    .join(tables.route, tables.route.c.id == _run.route_id)
    .where(tables.route.c.name == bindparam("route"), _run.kind == "live", _run.finished.is_(None))
    .order_by(_run.id)
)


def hold(database: Database, route: str, holder: str, *, until: float, now: float) -> bool:
    """Whether ``holder`` is the route's consumer until then: it was, or there was none whose lease still holds and
    whose process is alive as far as can be told from here."""

    def write(connection: Connection) -> bool:
        row = {"route_id": number_of(connection, route), "holder": holder, "lease_until": until}
        unless, instead = _taking_over(connection.dialect.name)
        if connection.scalar(unless, row | {"now": now}) is not None:
            return True
        other = connection.scalar(_HOLDER, {"of": row["route_id"]})
        if other is None or not has_died(other):
            return False
        return connection.scalar(instead, row | {"other": other}) is not None

    return database.transact(write)


@cache
def _taking_over(dialect: str) -> tuple[Executable, Executable]:
    """Its holder is told, unless another one's lease holds; and: instead of a certain other one."""
    row = insert_for(dialect, tables.consumer)
    its_own = {name: row.excluded[name] for name in ("holder", "lease_until")}
    free = _consumer.lease_until < bindparam("now"), _consumer.holder == row.excluded.holder
    unless, instead = (
        row.on_conflict_do_update(index_elements=["route_id"], set_=its_own, where=where).returning(_consumer.holder)
        for where in (or_(*free), _consumer.holder == bindparam("other"))
    )
    return unless, instead


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
    with database.read() as connection:
        return [
            Lapsed(
                RunRef(row.id, row.route_id, route, row.run_id),
                row.kind,
                Window.parse(row.window_start, row.window_end),
                row.route_hash,
                row.staging,
            )
            for row in connection.execute(_UNFINISHED, {"route": route})
        ]


def consumed(database: Database, now: float) -> set[str]:
    """The routes that have a consumer whose lease holds, and whose process is alive as far as can be told from here."""
    with database.read() as connection:
        rows = connection.execute(_HELD, {"now": now}).all()
    return {name for name, holder in rows if not has_died(holder)}

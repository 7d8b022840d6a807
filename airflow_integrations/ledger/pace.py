"""The pace of requests to one system, shared by all processes: each leases the next turns before it uses them.

A row of the ledger says when the next free turn is. A lease moves it on by as many turns as it takes, in one
statement, so two processes never have the same turn. Who is less urgent leases only what is near: at any moment few
turns lie ahead, and a critical route, which takes the next one whenever it is, waits for less than a second.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    Float,
    and_,
    bindparam,
    case,
    cast,
    func,
    or_,
    select,
)

from airflow_integrations.errors import OutageError
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.transactions import writing
from airflow_integrations.ledger.storage.upsert import insert_for, insert_into

if TYPE_CHECKING:
    from airflow_integrations.ledger.storage.database import Database
    from airflow_integrations.route.definition import Priority

__all__ = ["AHEAD", "SharedPace", "hold_pace", "lease_turns"]

FAR: Final = 3600.0
"""Seconds: a turn cannot be so far ahead. Where one is, the clock was set back, and the row begins anew."""
AHEAD: Final[dict[Priority, float]] = {"critical": FAR, "high": 0.5, "normal": 0.3, "low": 0.1}
"""Seconds: how far ahead of now the next free turn may lie for a route of this priority to lease it."""
AGING: Final = 0.05
"""By how much of its waiting time a lease reaches further: who is low waits longer, and not for ever."""
_pace = tables.pace.c


@writing
def lease_turns(
    connection: Connection, name: str, *, turns: int, interval: float, ahead: float, now: float
) -> tuple[float, bool]:
    """Lease ``turns`` turns, ``interval`` seconds apart. Gives the seconds until the first of them, and True; or, where
    it is more than ``ahead`` seconds away, the seconds until the next free one, and False: nothing is leased.

    ``now`` is this machine's clock; PostgreSQL's own counts there, as machines may differ.
    """
    lease, next_free = _leasing(connection.dialect.name)
    values = {"of": name, "now": now, "span": turns * interval, "ahead": ahead}
    leased = connection.execute(lease, values).scalar_one_or_none()
    if leased is not None:
        return max(0.0, float(leased)), True
    away = connection.scalar(next_free, {"of": name, "now": now})
    return max(0.0, float(away or 0.0)), False


@cache
def _leasing(dialect: str) -> tuple[Executable, Executable]:
    """Lease turns; and the seconds until the next free one. Made once: it takes longer than to carry them out."""
    clock, span, ahead = _clock(dialect), bindparam("span", type_=Float), bindparam("ahead", type_=Float)
    begins = case((and_(_pace.free_at > clock, _pace.free_at < clock + FAR), _pace.free_at), else_=clock)
    near = or_(_pace.free_at <= clock + ahead, _pace.free_at >= clock + FAR)
    insert = insert_for(dialect, tables.pace).values(connection=bindparam("of"), free_at=clock + span)
    lease = insert.on_conflict_do_update(
        index_elements=["connection"], set_={"free_at": begins + span}, where=near
    ).returning(_pace.free_at - span - clock)
    return lease, select(_pace.free_at - clock).where(_pace.connection == bindparam("of"))


@writing
def hold_pace(connection: Connection, name: str, seconds: float, now: float) -> None:
    """Nobody leases a turn of the next ``seconds``: the system asked for it."""
    clock = _clock(connection.dialect.name)
    until = clock + min(seconds, FAR / 2)
    statement = insert_into(connection, tables.pace).values(connection=name, free_at=until)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["connection"], set_={"free_at": until}, where=_pace.free_at < until
        ),
        {"now": now},
    )


def _clock(dialect: str) -> ColumnElement[float]:
    """Seconds since 1970: this machine's ``now``, but PostgreSQL's own time there."""
    if dialect == "postgresql":
        return cast(func.extract("epoch", func.clock_timestamp()), Float)
    return bindparam("now", type_=Float)


class SharedPace:
    """The pace of one Connection, for one process. While the ledger is away each process keeps the pace by itself."""

    def __init__(
        self,
        database: Database,
        connection: str,
        *,
        priority: Priority,
        now: Callable[[], float],
        rng: random.Random,
        log: logging.Logger,
    ) -> None:
        self._database, self._connection = database, connection
        self._ahead = AHEAD[priority]
        self._now, self._rng, self._log = now, rng, log
        self._told = False
        self._free_at = 0.0
        """While the ledger is away."""

    async def lease(self, turns: int, interval: float, waited: float) -> tuple[float, int]:
        """Seconds until the first turn, and how many there are; none: ask again after so many seconds.

        ``waited``: seconds since this was first asked for.
        """
        ahead = self._ahead + AGING * waited
        try:
            away, leased = await asyncio.to_thread(
                lease_turns,
                self._database,
                self._connection,
                turns=turns,
                interval=interval,
                ahead=ahead,
                now=self._now(),
            )
        except OutageError as error:
            self._tell(error)
            now = self._now()
            begins = max(now, self._free_at)
            self._free_at = begins + interval
            return begins - now, 1
        if leased:
            return away, turns
        return max(0.0, away - ahead) + self._rng.uniform(0.0, max(interval, 0.05)), 0

    async def hold(self, seconds: float) -> None:
        """Nobody in any process leases turns of the next seconds."""
        try:
            await asyncio.to_thread(hold_pace, self._database, self._connection, seconds, self._now())
        except OutageError as error:
            self._tell(error)

    def _tell(self, error: OutageError) -> None:
        if not self._told:
            self._told = True
            self._log.warning(
                "Connection %s: its requests_per_second hold for this task alone while the ledger is away (%s)",
                self._connection,
                error,
            )

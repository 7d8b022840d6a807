"""Hears that something was written to an inbox, within milliseconds.

PostgreSQL notifies whoever listens. SQLite has a number that changes with every commit of another connection
(``PRAGMA data_version``): reading it costs some microseconds, so that it can be looked at two hundred times a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from airflow_integrations.ledger.inbox.event_rows import CHANNEL

if TYPE_CHECKING:
    from sqlalchemy import URL

    from airflow_integrations.ledger.storage.database import Database

__all__ = ["Bell", "application_name", "bell_of"]

LOOK_SECONDS = 0.005
"""How often SQLite's number is looked at."""
DEAF_SECONDS = 1.0
"""Where the connection that listens was lost: what waits is looked for so often until there is another."""


def application_name(route: str) -> str:
    """What PostgreSQL calls the connection of a bell (it keeps 63 bytes of a name)."""
    return f"airflow-integrations bell of {route}"


class Bell(Protocol):
    """Use as an asynchronous context."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None: ...

    async def wait(self, seconds: float) -> None:
        """Until something may have been written since the last wait began, or so long. May return for nothing."""
        ...


def bell_of(database: Database, route: str) -> Bell:
    """The bell of one route's inbox."""
    url = database.url
    if database.dialect == "postgresql":
        return _PostgresBell(url, route)
    return _SqliteBell(url.database or "")


class _SqliteBell:
    """One read-only connection of its own; used by one thread."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._seen: int | None = None

    async def __aenter__(self) -> Self:
        self._connection = sqlite3.connect(self._path, isolation_level=None)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()

    async def wait(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while True:
            number = self._number()
            if number != self._seen:
                self._seen = number
                return
            if loop.time() >= until:
                return
            await asyncio.sleep(LOOK_SECONDS)

    def _number(self) -> int:
        assert self._connection is not None, "enter the bell first"
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])


class _PostgresBell:
    """One connection of its own that listens; a lost one is made again. ``pg_stat_activity`` names its route."""

    def __init__(self, url: URL, route: str) -> None:
        self._url = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._route = route
        self._notified = asyncio.Event()
        self._notified.set()  # what came before it listened
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._notified.wait()
        self._notified.clear()

    async def _listen(self) -> None:
        import psycopg

        name = application_name(self._route)
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._url, autocommit=True, application_name=name
                ) as connection:
                    await connection.execute(f'LISTEN "{CHANNEL}"')
                    self._notified.set()  # what came while nobody listened
                    async for notice in connection.notifies():
                        if notice.payload == self._route:
                            self._notified.set()
            except psycopg.OperationalError:
                self._notified.set()
                await asyncio.sleep(DEAF_SECONDS)

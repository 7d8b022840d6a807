"""One connection to a database. Whatever is asked of it runs on a thread of its own, one thing after the other."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar

from airflow_integrations.errors import AnswerError, IntegrationError, OutageError, SetupError
from airflow_integrations.sql.database import Database
from airflow_integrations.sql.errors import is_of_database, kind_of, what_was_said
from airflow_integrations.sql.statement import outside_texts

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["Session", "raised_for"]

T = TypeVar("T")


def raised_for(database: Database, error: Exception) -> IntegrationError:
    """What is raised for an error that is not about one row."""
    kind, said = kind_of(error), f"Connection {database.name!r}: {what_was_said(error)}"
    if kind == "setup":
        return SetupError(said + _operator_remedy(error, said))
    return AnswerError(said) if kind == "refused" else OutageError(said)


def _operator_remedy(error: Exception, said: str) -> str:
    """What to write for ``==``, where the database stumbled over it: some have it."""
    statement = getattr(error, "statement", None) or ""
    return "; SQL compares with one =" if "=" in said and "==" in outside_texts(statement) else ""


class Session:
    """Use as an asynchronous context: the connection is opened first, and closed at the end.

    Raises SetupError and OutageError where it cannot be opened.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self._engine = database.engine()
        self._name = database.name
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"sql-{database.name}")
        self._connection: Connection | None = None

    @property
    def connection(self) -> Connection:
        """Only for what :meth:`run` runs. Opened anew where it was lost."""
        if self._connection is None or self._connection.closed or self._connection.invalidated:
            self.drop()
            self._connection = self._engine.connect()
            self._connection.info["airflow_connection"] = self._name
        return self._connection

    @property
    def is_lost(self) -> bool:
        """Whether the connection broke off. The next call opens another one."""
        return self._connection is None or self._connection.invalidated

    def rollback(self) -> None:
        """End what was begun. A connection that cannot is forgotten."""
        try:
            if self._connection is not None and not self.is_lost:
                self._connection.rollback()
        except Exception:
            self.drop()

    def drop(self) -> None:
        """Forget a connection that is broken, or in the middle of something."""
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.invalidate()
            with contextlib.suppress(Exception):
                self._connection.close()
            self._connection = None

    async def run(self, call: Callable[..., T], *args: Any) -> T:
        """Run a function of the connection on the thread. Where the caller is cancelled, so is the statement."""
        future = asyncio.get_running_loop().run_in_executor(self._thread, partial(call, *args))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.to_thread(self._cancel)
            with contextlib.suppress(BaseException):
                await future
            raise

    async def ask(self, call: Callable[..., T], *args: Any) -> T:
        """The same. Raises OutageError, SetupError and AnswerError for what the database or its driver raises."""
        try:
            return await self.run(call, *args)
        except Exception as error:
            raise self._told(error) from None

    def _told(self, error: Exception) -> Exception:
        if isinstance(error, IntegrationError) or not is_of_database(error):
            return error
        return raised_for(self.database, error)

    def _cancel(self) -> None:
        """Make the statement that is under way end soon."""
        with contextlib.suppress(Exception):
            assert self._connection is not None
            raw: Any = self._connection.connection.dbapi_connection
            for name in ("interrupt", "cancel_safe", "cancel", "_force_close"):  # sqlite3, psycopg, others, PyMySQL
                if (end := getattr(raw, name, None)) is not None:
                    end()
                    return

    async def __aenter__(self) -> Self:
        try:
            await self.run(lambda: self.connection)
        except Exception as error:
            self._thread.shutdown(wait=False)
            raise self._told(error) from None
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.run(self._close)
        self._thread.shutdown(wait=False)

    def _close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.close()
        self._engine.dispose()

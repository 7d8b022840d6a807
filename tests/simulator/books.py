"""The ledger's database: its own SQL, on SQLite in memory. Each transaction can end in the death of its process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, select

from airflow_integrations.errors import OutageError
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.schema_version import create_tables
from simulator.borders.process import PROCESS, reach
from simulator.borders.sqlite import Open, memory_engine

__all__ = ["WorldLedger", "empty_ledger"]


class WorldLedger(Ledger):
    """``away`` lets every transaction fail, as a database does that is restarted."""

    away = False
    rung: Any = None

    @contextmanager
    def write(self) -> Iterator[Connection]:
        reach("transaction")
        self._reachable()
        with super().write() as connection:
            before = self._changes()
            yield connection
            reach("commit")
            changed = self._changes() != before
        if self.rung is not None and changed:
            self.rung()
        reach("commit")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        reach("transaction")
        self._reachable()
        with super().read() as connection:
            yield connection

    @contextmanager
    def _transaction(self, engine: Any) -> Iterator[Connection]:
        """On one connection that stays open: a world has a hundred transactions, all of a memory's own."""
        if self.dialect == "sqlite":
            engine = _open(self._engine)
        with super()._transaction(engine) as connection:
            yield connection

    def _changes(self) -> int:
        return _open(self._engine).driver.total_changes if self.dialect == "sqlite" else 0

    def _reachable(self) -> None:
        if self.away and PROCESS.get() is not None:
            raise OutageError("the ledger is away: it is being restarted")

    def rows(self, table: Any) -> list[Any]:
        """All rows, for whoever looks at the world from outside."""
        with super().read() as connection:
            return list(connection.execute(_all_of(table)))

    def empty(self) -> None:
        """As it was when it was made."""
        self.away, self.rung = False, None
        for name in ("inbox", "fetches"):
            self.__dict__.pop(name, None)
        if self.dialect == "sqlite":
            driver = _open(self._engine).driver
            for statement in _EMPTIED:
                driver.execute(statement)
            return
        with super().write() as connection:
            for table in reversed(tables.metadata.sorted_tables):
                connection.execute(table.delete())


_open = lru_cache(maxsize=8)(Open)
_EMPTIED = [f"DELETE FROM {table.name}" for table in reversed(tables.metadata.sorted_tables)]
_all_of = lru_cache(maxsize=None)(select)


@lru_cache(maxsize=1)
def empty_ledger() -> WorldLedger:
    """One for all worlds of this process: it keeps its compiled statements."""
    ledger = WorldLedger(memory_engine(), "the ledger in memory", one_connection=True)
    with ledger.write() as connection:
        create_tables(connection)
    return ledger

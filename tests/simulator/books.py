"""The ledger's database: its own SQL, on SQLite in memory. Each transaction can end in the death of its process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Engine, select

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

    def __init__(self, engine: Engine, where: str, *, one_connection: bool = False) -> None:
        super().__init__(engine, where, one_connection=one_connection)
        self._memory = Open(engine) if self.dialect == "sqlite" else None

    @contextmanager
    def write(self) -> Iterator[Connection]:
        reach("transaction")
        self._reachable()
        with self._open(self._writer, writes=True) as connection:
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
        with self._open(self._engine, writes=False) as connection:
            yield connection

    def _open(self, engine: Any, *, writes: bool) -> AbstractContextManager[Connection]:
        """In memory on one connection that stays open: a world has some hundred transactions, all of a memory's own."""
        if self._memory is None:
            return self._transaction(engine)
        return self._memory.begin() if writes else self._memory.reading

    def _changes(self) -> int:
        return 0 if self._memory is None else self._memory.driver.total_changes

    def _reachable(self) -> None:
        if self.away and PROCESS.get() is not None:
            raise OutageError("the ledger is away: it is being restarted")

    def rows(self, table: Any) -> list[Any]:
        """All rows, for whoever looks at the world from outside."""
        with self._open(self._engine, writes=False) as connection:
            return list(connection.execute(_all_of(table)))

    def empty(self) -> None:
        """As it was when it was made."""
        self.away, self.rung = False, None
        for name in ("inbox", "fetches"):
            self.__dict__.pop(name, None)
        if self._memory is not None:
            driver = self._memory.driver
            for statement in _EMPTIED:
                driver.execute(statement)
            return
        with super().write() as connection:
            for table in reversed(tables.metadata.sorted_tables):
                connection.execute(table.delete())


_EMPTIED = [f"DELETE FROM {table.name}" for table in reversed(tables.metadata.sorted_tables)]
_all_of = lru_cache(maxsize=None)(select)


@lru_cache(maxsize=1)
def empty_ledger() -> WorldLedger:
    """One for all worlds of this process: it keeps its compiled statements."""
    ledger = WorldLedger(memory_engine(), "the ledger in memory", one_connection=True)
    with ledger.write() as connection:
        create_tables(connection)
    return ledger

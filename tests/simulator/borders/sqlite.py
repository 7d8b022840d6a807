"""SQLite in memory, with the ledger's own statements: SQLAlchemy compiles them, and the driver is asked directly.

What SQLAlchemy does around each execution (events, contexts, cursors, a statement prepared anew) costs more than a
table of five rows does. The worlds with PostgreSQL, and every other test, go all the way through it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData
from sqlalchemy.pool import StaticPool

__all__ = ["Open", "memory_engine"]

STATEMENTS = 2_000
"""So many prepared statements are kept, and compiled ones."""


def memory_engine() -> Engine:
    """A database in memory, of one connection."""
    return create_engine(
        "sqlite://",
        poolclass=StaticPool,
        hide_parameters=True,
        query_cache_size=STATEMENTS,
        connect_args={"isolation_level": None, "check_same_thread": False, "cached_statements": STATEMENTS},
    )


class Open:
    """One connection to it that stays open: a world has a hundred transactions, all of a memory's own."""

    def __init__(self, engine: Engine) -> None:
        self._connection = _Direct(engine)
        self._connection.begin()  # SQLAlchemy's stays open for ever; the real ones are begun and ended here
        self.driver: sqlite3.Connection = self._connection.connection.driver_connection  # type: ignore[assignment]
        self.driver.execute("COMMIT")

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction: committed at the end, undone where an exception or a death leaves it."""
        self.driver.execute("BEGIN")
        try:
            yield self._connection
        except BaseException:
            self.driver.execute("ROLLBACK")
            raise
        self.driver.execute("COMMIT")


class _Result(IteratorResult[Any]):
    rowcount: int


class _Direct(Connection):
    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._known: dict[Any, _Statement] = {}
        self._driver: sqlite3.Connection = self.connection.driver_connection  # type: ignore[assignment]

    def _execute_clauseelement(self, elem: Any, distilled_parameters: Any, execution_options: Any) -> Any:
        if len(distilled_parameters) <= 1:
            given = distilled_parameters[0] if distilled_parameters else None
            compiled, extracted, collected, _ = elem._compile_w_cache(
                dialect=self.dialect,
                compiled_cache=self.engine._compiled_cache,
                column_keys=sorted(given) if given else [],
                for_executemany=False,
            )
            statement = self._known.get(compiled)
            if statement is None:
                statement = self._known[compiled] = _Statement(compiled)
            if statement.plain:
                parameters = compiled.construct_params(
                    given, extracted_parameters=extracted, escape_names=False, _collected_params=collected
                )
                try:
                    return statement.run(self._driver, parameters)
                except sqlite3.Error:
                    pass  # it fails once more, in SQLAlchemy's words
        return super()._execute_clauseelement(elem, distilled_parameters, execution_options)


class _Statement:
    """A compiled statement. ``plain`` is false where SQLAlchemy has more to do than to hand it over."""

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled
        self._expands = bool(compiled.literal_execute_params or compiled.post_compile_params)
        self._processors: dict[str, Callable[[Any], Any]] = dict(compiled._bind_processors)
        self._metadata: SimpleResultMetaData | None = None
        self.plain = (
            not (compiled.insert_prefetch or compiled.update_prefetch or compiled.isplaintext)
            and not compiled._ad_hoc_textual
        )

    def run(self, driver: sqlite3.Connection, parameters: Any) -> _Result:
        compiled, processors = self._compiled, self._processors
        text, names = compiled.string, compiled.positiontup
        if self._expands:
            expanded = compiled._process_parameters_for_postcompile(parameters)
            text, names = expanded.statement, expanded.positiontup
            processors = {**processors, **expanded.processors}
        values = [processors[name](parameters[name]) if name in processors else parameters[name] for name in names]
        cursor = driver.execute(text, values)
        if self._metadata is None:
            self._metadata = self._made(cursor)
        result = _Result(self._metadata, iter(cursor.fetchall()))
        result.rowcount = cursor.rowcount
        return result

    def _made(self, cursor: sqlite3.Cursor) -> SimpleResultMetaData:
        columns = self._compiled._result_columns
        if len(columns) != len(cursor.description or ()):
            return SimpleResultMetaData([])
        types = [column.type.dialect_impl(self._compiled.dialect) for column in columns]
        return SimpleResultMetaData(
            [column.name for column in columns],
            extra=[column.objects for column in columns],
            _processors=[type_.result_processor(self._compiled.dialect, None) for type_ in types],
        )

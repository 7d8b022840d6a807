"""SQLite in memory, with the ledger's own statements: SQLAlchemy compiles them, and the driver is asked directly.

What SQLAlchemy does around each execution (events, contexts, cursors, a statement prepared anew) costs more than a
table of five rows does. The worlds with PostgreSQL, and every other test, go all the way through it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import nullcontext
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
        self.connection = _Direct(engine)
        self.connection.begin()  # SQLAlchemy's stays open for ever; the real ones are begun and ended here
        self.driver: sqlite3.Connection = self.connection.connection.driver_connection  # type: ignore[assignment]
        self.driver.execute("COMMIT")

        self.reading = nullcontext(self.connection)
        """A transaction that reads: nobody comes between."""

    def begin(self) -> _Transaction:
        """A transaction that writes: committed at the end, undone where an exception or a death leaves it."""
        return _Transaction(self)


class _Transaction:
    def __init__(self, memory: Open) -> None:
        self._memory = memory

    def __enter__(self) -> Connection:
        self._memory.driver.execute("BEGIN")
        return self._memory.connection

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._memory.driver.execute("COMMIT" if kind is None else "ROLLBACK")


class _Result(IteratorResult[Any]):
    rowcount: int


class _Direct(Connection):
    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._known: dict[Any, _Statement] = {}
        self._texts: dict[str, SimpleResultMetaData] = {}
        self._driver: sqlite3.Connection = self.connection.driver_connection  # type: ignore[assignment]

    def _execute_clauseelement(self, elem: Any, distilled_parameters: Any, execution_options: Any) -> Any:
        if len(distilled_parameters) <= 1:
            given = distilled_parameters[0] if distilled_parameters else _NOTHING
            names = tuple(given)
            kept = elem.__dict__.get(_KEPT)
            call = kept.get(names) if kept is not None else None
            if call is None:
                call = self._prepared(elem, names)
            if call.statement.plain:
                try:
                    return call.run(self._driver, given)
                except sqlite3.Error:
                    pass  # it fails once more, in SQLAlchemy's words
        return super()._execute_clauseelement(elem, distilled_parameters, execution_options)

    def exec_driver_sql(self, statement: str, parameters: Any = None, execution_options: Any = None) -> Any:
        if not isinstance(parameters, tuple):
            return super().exec_driver_sql(statement, parameters, execution_options)
        cursor = self._driver.execute(statement, parameters)
        metadata = self._texts.get(statement)
        if metadata is None:
            metadata = SimpleResultMetaData([column[0] for column in cursor.description or ()])
            self._texts[statement] = metadata
        result = _Result(metadata, iter(cursor.fetchall()))
        result.rowcount = cursor.rowcount
        return result

    def _prepared(self, elem: Any, names: tuple[str, ...]) -> _Call:
        """Kept with the statement: one that the engine makes once is compiled, and found again, once."""
        compiled, extracted, *_ = elem._compile_w_cache(
            dialect=self.dialect,
            compiled_cache=self.engine._compiled_cache,
            column_keys=sorted(names),
            for_executemany=False,
        )
        statement = self._known.get(compiled)
        if statement is None:
            statement = self._known[compiled] = _Statement(compiled)
        call = _Call(statement, extracted, names)
        kept = elem.__dict__.get(_KEPT)
        if kept is None:
            elem._set_memoized_attribute(_KEPT, kept := {})  # what is made of the statement is without it
        kept[names] = call
        return call


_KEPT = "_kept_in_the_simulator"
_NOTHING: dict[str, Any] = {}


class _Statement:
    """A compiled statement. ``plain`` is false where SQLAlchemy has more to do than to hand it over."""

    def __init__(self, compiled: Any) -> None:
        self.compiled = compiled
        self.processors: dict[str, Callable[[Any], Any]] = dict(compiled._bind_processors)
        self._metadata: SimpleResultMetaData | None = None
        self.plain = (
            not (compiled.insert_prefetch or compiled.update_prefetch or compiled.isplaintext)
            and not compiled._ad_hoc_textual
        )

    def run(self, driver: sqlite3.Connection, text: str, values: list[Any]) -> _Result:
        cursor = driver.execute(text, values)
        if self._metadata is None:
            self._metadata = self._made(cursor)
        result = _Result(self._metadata, iter(cursor.fetchall()))
        result.rowcount = cursor.rowcount
        return result

    def _made(self, cursor: sqlite3.Cursor) -> SimpleResultMetaData:
        columns = self.compiled._result_columns
        if len(columns) != len(cursor.description or ()):
            return SimpleResultMetaData([])
        types = [column.type.dialect_impl(self.compiled.dialect) for column in columns]
        return SimpleResultMetaData(
            [column.name for column in columns],
            extra=[column.objects for column in columns],
            _processors=[type_.result_processor(self.compiled.dialect, None) for type_ in types],
        )


class _Call:
    """A statement, and which of its parameters are given with each execution; the others are its own, ``extracted``
    from what it was made of."""

    def __init__(self, statement: _Statement, extracted: Any, names: tuple[str, ...]) -> None:
        self.statement = statement
        self._extracted = extracted
        self._parameters: list[tuple[str | None, Any, Callable[[Any], Any] | None]] = []
        compiled = statement.compiled
        of_lists = compiled.literal_execute_params | compiled.post_compile_params
        self._expands = any(parameter.key in names for parameter in of_lists)
        self._text = compiled.string
        if statement.plain and not self._expands:
            own = compiled.construct_params(dict.fromkeys(names), extracted_parameters=extracted, escape_names=False)
            key_of = {name: parameter.key for parameter, name in compiled.bind_names.items()}
            order, processors = compiled.positiontup, statement.processors
            if of_lists:  # they are the statement's own
                expanded = compiled._process_parameters_for_postcompile(own)
                self._text, order = expanded.statement, expanded.positiontup
                processors = {**processors, **expanded.processors}
                own = {**own, **expanded.additional_parameters}
            for name in order:
                key = next((key for key in (key_of.get(name), name) if key in names), None)
                process = processors.get(name)
                value = own[name] if process is None or key is not None else process(own[name])
                self._parameters.append((key, value, process))

    def run(self, driver: sqlite3.Connection, given: Any) -> _Result:
        statement = self.statement
        if self._expands:
            return self._expanded(driver, given)
        values = [
            value if key is None else given[key] if process is None else process(given[key])
            for key, value, process in self._parameters
        ]
        return statement.run(driver, self._text, values)

    def _expanded(self, driver: sqlite3.Connection, given: Any) -> _Result:
        statement, compiled = self.statement, self.statement.compiled
        parameters = compiled.construct_params(given, extracted_parameters=self._extracted, escape_names=False)
        expanded = compiled._process_parameters_for_postcompile(parameters)
        processors = {**statement.processors, **expanded.processors}
        values = [
            processors[name](parameters[name]) if name in processors else parameters[name]
            for name in expanded.positiontup
        ]
        return statement.run(driver, expanded.statement, values)

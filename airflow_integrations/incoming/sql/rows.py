"""The SELECT of a fetch: rows in a total order where there is one, from a place on, in one snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow_integrations.errors import SetupError
from airflow_integrations.sql.database import Database
from airflow_integrations.sql.statement import SqlText
from airflow_integrations.sql.tables import Table, quoted

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.sql import TextClause

__all__ = ["FIRST", "Binds", "Rows", "Snapshot", "page_size", "require", "table_source"]

MOST, BYTES = 5_000, 4 * 1024 * 1024
"""Rows and bytes of a page."""
FIRST = 100
"""Rows of the first page: how large they are shows then."""


class Binds:
    """The parameters of one statement: each value under a name of its own."""

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        self._known = values or {}
        self._values: dict[str, Any] = {}
        self._lists: set[str] = set()

    def copy(self) -> Binds:
        made = Binds(self._known)
        made._values, made._lists = dict(self._values), set(self._lists)
        return made

    def of(self, sql: SqlText) -> str:
        """A route's SQL, with what it binds bound."""
        return sql.rendered(self._named)

    def _named(self, name: str, behind_in: bool) -> str:
        value = self._known[name]() if callable(self._known[name]) else self._known[name]
        if isinstance(value, list | tuple) and not behind_in:
            raise SetupError(f":{name} is a list; write column in :{name}, without brackets")
        if behind_in and not isinstance(value, list | tuple):
            value = [value]
        return self.add(value)

    def add(self, value: Any) -> str:
        name = f"p{len(self._values)}"
        self._values[name] = value
        if isinstance(value, list | tuple):
            self._lists.add(name)
        return name

    def text(self, sql: str) -> TextClause:
        """The statement. Values have no type of their own: PostgreSQL gives a text the type of what it is compared
        with."""
        from sqlalchemy import bindparam, text
        from sqlalchemy.types import NullType

        params = [
            bindparam(name, value, type_=NullType(), expanding=name in self._lists)
            for name, value in self._values.items()
        ]
        return text(sql).bindparams(*params)


@dataclass(slots=True)
class Rows:
    """What is selected. ``order`` are the columns rows are ordered by; ``total``: no two rows are equal in them."""

    source: str
    """Rendered: the table's name, or the query in brackets."""
    columns: str
    where: list[str]
    binds: Binds
    order: tuple[str, ...]
    total: bool
    nullable: frozenset[str] = field(default_factory=frozenset)

    def select(
        self, connection: Connection, after: Sequence[Any] | None = None, limit: int | None = None
    ) -> TextClause:
        """The statement, from behind a place on."""
        quote = connection.dialect.identifier_preparer.quote
        where, binds = list(self.where), self.binds.copy()
        if after is not None:
            where.append(self._behind(binds, [quote(name) for name in self.order], after))
        sql = f"SELECT {self.columns} FROM {self.source}"
        if where:
            sql += " WHERE " + " AND ".join(f"({part}\n)" for part in where)
        if self.order:
            sql += " ORDER BY " + ", ".join(quote(name) for name in self.order)
        if limit is not None:
            sql += f" LIMIT {int(limit)}"
        return binds.text(sql)

    def _behind(self, binds: Binds, names: list[str], values: Sequence[Any]) -> str:
        """``a > :a OR (a = :a AND b > :b)``, which every database knows; the first part again in front, for its index.

        Where rows may be equal in them, equal ones are taken again.
        """
        bound = [":" + binds.add(value) for value in values]
        last = ">" if self.total else ">="
        parts = []
        for place, (name, value) in enumerate(zip(names, bound, strict=True)):
            equal = [f"{names[i]} = {bound[i]}" for i in range(place)]
            sign = last if place == len(names) - 1 else ">"
            parts.append(" AND ".join([*equal, f"{name} {sign} {value}"]))
        if len(names) == 1:
            return parts[0]
        return f"{names[0]} >= {bound[0]} AND (" + " OR ".join(f"({part})" for part in parts) + ")"


class Snapshot:
    """A transaction that only reads, and sees the database as it was when it began. Begin it on a session's thread."""

    def __init__(self, database: Database, connection: Connection) -> None:
        self._database = database
        self.connection = connection

    def begin(self, zone: ZoneInfo | None = None) -> None:
        connection, dialect = self.connection, self._database.dialect
        if dialect == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            connection.begin()
            if zone is not None:  # naive times and moments are compared by its clocks
                connection.exec_driver_sql("SELECT set_config('TimeZone', %s, false)", (zone.key,))
        elif self._database.is_mysql:
            connection.exec_driver_sql("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            connection.exec_driver_sql("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        elif dialect == "sqlite":
            connection.exec_driver_sql("PRAGMA query_only = ON")
            connection.exec_driver_sql("BEGIN")
        elif dialect == "oracle":
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")

    @property
    def pages_by_limit(self) -> bool:
        """Whether a result cannot be read bit by bit while another statement runs: MySQL."""
        return self._database.is_mysql

    def chunks(self, statement: TextClause) -> Iterator[tuple[Sequence[Any], list[Any]]]:
        """The rows in pages of bounded size, each with the result's description; at least one, which may be empty."""
        result = self.connection.execute(statement, execution_options={"stream_results": True})
        cursor: Any = result.cursor
        description: Sequence[Any] = list(cursor.description)
        try:
            size = FIRST
            while True:
                rows = [tuple(row) for row in result.fetchmany(size)]
                yield description, rows
                if len(rows) < size:
                    return
                size = page_size(rows)
        finally:
            result.close()


def page_size(rows: Sequence[Sequence[Any]]) -> int:
    """How many rows such as these make a page."""
    sample = rows[:: max(1, len(rows) // 20)]
    size = sum(_size(value) for row in sample for value in row) // max(1, len(sample))
    return max(1, min(MOST, BYTES // max(size, 1)))


def _size(value: Any) -> int:
    if isinstance(value, str | bytes):
        return len(value) + 16
    if isinstance(value, list | dict):
        return len(repr(value)) + 16
    return 16


def table_source(connection: Connection, table: Table, columns: Sequence[str] | None) -> tuple[str, str]:
    """The rendered name of a table, and its columns. Raises SetupError for a column that it does not have."""
    quote = connection.dialect.identifier_preparer.quote
    for name in columns or ():
        require(table, name)
    chosen = ", ".join(quote(name) for name in columns) if columns else "*"
    return quoted(connection, table.name), chosen


def require(table: Table, name: str) -> None:
    from airflow_integrations.config.suggestions import continued

    if name not in table.columns:
        raise SetupError(f"table {table.name} has no column {name}{continued(name, table.columns)}")

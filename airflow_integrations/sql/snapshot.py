"""Reading without writing: one transaction that sees the database as it was, and rows in pages of bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow_integrations.sql.database import Database

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.sql import TextClause

__all__ = ["FIRST", "Snapshot", "page_size"]

MOST, BYTES = 5_000, 4 * 1024 * 1024
"""Rows and bytes of a page."""
FIRST = 100
"""Rows of the first page: how large they are shows then."""


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

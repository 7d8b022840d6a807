"""Whether the database would let us: asked of it, without writing anything."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from airflow_integrations.sql.database import Database
from airflow_integrations.sql.tables import quoted

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["may_create", "missing_rights"]

_DENIED = frozenset({1044, 1142, 1143, 1227})
"""MySQL: access to the database, a command on a table, on a column, a privilege."""


def missing_rights(database: Database, connection: Connection, wanted: Mapping[str, Collection[str]]) -> list[str]:
    """What we may not do with which table, in words. ``wanted``: INSERT, UPDATE, DELETE by table.

    Known of PostgreSQL, MySQL, MariaDB and SQLite; elsewhere nothing is missing.
    """
    if database.dialect == "sqlite":
        return _of_file(database) if wanted else []
    found = []
    for table, rights in wanted.items():
        for right in sorted(rights):
            if database.dialect == "postgresql" and not _postgres_lets(connection, table, right):
                found.append(f"table {table}: no right to {right}; GRANT {right} ON {table} TO its user")
            elif database.is_mysql and (why := _mysql_denies(connection, table, right)):
                found.append(f"table {table}: no right to {right}: {why}")
    connection.rollback()
    return found


def may_create(database: Database, connection: Connection) -> bool:
    """Whether a table may be made where ours would stand. Known of PostgreSQL; elsewhere it is taken to be so."""
    if database.dialect != "postgresql":
        return True
    from sqlalchemy import text

    may = connection.scalar(text("SELECT has_schema_privilege(current_schema(), 'CREATE')"))
    connection.rollback()
    return bool(may)


def _postgres_lets(connection: Connection, table: str, right: str) -> bool:
    from sqlalchemy import text

    asked = "has_table_privilege(:table, :right)"
    if right != "DELETE":  # that is of whole rows
        asked += " OR has_any_column_privilege(:table, :right)"
    return bool(connection.scalar(text(f"SELECT {asked}"), {"table": quoted(connection, table), "right": right}))


def _mysql_denies(connection: Connection, table: str, right: str) -> str:
    """The plan of a statement is only shown to who may run it."""
    from sqlalchemy.exc import DBAPIError

    from airflow_integrations.sql.errors import what_was_said

    name = quoted(connection, table).replace("%", "%%")
    statement = {
        "INSERT": f"INSERT INTO {name} () VALUES ()",
        "UPDATE": f"UPDATE {name} SET {_column(connection, table)} = NULL WHERE 1 = 0",
        "DELETE": f"DELETE FROM {name} WHERE 1 = 0",
    }[right]
    try:
        connection.exec_driver_sql(f"EXPLAIN {statement}").close()
    except DBAPIError as error:
        arguments = getattr(error.orig, "args", ())
        return what_was_said(error) if arguments and arguments[0] in _DENIED else ""
    return ""


def _column(connection: Connection, table: str) -> str:
    from airflow_integrations.sql.tables import table_of

    first = next(iter(table_of(connection, table).columns))
    return connection.dialect.identifier_preparer.quote(first).replace("%", "%%")


def _of_file(database: Database) -> list[str]:
    path = Path(unquote(database.url.partition("///")[2].partition("?")[0]))
    for each, what in ((path, "the file"), (path.parent, "its folder, in which the journal is written,")):
        if str(path) and each.exists() and not os.access(each, os.W_OK):
            return [f"{what} {each} cannot be written"]
    return []

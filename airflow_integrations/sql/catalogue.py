"""Which schemas, tables and views a database has, and what its statistics say of their size: nothing is counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection, Inspector

__all__ = ["Listed", "relations", "schemas"]

_POSTGRES_SCHEMAS = """
SELECT nspname, has_schema_privilege(oid, 'USAGE') FROM pg_catalog.pg_namespace
WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY nspname"""
_POSTGRES = """
SELECT c.relname, c.relkind::text, c.reltuples::bigint, c.relpages::bigint * current_setting('block_size')::int,
       has_table_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = :schema AND c.relkind IN ('r', 'p', 'f', 'v', 'm') AND NOT c.relispartition"""
_MYSQL = """
SELECT table_name, table_type, table_rows, data_length FROM information_schema.tables WHERE table_schema = :schema"""
_MYSQL_OWN = frozenset({"information_schema", "mysql", "performance_schema", "sys"})
_OTHERS_OWN = frozenset({"information_schema", "pg_catalog", "sys", "guest", "INFORMATION_SCHEMA"})
_KINDS = {"v": "view", "m": "view"}


@dataclass(frozen=True, slots=True)
class Listed:
    """A table or view."""

    name: str
    what: str
    rows: int | None = None
    bytes: int | None = None
    problem: str | None = None
    at_most: int | None = None
    """Where nothing says how many rows there are: no more than this."""


def schemas(connection: Connection, inspector: Inspector) -> tuple[Mapping[str, str | None], str | None]:
    """The schemas of users, each with why it cannot be looked into, else None; and the one that needs no naming."""
    from sqlalchemy import text

    default = inspector.default_schema_name
    if connection.dialect.name == "postgresql":
        found = connection.execute(text(_POSTGRES_SCHEMAS))
        return {name: None if may else "no right to look inside (USAGE)" for name, may in found}, default
    if connection.dialect.name == "sqlite":
        return dict.fromkeys(inspector.get_schema_names()), default or "main"
    own = _MYSQL_OWN if connection.dialect.name in ("mysql", "mariadb") else _OTHERS_OWN
    return {name: None for name in inspector.get_schema_names() if name not in own}, default


def relations(connection: Connection, inspector: Inspector, schema: str | None) -> list[Listed]:
    """The tables and views of a schema, in the order of their names."""
    dialect = connection.dialect.name
    if dialect == "postgresql":
        found = _postgres(connection, schema)
    elif dialect in ("mysql", "mariadb"):
        found = _mysql(connection, schema)
    else:
        found = [Listed(name, "table") for name in inspector.get_table_names(schema)]
        found += [Listed(name, "view") for name in inspector.get_view_names(schema)]
        if dialect == "sqlite":
            found = _sqlite(connection, schema, found)
    return sorted(found, key=lambda each: each.name)


def _postgres(connection: Connection, schema: str | None) -> list[Listed]:
    """By the statistics alone: asking for sizes would wait for locks."""
    from sqlalchemy import text

    told = (connection.dialect.server_version_info or (0,)) >= (14,)  # -1: never analyzed; 0 says as little before 14
    return [
        Listed(
            name,
            _KINDS.get(kind, "table"),
            None if kind == "v" or rows < 0 or (rows == 0 and not told) else rows,
            size or None,
            None if may else "no right to read it (SELECT)",
        )
        for name, kind, rows, size, may in connection.execute(text(_POSTGRES), {"schema": schema})
    ]


def _mysql(connection: Connection, schema: str | None) -> list[Listed]:
    from sqlalchemy import text

    return [
        Listed(name, "view" if "VIEW" in kind else "table", _number(rows), _number(size))
        for name, kind, rows, size in connection.execute(text(_MYSQL), {"schema": schema})
        if kind != "SEQUENCE"
    ]


def _sqlite(connection: Connection, schema: str | None, found: list[Listed]) -> list[Listed]:
    """By ANALYZE's table where it was run; else by the row ids' bounds, which two looks into the tree give."""
    from sqlalchemy import text
    from sqlalchemy.exc import DBAPIError

    quote = connection.dialect.identifier_preparer.quote_identifier
    place = quote(schema or "main")
    analyzed: dict[str, int] = {}
    try:
        for table, stat in connection.execute(text(f"SELECT tbl, stat FROM {place}.sqlite_stat1")):
            analyzed[str(table)] = int(str(stat).split()[0])
    except (DBAPIError, ValueError, IndexError):
        pass
    told = []
    for each in found[:1000]:
        rows, most = analyzed.get(each.name), None
        if rows is None and each.what == "table":
            rows_of = f"FROM {place}.{quote(each.name)}"
            # two queries: with both in one SQLite reads every row
            asked = f"SELECT (SELECT max(rowid) {rows_of}) - (SELECT min(rowid) {rows_of}) + 1"
            try:
                most = _number(connection.exec_driver_sql(asked).scalar()) or 0
            except DBAPIError:  # WITHOUT ROWID
                most = None
        told.append(Listed(each.name, each.what, rows, at_most=most))
    return [*told, *found[1000:]]


def _number(value: Any) -> int | None:
    return None if value is None else int(value)

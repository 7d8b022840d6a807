"""Rows of a batch to statements: many in one where the database has a way, else one after the other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from airflow_integrations.outgoing.sql.plan import Planned, Row, RowWrite, TablePlan
from airflow_integrations.sql.database import Database
from airflow_integrations.sql.tables import quoted, split_name

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select
    from sqlalchemy.sql.expression import TableClause

__all__ = ["MissingRowError", "call_for", "row_exists", "write_table"]

BULK = 100
"""From so many rows on PostgreSQL takes them by COPY."""


class MissingRowError(Exception):
    """A row that was to be updated is not there."""


def write_table(database: Database, connection: Connection, plan: TablePlan, writes: Sequence[RowWrite]) -> None:
    """Write the rows of one table, and their children. Raises what the driver does, and MissingRowError."""
    children = plan.options.children
    gone = [write.row for write in writes if write.mode == "delete"]
    kept = [write for write in writes if write.mode != "delete"]
    for name, child in children.items():
        on = child.on
        owners = [write.row for write in writes if write.mode == "delete" or name in write.children]
        known = [
            {column: row[parent] for column, parent in on.items()} for row in owners if set(on.values()) <= row.keys()
        ]
        _delete(connection, child.table, tuple(on), known)
    if gone:
        _delete(connection, plan.name, plan.keys, gone)
    if kept:
        for columns, rows in _alike(write.row for write in kept):
            _rows(database, connection, plan, columns, rows)
    for name, child in children.items():
        for columns, rows in _alike(row for write in kept for row in write.children.get(name, ())):
            _insert(database, connection, child.table, columns, rows)


def _alike(rows: Iterator[Row]) -> Iterator[tuple[tuple[str, ...], list[Row]]]:
    """Rows with the same columns together: what an entity does not have is not set to NULL."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row), []).append(row)
    yield from groups.items()


def _rows(
    database: Database, connection: Connection, plan: TablePlan, columns: tuple[str, ...], rows: list[Row]
) -> None:
    mode, keys = plan.options.mode, plan.keys
    if mode in ("insert", "append"):
        _insert(database, connection, plan.name, columns, rows)
    elif mode == "update":
        _update(database, connection, plan.name, columns, keys, rows)
    elif database.dialect == "postgresql":
        _insert(database, connection, plan.name, columns, rows, _on_conflict(connection, columns, keys))
    elif database.dialect == "sqlite":
        from sqlalchemy.dialects.sqlite import insert

        statement = insert(_table(plan.name, columns))
        others = {name: statement.excluded[name] for name in columns if name not in keys}
        made = (
            statement.on_conflict_do_update(list(keys), set_=others)
            if others
            else statement.on_conflict_do_nothing(list(keys))
        )
        connection.execute(made, rows)
    elif database.is_mysql and plan.table is not None and set(plan.table.unique) == {frozenset(keys)}:
        from sqlalchemy.dialects.mysql import insert as mysql_insert

        statement_ = mysql_insert(_table(plan.name, columns))
        own = {name: statement_.inserted[name] for name in columns if name not in keys} or {
            keys[0]: statement_.inserted[keys[0]]
        }
        connection.execute(statement_.on_duplicate_key_update(own), rows)
    else:
        # MySQL's ON DUPLICATE KEY also takes a row that is the same in another unique index, and would overwrite it
        for row in rows:
            if not _update_one(connection, plan.name, columns, keys, row):
                connection.execute(_table(plan.name, columns).insert(), row)


def _table(name: str, columns: Sequence[str]) -> TableClause:
    from sqlalchemy import column, table

    schema, own = split_name(name)
    return table(own, *(column(each) for each in columns), schema=schema)


def _insert(
    database: Database, connection: Connection, name: str, columns: tuple[str, ...], rows: list[Row], tail: str = ""
) -> None:
    if database.dialect == "postgresql" and columns:
        if len(rows) >= BULK:
            _copy(connection, name, columns, rows, tail)
            return
        quote = connection.dialect.identifier_preparer.quote
        names = ", ".join(quote(column) for column in columns)
        values = ", ".join(["%s"] * len(columns))
        sql = f"INSERT INTO {_escaped(quoted(connection, name))} ({_escaped(names)}) VALUES ({values}){_escaped(tail)}"
        connection.exec_driver_sql(sql, [tuple(row.values()) for row in rows])
        return
    connection.execute(_table(name, columns).insert(), rows)


def _escaped(sql: str) -> str:
    return sql.replace("%", "%%")


def _on_conflict(connection: Connection, columns: tuple[str, ...], keys: tuple[str, ...]) -> str:
    quote = connection.dialect.identifier_preparer.quote
    target = ", ".join(quote(name) for name in keys)
    others = ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in columns if name not in keys)
    return f" ON CONFLICT ({target}) DO " + (f"UPDATE SET {others}" if others else "NOTHING")


def _copy(connection: Connection, name: str, columns: tuple[str, ...], rows: list[Row], tail: str) -> None:
    """COPY into a temporary table, which has no constraints, and on from there in one statement."""
    quote = connection.dialect.identifier_preparer.quote
    names = ", ".join(quote(column) for column in columns)
    target = quoted(connection, name)
    copy = f"integrations_{hashlib.blake2b(f'{target} {names}'.encode(), digest_size=12).hexdigest()}"
    raw: Any = connection.connection.dbapi_connection
    with raw.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMPORARY TABLE IF NOT EXISTS {copy} ON COMMIT DELETE ROWS AS "
            f"SELECT {names} FROM {target} WITH NO DATA"
        )
        cursor.execute(f"DELETE FROM {copy}")
        with cursor.copy(f"COPY {copy} ({names}) FROM STDIN") as into:
            for row in rows:
                into.write_row(tuple(row.values()))
        cursor.execute(f"INSERT INTO {target} ({names}) SELECT {names} FROM {copy}{tail}")


def _update(
    database: Database,
    connection: Connection,
    name: str,
    columns: tuple[str, ...],
    keys: tuple[str, ...],
    rows: list[Row],
) -> None:
    for row in rows:
        if not _update_one(connection, name, columns, keys, row):
            raise MissingRowError


def _update_one(connection: Connection, name: str, columns: tuple[str, ...], keys: tuple[str, ...], row: Row) -> bool:
    from sqlalchemy import bindparam

    table = _table(name, columns)
    others = [column for column in columns if column not in keys] or list(keys[:1])
    statement = table.update().values({column: bindparam(f"v{at}") for at, column in enumerate(others)})
    for at, key in enumerate(keys):
        statement = statement.where(table.c[key] == bindparam(f"k{at}"))
    values = {f"v{at}": row[column] for at, column in enumerate(others)} | {
        f"k{at}": row[key] for at, key in enumerate(keys)
    }
    return connection.execute(statement, values).rowcount > 0


def _delete(connection: Connection, name: str, keys: tuple[str, ...], rows: Sequence[Row]) -> None:
    from sqlalchemy import bindparam
    from sqlalchemy.types import NullType

    if not rows:
        return
    table = _table(name, keys)
    if len(keys) == 1:
        column = table.c[keys[0]]
        values = [row[keys[0]] for row in rows]
        for at in range(0, len(values), 500):
            some = bindparam("some", values[at : at + 500], type_=NullType(), expanding=True)
            connection.execute(table.delete().where(column.in_(some)))
        return
    statement = table.delete()
    for at, key in enumerate(keys):
        statement = statement.where(table.c[key] == bindparam(f"k{at}"))
    connection.execute(statement, [{f"k{at}": row[key] for at, key in enumerate(keys)} for row in rows])


def row_exists(connection: Connection, name: str, keys: tuple[str, ...], row: Row) -> bool:
    from sqlalchemy import bindparam, literal_column, select

    table = _table(name, keys)
    statement: Select[Any] = select(literal_column("1")).select_from(table)
    for at, key in enumerate(keys):
        statement = statement.where(table.c[key] == bindparam(f"k{at}"))
    return connection.execute(statement, {f"k{at}": row[key] for at, key in enumerate(keys)}).first() is not None


def call_for(connection: Connection, procedure: str, planned: Planned) -> None:
    """Call a procedure, as the database's dialect does that."""
    from sqlalchemy import text

    args = planned.args or []
    names = ", ".join(f":a{at}" for at in range(len(args)))
    target = quoted(connection, procedure).replace(":", "\\:")
    word = {"mssql": f"EXEC {target} {names}", "oracle": f"BEGIN {target}({names}); END;"}
    sql = word.get(connection.dialect.name, f"CALL {target}({names})")
    result = connection.execute(text(sql).bindparams(**{f"a{at}": value for at, value in enumerate(args)}))
    result.close()

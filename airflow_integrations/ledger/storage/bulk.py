"""Thousands of rows in one statement: how SQLite and PostgreSQL want to be given them.

SQLite takes one JSON text (measured at half the time of executemany, which maintains the partial indexes more slowly).
PostgreSQL takes one text per column and parts it: less work for the driver than lists of values, and without the
temporary table that COPY needs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, Connection, String, any_, bindparam, func, literal, select

from airflow_integrations.ledger.storage import tables

__all__ = [
    "ROWS",
    "SqlType",
    "among",
    "among_given",
    "as_parameter",
    "lock_entities",
    "lock_leases",
    "lock_route",
    "write_rows",
]

SqlType = Literal["text", "float8", "integer"]
ROWS = "<rows>"
"""Where :func:`write_rows` puts its rows in a statement; they are a table with the given columns."""
_PART = "\x1f"
_NULL = "\x1e"


_ENTITIES = 0x1ED6E5
"""First half of PostgreSQL's advisory locks on the entities of a route; the second is the route's number."""


def lock_route(connection: Connection, route_id: int) -> None:
    """What changes the entities or the leases of a route takes turns until the transaction ends.

    SQLite has one writer anyway. On PostgreSQL these are two locks, always taken in this order: a push reserves the
    next entities (:func:`lock_leases`) while it concludes others (:func:`lock_entities`).
    """
    lock_leases(connection, route_id)
    lock_entities(connection, route_id)


def lock_leases(connection: Connection, route_id: int) -> None:
    """Who leases keys takes turns. Entities may be written meanwhile: read the leases first, then the entities."""
    if connection.dialect.name == "postgresql":
        connection.execute(
            select(tables.route.c.id).where(tables.route.c.id == route_id).with_for_update(key_share=True)
        )


def lock_entities(connection: Connection, route_id: int, *, synchronous: bool = True) -> None:
    """Who writes entities takes turns: rows that are written in another order would lock each other out.

    Without ``synchronous`` the commit does not wait for PostgreSQL's disk.
    """
    if connection.dialect.name == "postgresql":
        commit = () if synchronous else (func.set_config("synchronous_commit", "off", True),)
        connection.execute(select(func.pg_advisory_xact_lock(_ENTITIES, route_id), *commit))


def among(connection: Connection, column: ColumnElement[str], keys: Collection[str]) -> ColumnElement[bool]:
    """SQL: ``column`` is one of the keys, of which there may be thousands."""
    return _among(connection.dialect.name, column, literal(as_parameter(connection, keys)))


def among_given(dialect: str, column: ColumnElement[str], name: str) -> ColumnElement[bool]:
    """The same for a statement that is made once: the parameter of this name is :func:`as_parameter`."""
    return _among(dialect, column, bindparam(name, type_=String))


def as_parameter(connection: Connection, keys: Collection[str]) -> str:
    """The keys as one text."""
    return "\n".join(keys) if connection.dialect.name == "postgresql" else msgspec.json.encode(list(keys)).decode()


def _among(dialect: str, column: ColumnElement[str], keys: ColumnElement[str]) -> ColumnElement[bool]:
    if dialect == "postgresql":
        return column == any_(func.string_to_array(keys, literal("\n")))
    return column.in_(select(func.json_each(keys).table_valued("value").c.value))


def write_rows(
    connection: Connection, statement: str, columns: Mapping[str, SqlType], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Runs ``statement``, an INSERT … SELECT from :data:`ROWS`, for all rows: values in the order of ``columns``.

    Neither the statement nor a value may hold a percent sign or one of the characters that part the columns;
    :func:`~airflow_integrations.ledger.runs.history.printable` removes the latter from texts of unknown origin.
    """
    dialect = connection.dialect.name
    if dialect == "postgresql":
        parameters: tuple[str, ...] = tuple(map(_joined, zip(*rows, strict=True)))
    else:
        parameters = (msgspec.json.encode(rows).decode(),)
    connection.exec_driver_sql(_with_rows(dialect, statement, tuple(columns.items())), parameters)


@lru_cache(maxsize=256)
def _with_rows(dialect: str, statement: str, columns: tuple[tuple[str, SqlType], ...]) -> str:
    if dialect == "postgresql":
        arrays = ", ".join(f"string_to_array(%s::text, '{_PART}', '{_NULL}')::{kind}[]" for _, kind in columns)
        source = f"unnest({arrays}) AS r({', '.join(name for name, _ in columns)})"
    else:
        fields = ", ".join(f"json_extract(value, '$[{at}]') AS {name}" for at, (name, _) in enumerate(columns))
        source = f"(SELECT {fields} FROM json_each(?)) AS r"  # noqa: S608
    return statement.replace(ROWS, source)


def _joined(values: tuple[Any, ...]) -> str:
    try:
        return _PART.join(values)
    except TypeError:
        return _PART.join([_NULL if value is None else str(value) for value in values])

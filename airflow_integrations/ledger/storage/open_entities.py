"""The rows of entities that are not closed: few among many, so they are found by an index of their own."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import BindParameter, ColumnElement, Connection, String, and_, func, literal_column

from airflow_integrations.ledger.storage import tables

__all__ = ["by_key", "open_of", "open_of_one", "open_where"]


def open_of(connection: Connection, routes: Collection[int]) -> ColumnElement[bool]:
    """SQL: an open entity of one of these routes."""
    route_id = tables.entity.c.route_id
    of_route = route_id == next(iter(routes)) if len(routes) == 1 else route_id.in_(routes)
    return open_where(connection.dialect.name, of_route)


def open_of_one(dialect: str, route_id: BindParameter[int]) -> ColumnElement[bool]:
    """SQL: an open entity of a route that is named when the statement is executed."""
    return open_where(dialect, tables.entity.c.route_id == route_id)


def open_where(dialect: str, of_route: ColumnElement[bool]) -> ColumnElement[bool]:
    """SQL: an open entity for which the condition on its route holds.

    SQLite takes the primary key's order for the cheaper way, and reads all rows of the route, unless it is told that
    the route excludes few: https://sqlite.org/lang_corefunc.html#likely
    """
    return and_(func.likely(of_route) if dialect == "sqlite" else of_route, tables.OPEN)


def by_key(connection: Connection) -> ColumnElement[str]:
    """SQL: the order of their keys, as something to sort, not as a reason to walk through the primary key."""
    key = tables.entity.c.key
    return literal_column(f"+{key}", String) if connection.dialect.name == "sqlite" else key

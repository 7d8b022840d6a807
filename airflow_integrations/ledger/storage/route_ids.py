"""Names of routes to the ledger's numbers, for what people ask."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from functools import cache
from typing import Final

from sqlalchemy import Connection, Insert, bindparam, select

from airflow_integrations.errors import RunError
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.upsert import insert_for

__all__ = ["known_route", "number_of", "route_names", "route_number"]

_BY_NAME: Final = select(tables.route.c.id).where(tables.route.c.name == bindparam("name"))


def route_number(connection: Connection, name: str) -> int | None:
    """None: the ledger has not heard of the route."""
    found: int | None = connection.scalar(_BY_NAME, {"name": name})
    return found


def number_of(connection: Connection, name: str) -> int:
    """The same; a route that the ledger has not heard of gets a number. For a transaction that writes."""
    found = route_number(connection, name)
    if found is None:
        connection.execute(_adding(connection.dialect.name), {"name": name})
        found = connection.execute(_BY_NAME, {"name": name}).scalar_one()
    return found


@cache
def _adding(dialect: str) -> Insert:
    return insert_for(dialect, tables.route).on_conflict_do_nothing()


def known_route(connection: Connection, name: str) -> int:
    """The same. Raises RunError for a route that has not run yet."""
    if (found := route_number(connection, name)) is not None:
        return found
    names = list(connection.scalars(select(tables.route.c.name)))
    near = get_close_matches(name, names, n=1)
    remedy = f"did you mean {near[0]}?" if near else "it is there from its first run on"
    raise RunError(f"the ledger does not know the route {name}: {remedy}")


def route_names(connection: Connection, names: Collection[str]) -> dict[int, str]:
    """By number, those of these routes that the ledger knows."""
    rows = connection.execute(
        select(tables.route.c.id, tables.route.c.name).where(tables.route.c.name.in_(list(names)))
    )
    return {row.id: row.name for row in rows}

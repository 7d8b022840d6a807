"""The definitions that a route's runs worked by, told apart by their hash."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cache
from typing import TYPE_CHECKING, Final

import msgspec
from sqlalchemy import Connection, Insert, bindparam, exists, func, select

from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.route_ids import route_number
from airflow_integrations.ledger.storage.transactions import writing
from airflow_integrations.ledger.storage.upsert import insert_for

if TYPE_CHECKING:
    from airflow_integrations.ledger.records import RunRef
    from airflow_integrations.ledger.storage.database import Database

__all__ = ["Version", "definition", "newest_hashes", "remember_definition", "versions"]

_definition, _run, _route = tables.definition.c, tables.run.c, tables.route.c

_KNOWN: Final = select(
    exists().where(_definition.route_id == bindparam("of_route"), _definition.hash == bindparam("its_hash"))
)


class Version(msgspec.Struct, frozen=True):
    """One definition of a route, and which runs worked by it."""

    hash: str
    first: float
    """When the first run that the ledger still has began."""
    last: float
    runs: int
    kept: bool
    """Whether its text is in the ledger: runs of earlier versions of this package did not leave it there."""


@writing
def remember_definition(
    connection: Connection, run: RunRef, route_hash: str, text: Callable[[], str], now: float
) -> None:
    """Keep what a run works by. ``text`` is called where that is not known yet."""
    if connection.scalar(_KNOWN, {"of_route": run.route_id, "its_hash": route_hash}):
        return
    values = {"route_id": run.route_id, "hash": route_hash, "at": now, "text": text()}
    connection.execute(_keeping(connection.dialect.name), values)


@cache
def _keeping(dialect: str) -> Insert:
    return insert_for(dialect, tables.definition).on_conflict_do_nothing()


def definition(database: Database, route: str, hash: str) -> str | None:  # noqa: A002
    """The text, as YAML. None: it is not kept."""
    with database.read() as connection:
        found: str | None = connection.scalar(
            select(_definition.text)
            .join(tables.route, _route.id == _definition.route_id)
            .where(_route.name == route, _definition.hash == hash)
        )
        return found


def newest_hashes(database: Database, routes: Collection[str]) -> dict[str, str]:
    """By route, the hash of the definition that its newest run worked by. Routes that never ran are left out."""
    newest = (
        select(_run.route_hash)
        .where(_run.route_id == _route.id)
        .order_by(_run.started.desc())
        .limit(1)
        .correlate(tables.route)
        .scalar_subquery()
    )
    with database.read() as connection:
        rows = connection.execute(select(_route.name, newest).where(_route.name.in_(routes)))
        return {name: found for name, found in rows if found is not None}


def versions(database: Database, route: str) -> list[Version]:
    """The newest first. Empty for a route that never ran."""
    with database.read() as connection:
        if (route_id := route_number(connection, route)) is None:
            return []
        kept = set(connection.scalars(select(_definition.hash).where(_definition.route_id == route_id)))
        rows = connection.execute(
            select(_run.route_hash, func.min(_run.started), func.max(_run.started), func.count())
            .where(_run.route_id == route_id)
            .group_by(_run.route_hash)
            .order_by(func.max(_run.started).desc())
        )
        return [Version(found, first, last, runs, found in kept) for found, first, last, runs in rows]

"""The newest run of each route, and the newest that went well."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import ScalarSelect, Select, select

from airflow_integrations.ledger import schema
from airflow_integrations.ledger.answers import RunBooks
from airflow_integrations.ledger.queries import books_of

if TYPE_CHECKING:
    from airflow_integrations.ledger.database import Database

__all__ = ["Latest", "latest"]

_run, _route = schema.run.c, schema.route.c


class Latest(msgspec.Struct, frozen=True):
    """None: there is no such run in the ledger."""

    run: RunBooks | None
    finished: RunBooks | None
    """The newest whose books are closed."""
    success: float | None
    """When the newest run without a verdict closed its books."""


def latest(database: Database, routes: Collection[str]) -> dict[str, Latest]:
    """By route; those that the ledger does not know are left out."""
    ended = _run.finished.is_not(None)
    with database.read() as connection:
        rows = connection.execute(
            select(
                _route.name,
                _newest(select(_run.id)),
                _newest(select(_run.id).where(ended)),
                _newest(select(_run.finished).where(ended, _run.verdict.is_(None))),
            ).where(_route.name.in_(list(routes)))
        ).all()
        numbers = {number for row in rows for number in row[1:3]} - {None}
        books = {
            found.id: books_of(found)
            for found in connection.execute(select(schema.run).where(_run.id.in_(sorted(numbers))))
        }
    return {name: Latest(books.get(newest), books.get(closed), success) for name, newest, closed, success in rows}


def _newest(what: Select[Any]) -> ScalarSelect[Any]:
    """Of a route, by the index on when runs began: it ends at the first that fits."""
    return (
        what.where(_run.route_id == _route.id)
        .order_by(_run.started.desc())
        .limit(1)
        .correlate(schema.route)
        .scalar_subquery()
    )

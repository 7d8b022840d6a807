"""Entities by a description, within a bounded time: what no index finds is read a stretch of keys after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, Select, func, select

from airflow_integrations.ledger.queries.entities import MOST_LINES, matching
from airflow_integrations.ledger.queries.views import EntityLine
from airflow_integrations.ledger.status import Status
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.route_ids import route_number

if TYPE_CHECKING:
    from airflow_integrations.ledger.storage.database import Database

__all__ = ["SECONDS", "Amount", "Found", "how_many", "search", "with_entities"]

STRETCH = 20_000
"""Entities that one statement reads: 20 to 40 ms on a slow machine."""
SECONDS = 0.15
"""How long a search goes on for a page that is not full: what a person waits without noticing."""
COUNTED = 100_000
"""Beyond so many entities, :func:`how_many` says: more."""

_e = tables.entity.c


class Found(msgspec.Struct, frozen=True):
    """A page of entities in the order of their keys."""

    entities: tuple[EntityLine, ...]
    after: str | None
    """To be handed over as ``after`` for the next page. None: that was all."""
    searched: bool
    """False: the time was over before the page was full, at ``after``; the next page goes on there."""


class Amount(msgspec.Struct, frozen=True):
    """How many entities the ledger knows of a route."""

    entities: int
    more: bool
    """There are more than that; they were not counted."""


def search(
    database: Database,
    *,
    route: str,
    limit: int = 100,
    after: str | None = None,
    seconds: float = SECONDS,
    clock: Callable[[], float] = time.monotonic,
    **description: Any,
) -> Found:
    """As :func:`~airflow_integrations.ledger.queries.entities.find`, with its ``description`` or that of ``matching``,
    and back after ``seconds``.

    Of a route that the ledger does not know there is nothing.
    """
    limit, begun = max(1, min(limit, MOST_LINES)), clock()
    lines: list[EntityLine] = []
    with database.read() as connection:
        if (route_id := route_number(connection, route)) is None:
            return Found((), None, True)
        query, only_open = matching(connection, route_id, **description)
        prefix = description.get("prefix") or ""
        while True:
            rest = query if after is None else query.where(_e.key > after)
            end = None if only_open else _end_of_stretch(connection, route_id, after, prefix)
            lines += _lines(connection, rest if end is None else rest.where(_e.key <= end), limit + 1 - len(lines))
            if len(lines) > limit:
                return Found(tuple(lines[:limit]), lines[limit - 1].key, True)
            if end is None:
                return Found(tuple(lines), None, True)
            after = end
            if clock() - begun >= seconds:
                return Found(tuple(lines), after, len(lines) == limit)


def with_entities(database: Database, routes: Collection[str]) -> frozenset[str]:
    """Those of the routes of which the ledger knows an entity at all."""
    any_of = select(_e.key).where(_e.route_id == tables.route.c.id).correlate(tables.route).exists()
    with database.read() as connection:
        found = connection.scalars(select(tables.route.c.name).where(any_of))
        return frozenset(found).intersection(routes)


def how_many(
    database: Database, route: str, *, statuses: Collection[Status] = (), fingerprint: str | None = None
) -> Amount:
    """Of a route, or of what a search by status and kind of error finds. Counts no further than COUNTED."""
    with database.read() as connection:
        if (route_id := route_number(connection, route)) is None:
            return Amount(0, False)
        found = matching(connection, route_id, statuses=statuses, fingerprint=fingerprint).query
        some = found.with_only_columns(_e.key).order_by(None).limit(COUNTED + 1).subquery()
        counted = int(connection.scalar(select(func.count()).select_from(some)) or 0)
    return Amount(min(counted, COUNTED), counted > COUNTED)


def _lines(connection: Connection, query: Select[Any], limit: int) -> list[EntityLine]:
    return [EntityLine(**row) for row in connection.execute(query.limit(limit)).mappings()]


def _end_of_stretch(connection: Connection, route_id: int, after: str | None, prefix: str) -> str | None:
    """The key that ends the next stretch. None: fewer entities than a stretch are left."""
    query = select(_e.key).where(_e.route_id == route_id)
    if after is not None:
        query = query.where(_e.key > after)
    if prefix:
        query = query.where(_e.key >= prefix, _e.key < prefix + "\U0010ffff")
    end: str | None = connection.scalar(query.order_by(_e.key).offset(STRETCH - 1).limit(1))
    return end

"""The ledger at a glance: what is wrong, what waits, what ran."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import ScalarSelect, Select, func, select

from airflow_integrations.ledger.inbox.inbox import Inbox
from airflow_integrations.ledger.queries.entities import books_of
from airflow_integrations.ledger.queries.views import ErrorGroup, QueueLine, RunBooks, RunPage
from airflow_integrations.ledger.status import Status
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.open_entities import open_of
from airflow_integrations.ledger.storage.route_ids import known_route

if TYPE_CHECKING:
    from airflow_integrations.ledger.storage.database import Database

__all__ = ["MOST_GROUPS", "TROUBLED", "Latest", "error_groups", "latest", "queue", "runs"]

MOST_GROUPS = 500

TROUBLED: tuple[Status, ...] = ("rejected", "failed", "in_doubt", "retrying", "waiting")
"""Open, and not just in flight."""

_e = tables.entity.c


def error_groups(
    database: Database, route: str | None = None, *, among: Collection[str] | None = None
) -> list[ErrorGroup]:
    """What is not delivered, by route, status and kind of error; the largest group first, at most MOST_GROUPS.

    ``among``: only those of these routes. Raises RunError for a ``route`` that the ledger does not know.
    """
    kinds = (_e.route_id, _e.status, _e.fingerprint, _e.error_class, _e.http_status)
    with database.read() as connection:
        names = {row.id: row.name for row in connection.execute(select(tables.route.c.id, tables.route.c.name))}
        if route is not None:
            wanted = [known_route(connection, route)]
        else:
            wanted = sorted(number for number, name in names.items() if among is None or name in among)
        if not wanted:
            return []
        groups = (
            select(
                *kinds,
                func.count().label("count"),
                func.min(_e.since).label("first"),
                func.max(_e.changed).label("last"),
                func.min(_e.key).label("example"),
            )
            .where(open_of(connection, wanted), _e.status.in_(TROUBLED))
            .group_by(*kinds)
            .order_by(func.count().desc(), func.min(_e.key))
            .limit(MOST_GROUPS)
            .subquery()
        )
        example = tables.entity.alias()
        rows = connection.execute(
            select(groups, example.c.message)
            .join(example, (example.c.route_id == groups.c.route_id) & (example.c.key == groups.c.example))
            .order_by(groups.c["count"].desc(), groups.c.example)
        ).mappings()
        return [
            ErrorGroup(
                route=names[row["route_id"]],
                status=row["status"],
                fingerprint=row["fingerprint"],
                error_class=row["error_class"],
                http_status=row["http_status"],
                count=row["count"],
                first=row["first"],
                last=row["last"],
                example_key=row["example"],
                example_message=row["message"],
            )
            for row in rows
        ]


def queue(database: Database, now: float, *, among: Collection[str] | None = None) -> list[QueueLine]:
    """What waits in each route that the ledger knows, or in those of them that are ``among`` these, by name."""
    claim = tables.claim.c
    with database.read() as connection:
        known = connection.execute(select(tables.route).order_by(tables.route.c.name)).all()
        routes = [route for route in known if among is None or route.name in among]
        waiting: dict[int, list[tuple[Status, int, float, float | None]]] = {}
        for route_id, status, count, oldest, attempt in connection.execute(
            select(
                _e.route_id,
                _e.status,
                func.count(),
                func.min(_e.since),
                func.min(_e.next_attempt),
            )
            .where(open_of(connection, [route.id for route in routes]))
            .group_by(_e.route_id, _e.status)
        ):
            waiting.setdefault(route_id, []).append((status, count, oldest, attempt))
        leased: dict[int, int] = {
            route_id: int(count)
            for route_id, count in connection.execute(
                select(claim.route_id, func.sum(claim["count"]))
                .where(claim.lease_until >= now)
                .group_by(claim.route_id)
            )
        }
    inbox = {waits.route: waits for waits in Inbox(database).waiting(now, {route.name for route in routes})}
    return [
        QueueLine(
            route=route.name,
            counts={status: count for status, count, _, _ in waiting.get(route.id, ())},
            leased=leased.get(route.id, 0),
            oldest=min((oldest for _, _, oldest, _ in waiting.get(route.id, ())), default=None),
            next_attempt=min(
                (
                    attempt
                    for status, _, _, attempt in waiting.get(route.id, ())
                    if attempt is not None and status in ("retrying", "in_doubt")
                ),
                default=None,
            ),
            circuit_until=route.circuit_until if route.circuit_until > now else None,
            mark=route.mark,
            cursor=route.cursor,
            events=inbox[route.name].events if route.name in inbox else 0,
            oldest_event=inbox[route.name].oldest if route.name in inbox else None,
        )
        for route in routes
    ]


def runs(database: Database, route: str, limit: int = 20, before: int | None = None) -> RunPage:
    """The books of a route's runs, newest first. ``before`` is :attr:`RunPage.before` of the page before.

    Raises RunError for a route that the ledger does not know.
    """
    limit = max(1, min(limit, 1000))
    run = tables.run
    with database.read() as connection:
        query = select(run).where(run.c.route_id == known_route(connection, route))
        if before is not None:
            query = query.where(run.c.id < before)
        rows = [books_of(row) for row in connection.execute(query.order_by(run.c.id.desc()).limit(limit + 1))]
    return RunPage(tuple(rows[:limit]), rows[limit - 1].id if len(rows) > limit else None)


_run, _route = tables.run.c, tables.route.c


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
            for found in connection.execute(select(tables.run).where(_run.id.in_(sorted(numbers))))
        }
    return {name: Latest(books.get(newest), books.get(closed), success) for name, newest, closed, success in rows}


def _newest(what: Select[Any]) -> ScalarSelect[Any]:
    """Of a route, by the index on when runs began: it ends at the first that fits."""
    return (
        what.where(_run.route_id == _route.id)
        .order_by(_run.started.desc())
        .limit(1)
        .correlate(tables.route)
        .scalar_subquery()
    )

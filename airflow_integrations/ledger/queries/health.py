"""Health of routes for metrics and alerts: what waits, and how the last runs ended. Never reads closed entities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, Row, func, select

from airflow_integrations.ledger.inbox.inbox import Inbox, Waiting
from airflow_integrations.ledger.status import Status
from airflow_integrations.ledger.storage import tables
from airflow_integrations.ledger.storage.open_entities import open_of
from airflow_integrations.ledger.storage.route_ids import route_number

if TYPE_CHECKING:
    from airflow_integrations.ledger.storage.database import Database

__all__ = ["OPEN_STATUSES", "WAITING", "Books", "Depth", "EndedRun", "RunHealth", "books_since", "depths", "run_health"]

OPEN_STATUSES: tuple[Status, ...] = ("pending", "retrying", "in_doubt", "waiting", "rejected", "failed")
"""What an open entity's row can say."""
WAITING: tuple[Status, ...] = ("pending", "retrying", "in_doubt", "waiting")
"""Still to be delivered. Rejected and failed ones wait for a person."""

_run = tables.run.c
_e = tables.entity.c


class Depth(msgspec.Struct, frozen=True, kw_only=True):
    """What is open of one route."""

    route: str
    counts: dict[Status, int]
    """Of each of OPEN_STATUSES, also where there is none."""
    oldest: float | None
    """Since when the one waits that has been WAITING the longest."""
    circuit_until: float | None
    """Nothing is sent before: the target is away."""
    events: int = 0
    """In the inbox, and no run has them."""
    oldest_event: float | None = None
    """When the oldest of them was received."""


class EndedRun(msgspec.Struct, frozen=True):
    """A run that closed its books. ``verdict``: why it failed; None where it did not."""

    run_id: str
    finished: float
    verdict: str | None


class Books(msgspec.Struct, frozen=True, kw_only=True):
    """The books together of the runs that ended within a time."""

    runs: int = 0
    failed: int = 0
    """Runs among them that failed."""
    counts: dict[str, int] = {}


class RunHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How a route's runs ended."""

    newest: EndedRun | None = None
    failed: int = 0
    """Runs that failed of those that ended after ``seen``."""
    last_failed: EndedRun | None = None
    books: Books = Books()
    """Of the runs that ended after ``since``."""
    received: float | None = None
    """When the newest run ended whose fetch had an entity."""
    scheduled_until: str | None = None
    """Where the window of the newest scheduled run ends that closed its books, RFC 3339."""


def depths(database: Database, now: float) -> list[Depth]:
    """Of each route that the ledger knows, in the order of their names."""
    with database.read() as connection:
        routes = connection.execute(select(tables.route).order_by(tables.route.c.name)).all()
        found: dict[int, dict[Status, tuple[int, float]]] = {}
        for route_id, status, count, oldest in connection.execute(
            select(_e.route_id, _e.status, func.count(), func.min(_e.since))
            .where(open_of(connection, [route.id for route in routes]))
            .group_by(_e.route_id, _e.status)
        ):
            found.setdefault(route_id, {})[status] = count, oldest
    inbox = {waiting.route: waiting for waiting in Inbox(database).waiting(now)}
    return [_depth(route, found.get(route.id, {}), inbox.get(route.name), now) for route in routes]


def _depth(route: Row[Any], found: dict[Status, tuple[int, float]], inbox: Waiting | None, now: float) -> Depth:
    return Depth(
        route=route.name,
        counts={status: found.get(status, (0, 0.0))[0] for status in OPEN_STATUSES},
        oldest=min((oldest for status, (_, oldest) in found.items() if status in WAITING), default=None),
        circuit_until=route.circuit_until if route.circuit_until > now else None,
        events=inbox.events if inbox else 0,
        oldest_event=inbox.oldest if inbox else None,
    )


def run_health(database: Database, route: str, *, seen: float, since: float | None) -> RunHealth:
    """How a route's runs ended; nothing is known of one that never ran. Runs on the command line do not count: who
    started them sees how they end. ``since``: from when on the books are added up; None: they are not."""
    with database.read() as connection:
        if (route_id := route_number(connection, route)) is None:
            return RunHealth()
        ended = _run.route_id == route_id, _run.finished.is_not(None), _run.kind != "cli"
        line = select(_run.run_id, _run.finished, _run.verdict).where(*ended).order_by(_run.finished.desc()).limit(1)
        newest, failed, last_failed = connection.execute(line).one_or_none(), 0, None
        if newest is not None and newest.finished > seen:  # most looks find nothing new
            wrong = _run.verdict.is_not(None), _run.finished > seen
            failed = connection.scalar(select(func.count()).where(*ended, *wrong)) or 0
            last_failed = connection.execute(line.where(*wrong)).one_or_none()
        by_start = _run.started.desc()  # there is an index of it, in which the first that fits is near
        return RunHealth(
            newest=EndedRun(*newest) if newest else None,
            failed=failed,
            last_failed=EndedRun(*last_failed) if last_failed else None,
            books=_books(connection, route_id, since) if since is not None else Books(),
            # books hold no zeros, so a fetch that had nothing does not name what it fetched
            received=connection.scalar(
                select(_run.finished)
                .where(_run.route_id == route_id, _run.finished.is_not(None), _run.counts.contains('"fetched":'))
                .order_by(by_start)
                .limit(1)
            ),
            scheduled_until=connection.scalar(
                select(_run.window_end).where(*ended, _run.kind == "scheduled").order_by(by_start).limit(1)
            ),
        )


def books_since(database: Database, route: str, since: float) -> Books:
    """Of all runs of a route that ended after ``since``; empty for one that never ran."""
    with database.read() as connection:
        route_id = route_number(connection, route)
        return Books() if route_id is None else _books(connection, route_id, since)


def _books(connection: Connection, route_id: int, since: float) -> Books:
    total: dict[str, int] = {}
    runs = failed = 0
    ended = select(_run.counts, _run.verdict).where(_run.route_id == route_id, _run.finished > since)
    for text, verdict in connection.execute(ended):
        runs += 1
        failed += verdict is not None
        for name, count in msgspec.json.decode(text, type=dict[str, int]).items():
            total[name] = total.get(name, 0) + count
    return Books(runs=runs, failed=failed, counts=total)

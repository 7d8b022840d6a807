"""What the maintenance DAG does with the ledger and staging."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_integrations import engine
from airflow_integrations.airflow.route_operator import TaskServices
from airflow_integrations.engine.disk import forget
from airflow_integrations.errors import RouteError, RunError
from airflow_integrations.retention import Retention
from airflow_integrations.route_file import read_route, read_routes
from airflow_integrations.staging import Staging

if TYPE_CHECKING:
    from airflow_integrations.ledger.ledger import Ledger
    from airflow_integrations.ledger.records import Lapsed
    from airflow_integrations.run import Services

__all__ = ["Wanted", "tidy"]

log = logging.getLogger("airflow_integrations")


RUNG_SECONDS = 15.0
"""For an event that waits no longer than this the doorbell of an API server is still at work."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Routes that have something to do, by name."""

    retries: list[str]
    """Entities to send again."""
    events: list[str]
    """Events that nobody took."""


def tidy(routes: Path, staging: str, now: datetime, *, thoroughly: bool) -> Wanted:
    """Put the ledger in order and return the routes that have something to do.

    ``thoroughly``: also forget what the routes in the folder ``routes`` say in ``retention``; for routes that have no
    file there, its defaults count. Nothing is forgotten of a route whose file is broken: it might say longer.
    Raises SetupError and OutageError as opening the ledger does.
    """
    return asyncio.run(_tidy(routes, staging, now.timestamp(), thoroughly))


async def _tidy(routes: Path, staging: str, now: float, thoroughly: bool) -> Wanted:
    from airflow_integrations.ledger.consumers import consumed
    from airflow_integrations.ledger.due import due_routes
    from airflow_integrations.ledger.expiry import expire

    async with TaskServices() as services:
        ledger = services.ledger
        for lapsed in ledger.lapsed(None, now):
            await _recover(lapsed, services, routes, staging)
        if expired := expire(ledger.database, now):
            log.warning("%d entities have failed: nobody confirmed them by their deadline", expired)
        if thoroughly:
            _forget(ledger, routes, staging, now)
        waiting = ledger.inbox.waiting(now)
        served = consumed(ledger.database, now)
        left = [waits.route for waits in waiting if waits.oldest < now - RUNG_SECONDS and waits.route not in served]
        return Wanted(due_routes(ledger.database, now), left)


async def _recover(lapsed: Lapsed, services: Services, folder: Path, staging: str) -> None:
    """One run that cannot be recovered hinders none of the others."""
    try:
        route = read_route(folder, lapsed.run.route).route
    except RouteError as error:
        log.warning("%s", error)
        route = None
    try:
        await engine.recover(route, lapsed, services, Staging(staging, "", ""))
    except RunError as error:
        log.error("run %s of %s died and cannot be recovered: %s", lapsed.run.run_id, lapsed.run.route, error)


def _forget(ledger: Ledger, folder: Path, staging: str, now: float) -> None:
    from airflow_integrations.ledger.event_retention import prune_events
    from airflow_integrations.ledger.staged import known_routes

    found = read_routes(folder)
    wanted = {name: loaded.route.retention for name, loaded in found.routes.items()}
    without = [name for name in known_routes(ledger.database) if not found.may_hold(name)]
    if folder.is_dir():
        wanted |= dict.fromkeys(without, Retention())
    elif without:
        log.warning("nothing is forgotten of %s: there is no folder %s", ", ".join(without), folder)
    pruned = forget(ledger, staging, wanted, now)
    events = prune_events(ledger.database, routes=wanted, now=now)
    log.info(
        "forgot the books of %d runs, the histories of %d entities, the payloads of %d runs and the ids of %d events",
        pruned.runs,
        pruned.histories,
        len(pruned.staging),
        events,
    )

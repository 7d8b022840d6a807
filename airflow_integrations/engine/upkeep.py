"""The upkeep of the ledger and staging: what every maintenance does, in its order, whoever starts it.

Airflow's maintenance DAG and the simulated worlds of the tests both come here, so that what is tested is what runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from airflow_integrations.engine.disk_space import forget
from airflow_integrations.engine.fetch.upstream_route import source_of
from airflow_integrations.engine.settle.recovery import recover
from airflow_integrations.errors import RouteError
from airflow_integrations.ledger.runs.carry_over import lapsed_runs
from airflow_integrations.plurals import counted, plural
from airflow_integrations.route.definition import Route
from airflow_integrations.route.retention import Retention
from airflow_integrations.staging.folder import Staging

if TYPE_CHECKING:
    from airflow_integrations.engine.settle.balance import Balance
    from airflow_integrations.ledger.ledger import Ledger
    from airflow_integrations.ledger.records import Lapsed
    from airflow_integrations.route_files.load import RouteFiles
    from airflow_integrations.run import Services

__all__ = ["KnownRoutes", "Wanted", "keep_up"]


IDLE_SECONDS = 7 * 86_400.0
"""A route without a file here may have one elsewhere. Where it began no run for so long it is gone."""
RUNG_SECONDS = 15.0
"""For an event that waits no longer than this the doorbell of an API server is still at work."""


class KnownRoutes(Protocol):
    """The route files that the maintenance serves."""

    @property
    def complete(self) -> bool:
        """Whether none is missing, so that a route without a file here has none at all."""
        ...

    @property
    def folders(self) -> Iterable[Path]:
        """Where they are."""
        ...

    def all(self) -> RouteFiles: ...

    def one(self, name: str) -> Route:
        """The route of this name. Raises RouteError where its file is missing or has mistakes."""
        ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """Routes that have something to do, by name."""

    retries: list[str]
    """Entities to send again."""
    events: list[str]
    """Events that nobody took, or fetches of another route that they have yet to read."""


async def keep_up(
    services: Services,
    routes: KnownRoutes,
    staging: str,
    now: float,
    *,
    thoroughly: bool,
    closed: Callable[[Lapsed, Balance], None] = lambda lapsed, balance: None,
) -> Wanted:
    """Put the ledger in order and return the routes that have something to do. Routes that read another one are
    subscribers from here on, for some have no run before there is something to read.

    ``staging`` is the folder of all runs. ``thoroughly``: also forget what the ``routes`` say in ``retention``; for
    those without a file its defaults count. Nothing is forgotten of a route whose file is broken: it might say longer.
    ``closed`` hears of each dead run whose books were closed. Raises OutageError where the ledger is away.
    """
    from airflow_integrations.ledger.inbox.consumers import consumed
    from airflow_integrations.ledger.maintenance.due_routes import due_routes
    from airflow_integrations.ledger.maintenance.expiry import expire
    from airflow_integrations.ledger.maintenance.planner_statistics import analyze_where_due
    from airflow_integrations.ledger.maintenance.waiting import sweep_waits

    ledger, log = services.ledger, services.log
    for lapsed in lapsed_runs(ledger, None, now):
        balance = await _recover(lapsed, services, routes, staging)
        if balance is not None:
            closed(lapsed, balance)
    if expired := expire(ledger, now):
        log.warning(
            "%s %s failed: nobody confirmed %s by the deadline",
            counted(expired, "entity"),
            plural(expired, "has", "have"),
            plural(expired, "it", "them"),
        )
    if analyzed := analyze_where_due(ledger):
        log.info("made new statistics of %s: much of it has changed", ", ".join(analyzed))
    if woken := sweep_waits(ledger, now):
        log.info("%s woken that waited for what is delivered", counted(woken, "entity"))
    found = routes.all()
    _subscribe(ledger, found)
    if thoroughly and routes.complete:
        await asyncio.to_thread(_forget, services, found, routes, staging, now)
    waiting = ledger.inbox.waiting(now, reachable=True)
    served = consumed(ledger, now)
    left = [waits.route for waits in waiting if waits.oldest < now - RUNG_SECONDS and waits.route not in served]
    return Wanted(due_routes(ledger, now), sorted({*left, *ledger.fetches.behind(now)}))


def _subscribe(ledger: Ledger, found: RouteFiles) -> None:
    """What the route files say of reading other routes holds from now on."""
    known = {name: (source, what) for name, source, what in ledger.fetches.subscriptions()}
    ended = []
    for name, loaded in found.routes.items():
        source = source_of(loaded.route)
        if source is None and name in known:
            ended.append(name)
        elif source is not None:
            config = loaded.route.incoming.config
            if known.get(name) != (source, config.what):
                ledger.fetches.subscribe(name, source, oldest=config.from_ == "oldest", what=config.what)
    ledger.fetches.forget(ended)


async def _recover(lapsed: Lapsed, services: Services, routes: KnownRoutes, staging: str) -> Balance | None:
    try:
        route = routes.one(lapsed.run.route)
    except RouteError as error:
        services.log.warning("%s", error)
        route = None
    return await recover(route, lapsed, services, Staging(staging, "", ""))


def _forget(services: Services, found: RouteFiles, routes: KnownRoutes, staging: str, now: float) -> None:
    from airflow_integrations.ledger.maintenance.event_retention import prune_events
    from airflow_integrations.ledger.queries.staged_bytes import known_routes
    from airflow_integrations.ledger.runs.creations import prune_creations
    from airflow_integrations.ledger.store import prune_store

    ledger, log = services.ledger, services.log
    prune_creations(ledger, now)
    if removed := prune_store(ledger, now):
        log.info("removed %s from stores, as keep says", counted(removed, "value"))
    wanted = {name: loaded.route.retention for name, loaded in found.routes.items()}
    without = [name for name in known_routes(ledger) if not found.may_hold(name)]
    missing = [str(folder) for folder in routes.folders if not folder.is_dir()]
    if not missing:
        wanted |= dict.fromkeys(without, Retention())
        for name in ledger.fetches.forget(without, idle_since=now - IDLE_SECONDS):
            log.info("%s has no route file and no runs any more: nothing is kept for it to read", name)
    elif without:
        log.warning("the folder %s is missing, so what is kept of %s stays", missing[0], ", ".join(without))
    pruned = forget(ledger, staging, wanted, now)
    events = prune_events(ledger, routes=wanted, now=now)
    log.info(
        "forgot the books of %s, the histories of %s, the payloads of %s and the ids of %s",
        counted(pruned.runs, "run"),
        counted(pruned.histories, "entity"),
        counted(len(pruned.staging), "run"),
        counted(events, "event"),
    )

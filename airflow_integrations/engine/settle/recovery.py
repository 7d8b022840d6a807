"""A run that died without settling: what it had in flight gets its fate, so that later runs can go on with it."""

from __future__ import annotations

import asyncio

from airflow_integrations.engine.begun_definition import begun_with, kept_route
from airflow_integrations.engine.settle.balance import Balance
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.errors import IntegrationError, OutageError
from airflow_integrations.ledger.lease_times import RECOVERY_SECONDS
from airflow_integrations.ledger.records import Lapsed, RunRef
from airflow_integrations.ledger.runs.carry_over import lapsed_runs
from airflow_integrations.ledger.runs.runs import abandon_run, adopt_run, disown_run
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import DamagedManifest, Staging

__all__ = ["adopt", "close_dead", "not_closed", "recover", "recover_others"]


async def recover(route: Route | None, lapsed: Lapsed, services: Services, near: Staging) -> Balance | None:
    """Close the books of a run whose lease has passed, see :func:`close_dead`. None also where somebody else does, or
    where that is not possible; why is logged, and hinders nobody."""
    if not await adopt(lapsed, services):
        return None
    try:
        return await close_dead(route, lapsed, services, near)
    except Exception as error:
        await not_closed(error, lapsed, services)
        return None


async def not_closed(error: Exception, lapsed: Lapsed, services: Services) -> bool:
    """Log why the books of a dead run that was adopted cannot be closed. Returns whether that may go well later.

    Where the disk is full, or the ledger away, the run stays adopted until its time is over, and nobody takes what it
    had in flight; then it is tried again. What will not go better later gives up its entities at once.
    """
    run, later = lapsed.run, isinstance(error, OutageError | OSError)
    told = "its books cannot be closed now, and are later" if later else "its books cannot be closed"
    unexpected = None if later or isinstance(error, IntegrationError) else error
    services.log.error("run %s of %s died, and %s: %s", run.run_id, run.route, told, error, exc_info=unexpected)
    if not later:
        await asyncio.to_thread(disown_run, services.ledger, run)
    return later


async def adopt(lapsed: Lapsed, services: Services, *, seconds: float = RECOVERY_SECONDS) -> bool:
    """Whether the caller may close the books of a dead run, for so long. False: somebody else is at it, or died so."""
    now = services.now()
    return await asyncio.to_thread(adopt_run, services.ledger, lapsed.run, until=now + seconds, now=now)


async def close_dead(route: Route | None, lapsed: Lapsed, services: Services, near: Staging) -> Balance | None:
    """Close the books of a dead run that was adopted. ``near`` is any run's staging below the same base.

    What is unanswered of it is in doubt, what it had not sent is retried; its window counts as not
    completed. ``route`` is None where its file is gone or broken: then the run's own definition is used. Where its
    staging is gone or its manifest damaged, or that definition gone, too, only its leases end, its events wait again,
    and the next run fetches its window again; None is returned then. Should the run come to life after all it finds
    its own entities open, and goes on.
    """
    staging = near.sibling(lapsed.staging) if lapsed.staging else None
    if staging is not None and _has_fetched(staging, services):
        if route is not None:
            return await _settled(route, lapsed, services, staging)
        with kept_route(staging, services.log) as kept:
            if kept is not None:
                return await _settled(kept, lapsed, services, staging)
    services.log.warning(
        "run %s of %s died and has left nothing that can be used: its window is fetched again",
        lapsed.run.run_id,
        lapsed.run.route,
    )
    await asyncio.to_thread(abandon_run, services.ledger, lapsed.run)
    return None


def _has_fetched(staging: Staging, services: Services) -> bool:
    try:
        fetched, _ = staging.manifest("fetch"), staging.manifest("transform")
    except DamagedManifest as error:
        services.log.error("%s", error)
        return False
    return fetched is not None


async def _settled(route: Route, lapsed: Lapsed, services: Services, staging: Staging) -> Balance:
    with begun_with(route, staging, services.log) as definition:
        run = Run(definition.route, lapsed.run.run_id, lapsed.window, kind=lapsed.kind, explicit=True)
        balance = await settle(run, services, staging, died=True)
    services.log.warning("run %s of %s died; its books: %s", run.run_id, route.route, balance.lines()[0])
    return balance


async def recover_others(run: Run, ref: RunRef, services: Services, near: Staging) -> None:
    """The same for all runs of the route of ``run`` that died, before it takes over what is open: a route recovers also
    where no maintenance looks after it."""
    for lapsed in await asyncio.to_thread(lapsed_runs, services.ledger, run.route.route, services.now()):
        if lapsed.run.id != ref.id:
            await recover(run.route, lapsed, services, near)

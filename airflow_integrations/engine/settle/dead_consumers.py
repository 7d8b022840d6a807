"""Live runs whose consumer died: their books are closed, so that what it had taken goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from airflow_integrations.engine.settle.recovery import adopt, close_dead, not_closed
from airflow_integrations.ledger.inbox.consumers import hold, release_consumer, unfinished
from airflow_integrations.ledger.inbox.holder_process import holder_name
from airflow_integrations.ledger.lease_times import CONSUMER_RECOVERY_SECONDS
from airflow_integrations.ledger.records import Lapsed, RunRef
from airflow_integrations.ledger.runs.runs import finish_run
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging

__all__ = ["close_unfinished", "recover_dead_consumer"]

STILLBORN = "its process died before it had taken anything"


async def recover_dead_consumer(run: Run, services: Services, near: Staging) -> None:
    """For a run for events of a route of low latency, before it takes over what is open: where the consumer is dead,
    and none has come after it, its events and entities need not wait for the next one."""
    trigger, database, name = run.route.trigger, services.ledger, run.route.route
    if not run.events or run.kind == "live" or trigger is None or trigger.latency != "low":
        return
    now, holder = services.now(), holder_name(f"closes/{run.run_id}")
    if not await asyncio.to_thread(hold, database, name, holder, until=now + CONSUMER_RECOVERY_SECONDS, now=now):
        return
    try:
        await close_unfinished(run.route, await asyncio.to_thread(unfinished, database, name), services, near)
    finally:
        await asyncio.to_thread(release_consumer, database, name, holder)


async def close_unfinished(route: Route, dead: Sequence[Lapsed], services: Services, near: Staging) -> list[Lapsed]:
    """Close the books of live runs whose consumer is dead, for the caller holds its lease. Those that somebody else is
    at are returned: they stay as they are until he has done it, or his time is over, for they may hold what the target
    has confirmed. So are those that cannot be closed now."""
    left = []
    for lapsed in dead:
        if not await adopt(lapsed, services, seconds=CONSUMER_RECOVERY_SECONDS):
            left.append(lapsed)
            continue
        try:
            if await close_dead(route, lapsed, services, near) is None:
                await asyncio.to_thread(_forget, lapsed.run, services)
        except Exception as error:
            if await not_closed(error, lapsed, services):
                left.append(lapsed)
    return left


def _forget(run: RunRef, services: Services) -> None:
    """A run that has left nothing will not come back."""
    books: dict[str, int] = {}
    finish_run(
        services.ledger,
        run,
        counts=books,
        seconds={},
        verdict=STILLBORN,
        bytes=0,
        covered=None,
        cursor=None,
        now=services.now(),
        decided=False,
    )

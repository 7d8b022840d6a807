"""A run that died without settling: what it had under way gets its fate, so that later runs can go on with it."""

from __future__ import annotations

import asyncio

from airflow_integrations.engine.settle import Balance, settle
from airflow_integrations.ledger.records import Lapsed
from airflow_integrations.route import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging import Staging

__all__ = ["recover"]


async def recover(route: Route | None, lapsed: Lapsed, services: Services, near: Staging) -> Balance | None:
    """Close the books of a run whose lease has passed. ``near`` is any run's staging below the same base.

    What it sent without hearing of it is in doubt, what it had not sent is retried; its window counts as not
    completed. Where its staging is gone, or its route (None), only its leases end: the next run fetches its window
    again, and returns None. Should the run come to life after all it finds its own entities open, and goes on.
    """
    staging = near.sibling(lapsed.staging) if lapsed.staging else None
    if route is None or staging is None or staging.manifest("transform") is None:
        services.log.warning(
            "run %s of %s died and has left nothing staged: its window is fetched again",
            lapsed.run.run_id,
            lapsed.run.route,
        )
        await asyncio.to_thread(services.ledger.release, lapsed.run)
        return None
    run = Run(route, lapsed.run.run_id, lapsed.window, kind=lapsed.kind, explicit=True)
    balance = await settle(run, services, staging)
    services.log.warning("run %s of %s died; its books: %s", run.run_id, route.route, balance.lines()[0])
    return balance

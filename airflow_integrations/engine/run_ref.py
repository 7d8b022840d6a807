"""The run as the ledger knows it."""

from __future__ import annotations

import asyncio

from airflow_integrations.ledger.records import RunRef
from airflow_integrations.route_hash import route_hash
from airflow_integrations.run import Run, Services
from airflow_integrations.staging import Staging
from airflow_integrations.window import Window

__all__ = ["run_ref"]


async def run_ref(run: Run, services: Services, staging: Staging) -> RunRef:
    """The run's entry in the ledger; made where there is none, with the window that fetch decided on."""
    name = run.route.route
    ref = await asyncio.to_thread(services.ledger.run, name, run.run_id)
    if ref is not None:
        return ref
    fetched = staging.manifest("fetch")
    return await asyncio.to_thread(
        services.ledger.begin_run,
        name,
        run.run_id,
        kind=run.kind,
        window=Window.parse(*fetched.window) if fetched else run.window,
        route_hash=route_hash(run.route),
        staging=str(staging.folder),
        now=services.now(),
    )

"""A system that a transformer asks is away for longer than the task's tries: the route's circuit opens."""

from __future__ import annotations

import asyncio

from airflow_integrations.engine.fetch.start import run_ref
from airflow_integrations.engine.push.circuit_breaker import open_circuit_in_transform
from airflow_integrations.errors import OutageError
from airflow_integrations.ledger.runs.runs import route_state
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging

__all__ = ["open_circuit_after"]


async def open_circuit_after(error: OutageError, run: Run, services: Services, staging: Staging) -> None:
    """Open the circuit after the last try of a run's transform; a dry run leaves it alone. Raises OutageError where the
    ledger is away."""
    if run.dry_run:
        return
    ref = await run_ref(run, services, staging)
    state = await asyncio.to_thread(route_state, services.ledger, run.route.route)
    await open_circuit_in_transform(ref, state, error, services)

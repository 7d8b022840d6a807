"""A route's circuit: while its target is away nothing is sent, and no attempt is burnt."""

from __future__ import annotations

import asyncio
import time

from airflow_integrations.engine.retry_policy import circuit_pause
from airflow_integrations.engine.traffic import Traffic
from airflow_integrations.errors import OutageError
from airflow_integrations.ledger.records import RouteState, RunRef
from airflow_integrations.run import Services

__all__ = ["clock", "close_circuit", "open_circuit"]


async def open_circuit(
    ref: RunRef, state: RouteState, traffic: Traffic, error: OutageError, services: Services
) -> float:
    """Nothing of the route is sent before the moment it returns. ``state`` is what the sending began with."""
    outages = 1 if traffic.answered else state.outages + 1
    until = services.now() + max(circuit_pause(outages, services.rng), error.retry_after or 0)
    await asyncio.to_thread(services.ledger.outage, ref.route_id, until=until)
    services.log.warning("%s; what is left is tried again from %s on", error, clock(until))
    return until


async def close_circuit(ref: RunRef, state: RouteState, traffic: Traffic, services: Services) -> None:
    """The target is back, where it answered after outages."""
    if traffic.answered and state.outages:
        await asyncio.to_thread(services.ledger.outage, ref.route_id, until=None)


def clock(seconds: float) -> str:
    """A moment for people: ``23:05:00 UTC``."""
    return time.strftime("%H:%M:%S UTC", time.gmtime(seconds))

"""A route's circuit: while its target, or a system that its transformers ask, is away, nothing is sent."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from airflow_integrations.engine.push.retry_policy import LONGEST_ASKED, circuit_pause
from airflow_integrations.errors import OutageError
from airflow_integrations.ledger.records import RouteState, RunRef
from airflow_integrations.ledger.runs.runs import note_outage
from airflow_integrations.run import Services

if TYPE_CHECKING:
    from airflow_integrations.engine.push.session import PushSession

__all__ = ["clock", "close_circuit", "open_circuit", "open_circuit_in_transform"]


async def open_circuit(session: PushSession, error: OutageError) -> float:
    """The target is away: nothing of the route is sent before the moment it returns."""
    outages = 1 if session.traffic.answered else session.state.outages + 1
    return await _open(session.ref, session.state, outages, error, session.services)


async def open_circuit_in_transform(ref: RunRef, state: RouteState, error: OutageError, services: Services) -> float:
    """A system that a transformer asks is away: no run is started for events of the route, and nothing of it is sent,
    before the moment it returns. ``state`` is what the run began with."""
    return await _open(ref, state, state.outages + 1, error, services)


async def _open(ref: RunRef, state: RouteState, outages: int, error: OutageError, services: Services) -> float:
    until = services.now() + max(circuit_pause(outages, services.rng), min(error.retry_after or 0, LONGEST_ASKED))
    counted = state.outages + 1
    await asyncio.to_thread(note_outage, services.ledger, ref.route_id, until=until, outages=counted)
    services.log.warning("%s; what is left is tried again from %s on", error, clock(until))
    return until


async def close_circuit(session: PushSession) -> None:
    """The target is back, where it answered after outages."""
    if session.traffic.answered and session.state.outages:
        await asyncio.to_thread(note_outage, session.services.ledger, session.ref.route_id, until=None)


def clock(seconds: float) -> str:
    """A moment for people: ``23:05:00 UTC``."""
    return time.strftime("%H:%M:%S UTC", time.gmtime(seconds))

"""What waits in a route's inbox goes with a run: its events become the first entities that the run fetches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import msgspec

from airflow_integrations.ledger.inbox import TakenEvent
from airflow_integrations.ledger.records import RunRef
from airflow_integrations.run import Run, Services

__all__ = ["Arrival", "arrival_of", "arrivals", "take_events", "takes_events"]

LEASE_SECONDS = 3600.0
"""What a run has taken is another run's to take so long after it was last heard of. Push renews it."""
MAX_BATCH = 10_000
"""Events that a run takes where the route has no ``trigger``, and so no ``max_batch``."""
MAX_BYTES = 256 * 1024 * 1024
"""Their bodies together: a run of them stays a run of a few minutes."""

_records = msgspec.json.Decoder(list[msgspec.Raw]).decode


@dataclass(frozen=True, slots=True)
class Arrival:
    """One event as fetch takes it."""

    number: int
    version: str
    """What its entities have that have no version of their own: when it was received, in microseconds."""
    wanted: bool
    """Its sender waits for the fate of its entities."""
    records: list[msgspec.Raw]


def takes_events(run: Run) -> bool:
    """A run of a few entities, of another time, or one that sends nothing, leaves the inbox alone."""
    asked = run.keys is None and run.entities is None and run.limit is None and run.retry is None
    return asked and not run.dry_run and not run.explicit and run.kind != "backfill"


async def take_events(run: Run, ref: RunRef, services: Services) -> int:
    """The run takes what waits; how many events are its own now. Raises OutageError where the ledger is away."""
    trigger, now = run.route.trigger, services.now()
    return await asyncio.to_thread(
        services.ledger.inbox.take,
        ref,
        limit=trigger.max_batch if trigger else MAX_BATCH,
        max_bytes=MAX_BYTES,
        lease_until=now + LEASE_SECONDS,
        now=now,
    )


async def arrivals(ref: RunRef, services: Services) -> AsyncIterator[list[Arrival]]:
    """All that the run has taken, in the order in which it came, some at a time."""
    inbox, after = services.ledger.inbox, 0
    while events := await asyncio.to_thread(inbox.read, ref, after=after):
        yield [arrival_of(event) for event in events]
        after = events[-1].number


def arrival_of(event: TakenEvent) -> Arrival:
    """An event as fetch takes it."""
    return Arrival(event.number, f"{event.received * 1e6:.0f}", event.wanted, _records(event.body))

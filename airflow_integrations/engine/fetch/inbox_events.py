"""Take events from a route's inbox: they become the first entities that the run fetches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from airflow_integrations.engine.fetch.keys import KeyReader
from airflow_integrations.entity import older
from airflow_integrations.errors import EntityError
from airflow_integrations.formats import ContentError
from airflow_integrations.formats.json import read
from airflow_integrations.ledger.inbox.inbox import TakenEvent
from airflow_integrations.ledger.inbox.unreadable_event import Refusal, refused
from airflow_integrations.ledger.lease_times import FETCH_SECONDS
from airflow_integrations.ledger.records import RunRef
from airflow_integrations.run import Run, Services

__all__ = [
    "Arrival",
    "Newest",
    "Received",
    "arrival_of",
    "arrivals",
    "keys_for_senders",
    "received",
    "take_events",
    "takes_events",
]

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
    refused: Refusal | None = None
    """Why it has none, where nobody could read any in it."""


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
        received_until=now - run.event_age if run.event_age else None,
        lease_until=now + FETCH_SECONDS,
        now=now,
    )


async def arrivals(ref: RunRef, services: Services) -> AsyncIterator[list[Arrival]]:
    """All that the run has taken, in the order in which it came, some at a time."""
    inbox, after = services.ledger.inbox, 0
    while events := await asyncio.to_thread(inbox.read, ref, after=after):
        yield [arrival_of(event) for event in events]
        after = events[-1].number


@dataclass(frozen=True, slots=True)
class Received:
    """One record of an event, with what identifies it."""

    key: str
    version: str
    record: Any
    """Still JSON, or decoded."""
    event: int
    place: int
    """In its event, from 0."""


def received(
    arrived: Iterable[Arrival], keys: KeyReader, reject: Callable[[Any, EntityError], None], *, decoded: bool = False
) -> list[Received]:
    """The records of events in their order. ``reject`` is given those that have no usable key, and what stands for an
    event that nobody could read. ``decoded``: all of a record is read at once, and not only what its key takes."""
    found = []
    for arrival in arrived:
        if arrival.refused is not None:
            reject(arrival.refused.record, EntityError(arrival.refused.reason))
        for place, raw in enumerate(arrival.records):
            try:
                record = read(bytes(raw)) if decoded else raw
                key, version = keys.read(record)
            except ContentError as error:
                reject(raw, EntityError(str(error)))
            except EntityError as error:
                reject(raw, error)
            else:
                found.append(Received(key, version or arrival.version, record, arrival.number, place))
    return found


class Newest:
    """Which of several states of an entity is the newest: by their versions; of equal ones the one that came last."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, int, str]] = {}

    def see(self, found: Iterable[Received]) -> None:
        """Give it all states before any is asked about, in the order in which they came."""
        for one in found:
            last = self._last.get(one.key)
            if last is None or not older(one.version, last[2]):
                self._last[one.key] = one.event, one.place, one.version

    def has(self, one: Received) -> bool:
        """Whether this is the newest state of its entity."""
        return self._last[one.key][:2] == (one.event, one.place)


def keys_for_senders(arrived: Iterable[Arrival], found: Iterable[Received]) -> list[tuple[int, list[str]]]:
    """The keys that came of each event whose sender waits for their fate."""
    keys: dict[int, list[str]] = {arrival.number: [] for arrival in arrived if arrival.wanted}
    if keys:
        for one in found:
            if one.event in keys:
                keys[one.event].append(one.key)
    return list(keys.items())


def arrival_of(event: TakenEvent) -> Arrival:
    """An event as fetch takes it."""
    version = f"{event.received * 1e6:.0f}"
    if (refusal := refused(event.body)) is not None:
        return Arrival(event.number, version, event.wanted, [], refusal)
    return Arrival(event.number, version, event.wanted, _records(event.body))

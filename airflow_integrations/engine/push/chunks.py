"""A run's entities in chunks, the same in every attempt, each reserved in the ledger before anything of it is sent."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Self

from airflow_integrations.engine.push.chunk import Chunk, Entries
from airflow_integrations.ledger.lease_times import PUSH_SECONDS
from airflow_integrations.ledger.records import Known
from airflow_integrations.ledger.runs.claims import reserve
from airflow_integrations.outgoing import Outbound

if TYPE_CHECKING:
    from airflow_integrations.engine.push.session import PushSession

__all__ = ["Chunks"]

CHUNK_ENTITIES = 4_000
"""Entities that are reserved at a time."""

CHUNK_BYTES = 8 * 1024 * 1024
"""Or fewer, where they have this size together: bounds memory."""

TRIES_TOGETHER = 5
"""A batch that so often got no answer at all has hardly arrived: its entities are tried in smaller company."""


class Chunks:
    """``source`` gives all of the run's entities in the order of their ordinals, from 0. Use as an asynchronous context
    inside that of the session's books."""

    def __init__(self, session: PushSession, source: Iterator[Outbound]) -> None:
        self._source = enumerate(source)
        self._run = session.ref
        self._services = session.services
        self._journal = session.journal
        self._books = session.books
        self._traffic = session.traffic
        self._steps = session.steps
        self._recent: list[Chunk] = []
        self._unanswered = {ordinals[0]: ordinals for ordinals in session.journal.unanswered_batches}
        self._waiting: Entries | None = None
        self._ahead: asyncio.Task[Chunk] | None = None

    async def next(self) -> Chunk | None:
        """The next chunk, reserved, or None behind the last; also where sending ends before it is known what became of
        earlier states of its entities. The one after it is reserved in the background."""
        await self._books.room()
        if self._ahead is not None:
            ahead, self._ahead = self._ahead, None
            chunk = await ahead
        else:
            entries = self._waiting or self._read()
            self._waiting = None
            if not entries:
                return None
            if self._overlap(entries):
                known = await self._traffic.ended([outbound.key for _, outbound in entries])
                if not known or self._traffic.ending:  # what ended it may be about an earlier state of theirs
                    self._waiting = entries
                    return None
                await self._books.flush()  # the ledger must know what became of their earlier states
            chunk = await self._reserved(entries)
        self._recent.append(chunk)
        self._waiting = self._read()
        if self._waiting and not self._overlap(self._waiting):
            self._ahead, self._waiting = asyncio.create_task(self._reserved(self._waiting)), None
        return chunk

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """What is being reserved is waited for: the books, which end later, give all leases back."""
        if self._ahead is not None:
            await asyncio.gather(self._ahead, return_exceptions=True)

    def _read(self) -> Entries:
        """The entities of the next chunk whose fate is open; none behind the last chunk."""
        entries: Entries = deque()
        concluded = self._journal.concluded
        counted = size = 0
        for entry in self._source:
            counted += 1
            size += len(entry[1].encoded)
            if not concluded(entry[0]):
                if self._unanswered:
                    entry[1].unanswered = self._journal.unanswered(entry[0])
                entries.append(entry)
            if counted >= CHUNK_ENTITIES or size >= CHUNK_BYTES:
                if entries:
                    break
                counted = size = 0
        return entries

    def _overlap(self, entries: Entries) -> bool:
        """Whether an earlier state of one of these is not in the ledger yet."""
        self._recent = [chunk for chunk in self._recent if chunk.open or self._books.owes(chunk.claim)]
        keys = [outbound.key for _, outbound in entries]
        return any(not chunk.keys.isdisjoint(keys) for chunk in self._recent)

    async def _reserved(self, entries: Entries) -> Chunk:
        times = Counter([outbound.key for _, outbound in entries])
        now = self._services.now()
        reservation = await asyncio.to_thread(
            reserve,
            self._services.ledger,
            self._run,
            list(times),
            first=entries[0][0],
            lease_until=now + PUSH_SECONDS,
            now=now,
        )
        self._books.reserved(reservation.claim)
        progress: dict[str, tuple[str, str]] = {}
        if self._steps is not None:
            progress = await self._steps.known(list(times))
            self._steps.restore(entries, progress)
        repeated = frozenset[str]()
        if len(times) < len(entries):
            repeated = frozenset(key for key, count in times.items() if count > 1)
        ordinals = {ordinal for ordinal, _ in entries} if self._unanswered else set()
        return Chunk(
            reservation.claim,
            frozenset(times),
            dict(reservation.known),
            reservation.taken,
            repeated,
            len(entries),
            self._batches_first(entries),
            {first: batch for first, batch in self._unanswered.items() if first in ordinals},
            _together(entries, reservation.known, repeated) if reservation.known else {},
            sum([len(outbound.encoded) for _, outbound in entries]),
            progress,
        )

    def _batches_first(self, entries: Entries) -> Entries:
        """Entities of unanswered batches stand together, in front."""
        if not self._unanswered:
            return entries
        by_ordinal = dict(entries)
        again = [o for batch in self._unanswered.values() for o in batch if o in by_ordinal]
        front = set(again)
        return deque([(o, by_ordinal[o]) for o in again] + [entry for entry in entries if entry[0] not in front])


def _together(entries: Entries, known: dict[str, Known], repeated: frozenset[str]) -> dict[int, list[int]]:
    """Batches that an earlier run sent without an answer and that are here as a whole, by their first ordinal.

    Where the run has another state of one of its entities, too, a batch does not go as it was: the order of states
    goes before.
    """
    found: dict[str, list[int]] = {}
    for ordinal, outbound in entries:
        if outbound.batch is not None:
            of = known.get(outbound.key)
            same = of is not None and of.hash == outbound.hash and of.attempts < TRIES_TOGETHER
            if same and outbound.key not in repeated:
                found.setdefault(outbound.batch, []).append(ordinal)
    return {
        ordinals[0]: ordinals
        for batch, ordinals in found.items()
        if len(ordinals) == int(batch.rpartition(":")[2]) == ordinals[-1] - ordinals[0] + 1
    }

"""What a push sends, and in which batches: it reserves entities in the ledger and leaves out what need not go.

Entities are taken in chunks that are the same in every attempt. A batch that an earlier attempt sent, and did not hear
of, is put together again exactly as it was: a target that knows batches by their idempotency key recognises it.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from airflow_integrations.engine.books import LEASE_SECONDS, Books
from airflow_integrations.engine.journal import Journal
from airflow_integrations.engine.traffic import Traffic
from airflow_integrations.engine.verdicts import Verdicts
from airflow_integrations.ledger.records import Known, Outcome, RunRef
from airflow_integrations.outgoing import Outbound
from airflow_integrations.run import Services

__all__ = ["Batch", "Chunk", "Plan"]

CHUNK_ENTITIES = 4_000
"""Entities that are reserved at a time."""
CHUNK_BYTES = 8 * 1024 * 1024
"""Or fewer, where they have this size together: bounds memory."""
TRIES_TOGETHER = 5
"""A batch that so often got no answer at all has hardly arrived: its entities are tried in smaller company."""
BATCH_BYTES = 16 * 1024 * 1024
"""A batch is closed early at this size, whatever its count: bounds the request's body."""


@dataclass(slots=True)
class Chunk:
    """Entities that were reserved together."""

    claim: int | None
    known: dict[str, Known]
    taken: frozenset[str]
    repeated: frozenset[str]
    """Keys that it has more than once: what is known of them changes under way."""
    open: int
    """How many of its entities have no fate yet."""
    entries: deque[tuple[int, Outbound]]
    under_way: dict[int, list[int]]
    """Batches that an earlier attempt sent, by the ordinal of their first entity."""
    together: dict[int, list[int]]
    """The same of batches that an earlier run sent."""


@dataclass(slots=True)
class Batch:
    """Entities of one request, no key twice."""

    chunk: Chunk
    ordinals: list[int] = field(default_factory=list)
    outbounds: list[Outbound] = field(default_factory=list)
    unheard: bool = False
    """An earlier attempt of this run sent it and did not hear of it."""
    doubtful: bool = False
    """It is one entity that an earlier run sent without hearing of it."""

    def went_unheard(self, run: int) -> None:
        """Nobody knows whether it arrived. A target that knows it by its idempotency key must get it again as it is, in
        whatever run that will be: each of its entities remembers it. ``run`` is the ledger's number."""
        if len(self.outbounds) > 1:
            for outbound in self.outbounds:
                outbound.batch = f"{run}:{self.ordinals[0]}:{len(self.outbounds)}"

    @property
    def keys(self) -> list[str]:
        return [outbound.key for outbound in self.outbounds]


class Plan:
    """``source`` gives all of the run's entities in the order of their ordinals, from 0."""

    def __init__(
        self,
        source: Iterator[Outbound],
        ref: RunRef,
        services: Services,
        journal: Journal,
        books: Books,
        verdicts: Verdicts,
        *,
        batch: int,
        traffic: Traffic,
    ) -> None:
        self._source = enumerate(source)
        self.run = ref
        self._services = services
        self._journal = journal
        self._books = books
        self._verdicts = verdicts
        self._batch = batch
        self._traffic = traffic
        self._chunk: Chunk | None = None
        self._recent: list[tuple[Chunk, frozenset[str]]] = []
        self._under_way = {ordinals[0]: ordinals for ordinals in journal.batches_under_way}
        self._decided: tuple[list[int], list[Outcome]] = ([], [])

    async def next(self) -> Batch | None:
        """The next batch to send, or None where there is none. Called by one worker at a time."""
        while True:
            if self._chunk is None or not self._chunk.entries:
                self._note_decided()
                self._chunk = await self._next_chunk()
                if self._chunk is None:
                    return None
            batch = self._cut(self._chunk)
            self._note_decided()
            if batch.outbounds:
                return batch
            if self._chunk.entries and (key := self._chunk.entries[0][1].key) in self._traffic.under_way:
                self._journal.flush()
                await self._traffic.ended({key})
                if self._traffic.ending:
                    return None

    def conclude(self, chunk: Chunk, ordinals: list[int], outcomes: list[Outcome]) -> None:
        """Write down what became of entities of a chunk, and update what is known of keys that come again in it."""
        self._books.note(self._journal.done(ordinals, outcomes), outcomes)
        chunk.open -= len(outcomes)
        if chunk.repeated:
            for outcome in outcomes:
                if outcome.key in chunk.repeated:
                    chunk.known[outcome.key] = _known_after(chunk.known.get(outcome.key), outcome)
        if not chunk.open:
            self._books.finished(chunk.claim)

    def _note_decided(self) -> None:
        ordinals, outcomes = self._decided
        if ordinals:
            assert self._chunk is not None
            self._decided = ([], [])
            self.conclude(self._chunk, ordinals, outcomes)

    def _cut(self, chunk: Chunk) -> Batch:
        entries, verdicts, traffic = chunk.entries, self._verdicts, self._traffic
        batch = Batch(chunk)
        keys: set[str] = set()
        size, most = 0, self._batch
        unheard = chunk.under_way.pop(entries[0][0], None)
        again = unheard or chunk.together.pop(entries[0][0], None)
        while entries:
            ordinal, outbound = entries[0]
            known = chunk.known.get(outbound.key)
            if again is not None:
                if ordinal not in again:
                    break
            else:
                if outbound.key in keys or len(keys) >= most:
                    break
                if ordinal in chunk.under_way or ordinal in chunk.together:
                    break
                if outbound.key in chunk.repeated and outbound.key in traffic.under_way:
                    break
                if size and size + len(outbound.encoded) > BATCH_BYTES:
                    break
                doubtful = verdicts.doubtful(known, outbound) if known is not None else False
                tries = known.attempts if known is not None and known.hash == outbound.hash else 0
                if keys and (doubtful or batch.doubtful or len(keys) >= self._batch >> tries):
                    break  # what failed together is tried in smaller and smaller company
            entries.popleft()
            fate: Outcome | None
            if outbound.key in traffic.held:
                if traffic.waits_behind(chunk, ordinal, outbound):
                    continue
                fate = verdicts.superseded(ordinal, outbound)
            elif outbound.key in chunk.taken:
                fate = verdicts.leased(ordinal, outbound, known)
            else:
                fate = verdicts.before(ordinal, outbound, known)
            if fate is not None:
                self._decided[0].append(ordinal)
                self._decided[1].append(fate)
                continue
            if again is None and known is not None:
                batch.doubtful = doubtful
                most = max(1, self._batch >> tries)
            keys.add(outbound.key)
            batch.ordinals.append(ordinal)
            batch.outbounds.append(outbound)
            size += len(outbound.encoded)
        batch.unheard = unheard is not None
        return batch

    async def _next_chunk(self) -> Chunk | None:
        entries: deque[tuple[int, Outbound]] = deque()
        counted = size = 0
        while counted < CHUNK_ENTITIES and size < CHUNK_BYTES:
            entry = next(self._source, None)
            if entry is None:
                break
            counted += 1
            size += len(entry[1].encoded)
            if not self._journal.concluded(entry[0]):
                entries.append(entry)
        if not entries:
            return None if not counted else await self._next_chunk()
        times = Counter(outbound.key for _, outbound in entries)
        keys = frozenset(times)
        self._recent = [(chunk, held) for chunk, held in self._recent if chunk.open or self._books.owes(chunk.claim)]
        if any(not held.isdisjoint(keys) for _, held in self._recent):
            await self._traffic.ended(keys)  # the ledger must know what became of their earlier states
            await self._books.flush()
        now, first = self._services.now(), entries[0][0]
        reservation = await asyncio.to_thread(
            self._services.ledger.reserve,
            self.run,
            list(keys),
            first=first,
            lease_until=now + LEASE_SECONDS,
            now=now,
        )
        self._books.reserved(reservation.claim)
        ordinals = {ordinal for ordinal, _ in entries}
        chunk = Chunk(
            reservation.claim,
            dict(reservation.known),
            reservation.taken,
            frozenset(key for key, count in times.items() if count > 1) if len(keys) < len(entries) else frozenset(),
            len(entries),
            self._batches_first(entries),
            {first: batch for first, batch in self._under_way.items() if first in ordinals},
            _together(entries, reservation.known),
        )
        self._recent.append((chunk, keys))
        return chunk

    def _batches_first(self, entries: deque[tuple[int, Outbound]]) -> deque[tuple[int, Outbound]]:
        """Entities of batches that were under way stand together, in front."""
        if not self._under_way:
            return entries
        by_ordinal = dict(entries)
        again = [o for batch in self._under_way.values() for o in batch if o in by_ordinal]
        front = set(again)
        return deque([(o, by_ordinal[o]) for o in again] + [entry for entry in entries if entry[0] not in front])


def _together(entries: deque[tuple[int, Outbound]], known: dict[str, Known]) -> dict[int, list[int]]:
    """Batches that an earlier run sent without an answer and that are here as a whole, by their first ordinal."""
    found: dict[str, list[int]] = {}
    for ordinal, outbound in entries:
        if outbound.batch is not None:
            of = known.get(outbound.key)
            if of is not None and of.hash == outbound.hash and of.attempts < TRIES_TOGETHER:
                found.setdefault(outbound.batch, []).append(ordinal)
    return {
        ordinals[0]: ordinals
        for batch, ordinals in found.items()
        if len(ordinals) == int(batch.rpartition(":")[2]) == ordinals[-1] - ordinals[0] + 1
    }


def _known_after(known: Known | None, outcome: Outcome) -> Known:
    if known is None:
        known = Known(outcome.status, None, None, None, 0, None, 0, None, None, None, None)
    if outcome.status == "delivered":
        return Known(
            "delivered",
            None,
            None if outcome.deleted else outcome.hash,
            outcome.version,
            known.deliveries + 1,
            outcome.target_id or known.target_id,
            0,
            None,
            None,
            None,
            None,
        )
    if outcome.status == "superseded":  # it was about an older state than what is known
        return known
    still_open = outcome.status in ("failed", "retrying", "in_doubt", "waiting", "rejected")
    return msgspec.structs.replace(
        known,
        status=outcome.status,
        hash=outcome.hash if still_open else None,
        attempts=outcome.attempts,
        since=outcome.since,
        next_attempt=outcome.next_attempt,
        deadline=outcome.deadline,
        error_class=outcome.error_class,
        version=outcome.version,
    )

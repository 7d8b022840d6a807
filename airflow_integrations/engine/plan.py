"""What a push sends, and in which batches: it leaves out what need not go.

A batch that an earlier attempt or run sent, and did not hear of, is put together again exactly as it was: a target that
knows batches by their idempotency key recognises it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from airflow_integrations.engine.books import Books
from airflow_integrations.engine.chunks import Chunk, Chunks
from airflow_integrations.engine.journal import Journal
from airflow_integrations.engine.traffic import Traffic
from airflow_integrations.engine.verdicts import Verdicts
from airflow_integrations.ledger.records import Known, Outcome
from airflow_integrations.ledger.status import KEPT
from airflow_integrations.outgoing import Outbound

__all__ = ["Batch", "Plan"]

BATCH_BYTES = 16 * 1024 * 1024
"""A batch is closed early at this size, whatever its count: bounds the request's body."""


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
    """Cuts batches of at most ``batch`` entities out of the run's chunks."""

    def __init__(
        self, chunks: Chunks, journal: Journal, books: Books, verdicts: Verdicts, traffic: Traffic, *, batch: int
    ) -> None:
        self._chunks = chunks
        self._journal = journal
        self._books = books
        self._verdicts = verdicts
        self._traffic = traffic
        self._batch = batch
        self._chunk: Chunk | None = None
        self._decided: tuple[list[int], list[Outcome]] = ([], [])

    async def next(self) -> Batch | None:
        """The next batch to send, or None where there is none. Called by one worker at a time."""
        while True:
            if self._chunk is None or not self._chunk.entries:
                self._note_decided()
                self._chunk = await self._chunks.next()
                if self._chunk is None:
                    return None
            chunk = self._chunk
            batch = (
                self._cut_plainly(chunk)
                if chunk.plain and chunk.bytes <= BATCH_BYTES and not self._traffic.held
                else self._cut(chunk)
            )
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

    def _cut_plainly(self, chunk: Chunk) -> Batch:
        """The same as :meth:`_cut` where there is nothing to decide."""
        taken = [chunk.entries.popleft() for _ in range(min(self._batch, len(chunk.entries)))]
        return Batch(chunk, [ordinal for ordinal, _ in taken], [outbound for _, outbound in taken])

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
                if unheard is not None and fate is not None and fate.status in KEPT:
                    fate = None  # it was sent: what was known of it before that is not all there is to know
            if fate is not None:
                self._decided[0].append(ordinal)
                self._decided[1].append(fate)
                if outbound.key in chunk.repeated:  # it counts for the next state of this key, which may be the next
                    chunk.known[outbound.key] = _known_after(known, fate)
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
    confirmed = outcome.version if outcome.status == "unchanged" else None
    return msgspec.structs.replace(
        known,
        delivered_version=confirmed or known.delivered_version,
        status=outcome.status,
        hash=outcome.hash if still_open else None,
        attempts=outcome.attempts,
        since=outcome.since,
        next_attempt=outcome.next_attempt,
        deadline=outcome.deadline,
        error_class=outcome.error_class,
        version=outcome.version,
    )

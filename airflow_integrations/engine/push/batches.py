"""Decide what a push sends, and in which batches: it leaves out what need not go.

A batch that an earlier attempt or run sent, and did not hear of, is put together again exactly as it was: a target that
knows batches by their idempotency key recognises it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from airflow_integrations.engine.push.batch_rules import BatchRules
from airflow_integrations.engine.push.chunk import Batch, Chunk
from airflow_integrations.engine.push.journal.step_progress import progress_in
from airflow_integrations.engine.push.outcomes import known_after
from airflow_integrations.ledger.records import Outcome

if TYPE_CHECKING:
    from airflow_integrations.engine.push.session import PushSession

__all__ = ["Batches"]


class Batches:
    """Cuts batches of at most ``delivery.batch`` entities out of the run's chunks."""

    def __init__(self, session: PushSession) -> None:
        self._chunks = session.chunks
        self._journal = session.journal
        self._books = session.books
        self._traffic = session.traffic
        self._steps = session.steps
        self._rules = BatchRules(session.verdicts, session.traffic, most=session.run.route.delivery.batch)
        self._chunk: Chunk | None = None

    async def next(self) -> Batch | None:
        """The next batch to send, or None where there is none. Called by one worker at a time."""
        while True:
            chunk = self._chunk
            if chunk is None or not chunk.entries:
                self._chunk = chunk = await self._chunks.next()
                if chunk is None:
                    return None
            cut = self._rules.cut(chunk)
            if cut.outcomes:
                self.conclude(chunk, cut.ordinals, cut.outcomes)
            if cut.batch.outbounds:
                if self._steps is not None:
                    self._steps.begins(chunk, cut.batch.ordinals, cut.batch.outbounds)
                return cut.batch
            if chunk.entries and (key := chunk.entries[0][1].key) in self._traffic.in_flight:
                self._journal.flush()
                await self._traffic.ended({key})
                if self._traffic.ending:
                    return None

    def conclude(self, chunk: Chunk, ordinals: Sequence[int], outcomes: Sequence[Outcome]) -> None:
        """Write down what became of entities of a chunk, and update what is known of keys that come again in it."""
        if self._steps is not None:
            progress_in(chunk.progress, outcomes, chunk.repeated)
        self._books.note(self._journal.done(ordinals, outcomes), outcomes)
        chunk.open -= len(outcomes)
        if chunk.repeated:
            for outcome in outcomes:
                if outcome.key in chunk.repeated:
                    chunk.known[outcome.key] = known_after(chunk.known.get(outcome.key), outcome)
        if not chunk.open:
            self._books.finished(chunk.claim)

"""Gives entities that go in steps what the target has confirmed of them: in this run's journal, or in the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from airflow_integrations.engine.push.journal.journal import Journal
from airflow_integrations.ledger.progress import Progress
from airflow_integrations.ledger.records import Outcome, RunRef
from airflow_integrations.ledger.runs.progress import known_progress, note_progress
from airflow_integrations.outgoing import Outbound

if TYPE_CHECKING:
    from airflow_integrations.engine.push.chunk import Chunk
    from airflow_integrations.run import Services

__all__ = ["StepProgress", "progress_in", "restored"]


class StepProgress:
    """Of one push."""

    def __init__(self, run: RunRef, services: Services, journal: Journal) -> None:
        self._run = run
        self._services = services
        self._journal = journal

    async def known(self, keys: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Content hash and steps of those keys of which the ledger has some. Ask once they are reserved."""
        return await asyncio.to_thread(known_progress, self._services.ledger, self._run, keys)

    def restore(self, entries: Iterable[tuple[int, Outbound]], known: dict[str, tuple[str, str]]) -> None:
        """Hand every entity its progress."""
        for ordinal, outbound in entries:
            outbound.progress = progress = restored(self._journal, ordinal, outbound, known.get(outbound.key))
            progress.listened_to(partial(self._journal.step, ordinal), self._journal.durable)

    def begins(self, chunk: Chunk, ordinals: Sequence[int], outbounds: Sequence[Outbound]) -> None:
        """A batch is about to be sent: of keys that a chunk has more than once something has become known since."""
        again = [entry for entry in zip(ordinals, outbounds, strict=True) if entry[1].key in chunk.repeated]
        if again:
            self.restore(again, chunk.progress)

    async def note(self, *, broken_off: Sequence[Outbound], met_outage: Sequence[Outbound]) -> None:
        """Tell the ledger what the target has confirmed of entities that a later attempt sends: whoever takes one of
        their keys before it goes on there."""
        for outbound in broken_off:
            if outbound.progress is not None and not outbound.deleted:
                outbound.progress.unanswered = True
        steps = [
            (outbound.key, outbound.hash, outbound.progress.dump())
            for outbound in (*broken_off, *met_outage)
            if outbound.progress is not None and outbound.progress.begun
        ]
        if steps:
            await asyncio.to_thread(note_progress, self._services.ledger, self._run, steps)


def restored(journal: Journal, ordinal: int, outbound: Outbound, known: tuple[str, str] | None) -> Progress:
    """What is known of the steps of one state: what the ledger has, and what the journal has besides."""
    progress = Progress()
    if known is not None and known[0] == outbound.hash:
        progress = Progress.read(known[1])
        progress.stored = True
    if (steps := journal.steps.get(ordinal)) is not None:
        progress.done |= {done.step: done for done in steps}
        progress.unanswered = progress.released = False
    progress.unanswered = progress.unanswered or (journal.unanswered(ordinal) and not outbound.deleted)
    return progress


def progress_in(known: dict[str, tuple[str, str]], outcomes: Iterable[Outcome], repeated: frozenset[str]) -> None:
    """Update what is known of keys that come again in a chunk, as the ledger will when it has these outcomes."""
    for outcome in outcomes:
        if outcome.key not in repeated:
            continue
        if outcome.steps is not None and outcome.hash is not None:
            known[outcome.key] = outcome.hash, outcome.steps
        elif outcome.status == "delivered" or outcome.unanswered:
            known.pop(outcome.key, None)

"""Apply journal lines that the ledger lacks, before anything else happens to a run."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from airflow_integrations.engine.push.journal.journal import Journal
from airflow_integrations.engine.push.journal.step_progress import restored
from airflow_integrations.engine.push.outbounds import Outbounds
from airflow_integrations.engine.push.outcomes import UNANSWERED, Outcomes, target_of
from airflow_integrations.engine.push.parts import transformed_parts
from airflow_integrations.ledger.records import Outcome, RunRef
from airflow_integrations.ledger.runs.claims import note_unanswered
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.ledger.runs.progress import known_progress, note_progress
from airflow_integrations.ledger.runs.runs import applied_lines, rewind_journal
from airflow_integrations.outgoing import Result
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging

__all__ = ["absorb", "absorb_journal"]

BATCH = 5_000


async def absorb(run: Run, ref: RunRef, services: Services, staging: Staging) -> None:
    """Bring the ledger up to what earlier attempts of a run have written into its journals, which are about to be
    cleared. What is unanswered is in doubt where it must not simply be sent again.

    Where the run has not come to its push there is nothing to do.
    """
    fetched, transformed = staging.manifest("fetch"), staging.manifest("transform")
    if fetched is None or not fetched.complete or (transformed is not None and not transformed.complete):
        return
    for part in transformed_parts(staging, transformed):
        await _absorb(run, replace(ref, part=part.number), services, Outbounds(staging, fetched, transformed, part))


async def _absorb(run: Run, ref: RunRef, services: Services, outbounds: Outbounds) -> None:
    journal = Journal.read(outbounds.staging, outbounds.count, ref.part)
    await absorb_journal(ref, services, journal, outbounds)
    if getattr(target_of(run.route), "in_steps", False) and not run.dry_run:
        await _note_steps(ref, services, outbounds, journal)
        return
    unanswered = {ordinal for batch in journal.unanswered_batches for ordinal in batch}
    if unanswered and not run.dry_run:
        await _doubt(run, ref, services, outbounds, unanswered)


async def _doubt(run: Run, ref: RunRef, services: Services, outbounds: Outbounds, unanswered: set[int]) -> None:
    verdicts = Outcomes(run.route, target_of(run.route), services)
    told = Result("in_doubt", reason=UNANSWERED)
    found = [outbound for ordinal, outbound in enumerate(outbounds.read()) if ordinal in unanswered]
    if verdicts.policy == "resend":  # it has the same idempotency key when it comes again, if it does
        sent = [(outbound.key, outbound.hash, outbound.version) for outbound in found]
        await asyncio.to_thread(note_unanswered, services.ledger, ref, sent, now=services.now())
        return
    outcomes = [verdicts.after(outbound, told, None) for outbound in found]
    await asyncio.to_thread(conclude, services.ledger, ref, outcomes, now=services.now())


async def _note_steps(ref: RunRef, services: Services, outbounds: Outbounds, journal: Journal) -> None:
    """What the target has confirmed of entities without an outcome, and which of them are unanswered: whoever sends
    them next goes on there."""
    found = [
        (ordinal, outbound)
        for ordinal, outbound in enumerate(outbounds.read())
        if ordinal in journal.steps or (journal.unanswered(ordinal) and not journal.concluded(ordinal))
    ]
    if not found:
        return
    known = await asyncio.to_thread(known_progress, services.ledger, ref, [outbound.key for _, outbound in found])
    steps = []
    for ordinal, outbound in found:
        progress = restored(journal, ordinal, outbound, known.get(outbound.key))
        steps.append((outbound.key, outbound.hash, progress.dump()))
    await asyncio.to_thread(note_progress, services.ledger, ref, steps)
    sent = [(outbound.key, outbound.hash, outbound.version) for _, outbound in found]
    await asyncio.to_thread(note_unanswered, services.ledger, ref, sent, now=services.now())


async def absorb_journal(ref: RunRef, services: Services, journal: Journal, outbounds: Outbounds) -> None:
    """The same for a journal that has been read. Reads the segments only where there is something to absorb."""
    applied = await asyncio.to_thread(applied_lines, services.ledger, ref)
    if journal.done_lines <= applied:
        if journal.done_lines < applied:  # the machine died, and the file lost lines that the ledger has
            await asyncio.to_thread(rewind_journal, services.ledger, ref, journal.done_lines)
        return
    line, wanted = applied, dict[int, Outcome]()
    for number, ordinal, outcome in journal.outcomes(applied):
        if number > line and len(wanted) >= BATCH:
            await _apply(ref, services, outbounds, wanted, line)
            wanted = {}
        line = number
        wanted[ordinal] = outcome
    await _apply(ref, services, outbounds, wanted, line)


async def _apply(
    ref: RunRef, services: Services, outbounds: Outbounds, wanted: dict[int, Outcome], applied: int
) -> None:
    last = max(wanted)
    for ordinal, outbound in enumerate(outbounds.read()):
        if ordinal in wanted:
            outcome = wanted[ordinal]
            outcome.key, outcome.version, outcome.hash = outbound.key, outbound.version, outbound.hash
            outcome.deleted, outcome.payload_at = outbound.deleted, outbound.at
        if ordinal >= last:
            break
    await asyncio.to_thread(conclude, services.ledger, ref, list(wanted.values()), now=services.now(), applied=applied)

"""What a journal knows and the ledger does not yet: put into the ledger before anything else happens to a run."""

from __future__ import annotations

import asyncio

from airflow_integrations.engine.journal import Journal
from airflow_integrations.engine.leftovers import UNHEARD
from airflow_integrations.engine.source import Outbounds
from airflow_integrations.engine.verdicts import Verdicts
from airflow_integrations.ledger.records import Outcome, RunRef
from airflow_integrations.outgoing import Outgoing, Result
from airflow_integrations.run import Run, Services
from airflow_integrations.staging import Staging

__all__ = ["absorb", "absorb_journal"]

BATCH = 5_000


async def absorb(run: Run, ref: RunRef, services: Services, staging: Staging) -> None:
    """Bring the ledger up to what an earlier attempt of a run has written into its journal, which is about to be
    cleared. What was sent and not heard of is in doubt where it must not simply be sent again.

    Where the run has not come to its push there is nothing to do.
    """
    fetched, transformed = staging.manifest("fetch"), staging.manifest("transform")
    if fetched is None or not fetched.complete or (transformed is not None and not transformed.complete):
        return
    outbounds = Outbounds(staging, fetched, transformed)
    journal = Journal.read(staging, outbounds.count)
    await absorb_journal(ref, services, journal, outbounds)
    unheard = {ordinal for batch in journal.batches_under_way for ordinal in batch}
    if unheard and not run.dry_run:
        await _doubt(run, ref, services, outbounds, unheard)


async def _doubt(run: Run, ref: RunRef, services: Services, outbounds: Outbounds, unheard: set[int]) -> None:
    stage = run.route.outgoing
    outgoing: Outgoing = stage.component()(stage.config, run.route)
    verdicts = Verdicts(run.route, outgoing, services)
    if verdicts.policy == "resend":
        return  # it has the same idempotency key when it comes again
    told = Result("in_doubt", reason=UNHEARD)
    found = [(ordinal, outbound) for ordinal, outbound in enumerate(outbounds.read()) if ordinal in unheard]
    outcomes = [verdicts.after(ordinal, outbound, told, None) for ordinal, outbound in found]
    await asyncio.to_thread(services.ledger.conclude, ref, outcomes, now=services.now())


async def absorb_journal(ref: RunRef, services: Services, journal: Journal, outbounds: Outbounds) -> None:
    """The same for a journal that has been read. Reads the segments only where there is something to absorb."""
    applied = await asyncio.to_thread(services.ledger.applied, ref)
    if journal.done_lines <= applied:
        if journal.done_lines < applied:  # the machine died, and the file lost lines that the ledger has
            await asyncio.to_thread(services.ledger.rewind, ref, journal.done_lines)
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
            outcome.deleted = outbound.deleted
        if ordinal >= last:
            break
    await asyncio.to_thread(services.ledger.conclude, ref, list(wanted.values()), now=services.now(), applied=applied)

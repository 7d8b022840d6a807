"""What a journal knows and the ledger does not yet: put into the ledger before anything else happens to a run."""

from __future__ import annotations

import asyncio

from airflow_integrations.engine.journal import Journal
from airflow_integrations.engine.source import Outbounds
from airflow_integrations.ledger.records import Outcome, RunRef
from airflow_integrations.run import Services
from airflow_integrations.staging import Staging

__all__ = ["absorb", "absorb_journal"]

BATCH = 5_000


async def absorb(ref: RunRef, services: Services, staging: Staging) -> None:
    """Bring the ledger up to what an earlier attempt of a run has written into its journal.

    Call it before the journal is cleared. Where the run has not come to its push there is nothing to do.
    """
    fetched, transformed = staging.manifest("fetch"), staging.manifest("transform")
    if fetched is None or not fetched.complete or (transformed is not None and not transformed.complete):
        return
    outbounds = Outbounds(staging, fetched, transformed)
    await absorb_journal(ref, services, Journal.read(staging, outbounds.count), outbounds)


async def absorb_journal(ref: RunRef, services: Services, journal: Journal, outbounds: Outbounds) -> None:
    """The same for a journal that has been read. Reads the segments only where there is something to absorb."""
    applied = await asyncio.to_thread(services.ledger.applied, ref)
    if journal.done_lines <= applied:
        if journal.done_lines < applied:  # the machine died, and the file lost lines that the ledger has
            await asyncio.to_thread(services.ledger.conclude, ref, [], now=services.now(), applied=journal.done_lines)
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

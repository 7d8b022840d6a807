"""A part of a push says that it is at work from its beginning on: a run is dead only when none of its parts is.

Without it a part that has reserved nothing yet, because it transforms its share or has just begun, is seen by nobody:
where another part had died, the run's books would be closed under it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from airflow_integrations.engine.push.parts import Part
from airflow_integrations.errors import OutageError
from airflow_integrations.ledger.lease_times import PUSH_SECONDS
from airflow_integrations.ledger.records import RunRef
from airflow_integrations.ledger.runs.claims import announce_part, end_announcement, renew_announcement
from airflow_integrations.run import Services

__all__ = ["part_at_work"]

RENEWED_AFTER = PUSH_SECONDS / 4


@contextlib.asynccontextmanager
async def part_at_work(ref: RunRef, services: Services, part: Part) -> AsyncIterator[None]:
    """Say so in the ledger while the context lasts; nothing where the run has one part.

    Raises OutageError where somebody closes the books of the run, because all its parts had died: a later attempt goes
    on behind that.
    """
    if part.of == 1:
        yield
        return
    now = services.now()
    claim = await asyncio.to_thread(announce_part, services.ledger, ref, lease_until=now + PUSH_SECONDS, now=now)
    if claim is None:
        raise OutageError(
            "all parts of this run's push had died, and its books are being closed; the next attempt goes on with what "
            "is left"
        )
    renewing = asyncio.create_task(_renew(claim, services))
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)
        with contextlib.suppress(OutageError):  # it ends by itself
            await asyncio.to_thread(end_announcement, services.ledger, claim)


async def _renew(claim: int, services: Services) -> None:
    while True:
        await asyncio.sleep(RENEWED_AFTER)
        with contextlib.suppress(OutageError):  # the ledger is away for now
            await asyncio.to_thread(
                renew_announcement, services.ledger, claim, lease_until=services.now() + PUSH_SECONDS
            )

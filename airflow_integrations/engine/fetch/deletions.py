"""Find deletions: entities that were delivered and that a complete fetch did not bring again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from airflow_integrations.engine.segment_lines import encode_deletion
from airflow_integrations.errors import AnswerError
from airflow_integrations.ledger.records import RunRef
from airflow_integrations.ledger.runs.vanished import delivered_count, vanished, vanished_count
from airflow_integrations.route.definition import Route
from airflow_integrations.route.incremental import Missing
from airflow_integrations.run import Run
from airflow_integrations.staging.segment_writer import SegmentWriter

if TYPE_CHECKING:
    from airflow_integrations.ledger.ledger import Ledger

__all__ = ["ALWAYS_ALLOWED", "looks_for_vanished", "stage_deletions"]

ALWAYS_ALLOWED = 10
"""So many may vanish at once whatever share of all they are."""
PAGE = 5_000


def looks_for_vanished(run: Run) -> bool:
    """Whether the run asks the source for everything, so that an entity which does not come is gone there.

    A run for events never asks the source; a run that is woken because a lookup's entity was delivered is one of these.
    """
    whole = run.keys is None and run.entities is None and run.limit is None and run.retry is None and not run.events
    return run.route.missing != "ignore" and whole and not run.dry_run


async def stage_deletions(route: Route, ref: RunRef, ledger: Ledger, writer: SegmentWriter, version: str | None) -> int:
    """Write a deletion for each entity that vanished; returns how many.

    The fetch is complete and the ledger has seen what it brought. Raises AnswerError, before anything is written, where
    more vanished than ``missing.at_most`` allows: then it is rather the source that has a trouble.
    """
    gone = await asyncio.to_thread(vanished_count, ledger, ref)
    if not gone:
        return 0
    known = await asyncio.to_thread(delivered_count, ledger, ref)
    allowed = route.missing if isinstance(route.missing, Missing) else Missing()
    if gone > ALWAYS_ALLOWED and gone > known * allowed.share:
        raise AnswerError(
            f"{gone} of the {known} entities that the target has did not come from the source any more; that is more "
            f"than missing.at_most ({allowed.at_most}) allows, and nothing was sent. Look whether the source gives "
            "everything. If it does, and they are to be deleted, write missing: {at_most: 100%} in the route and clear "
            "this run from fetch"
        )
    count, after = 0, None
    while page := await asyncio.to_thread(vanished, ledger, ref, limit=PAGE, after=after):
        for key, target_id in page:
            writer.add(encode_deletion(key, version, target_id))
            if writer.full:
                writer.close_segment()
        count, after = count + len(page), page[-1][0]
    writer.close_segment()
    return count

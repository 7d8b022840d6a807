"""Progress of a run that has not closed its books: read from what its stages have staged."""

from __future__ import annotations

from airflow_integrations.engine.fetch.partitions.staged import staged_so_far
from airflow_integrations.engine.push.journal.journal import Journal
from airflow_integrations.engine.push.outbounds import Outbounds
from airflow_integrations.engine.push.parts import parts_of, share_of
from airflow_integrations.errors import RunError
from airflow_integrations.staging.folder import Staging

__all__ = ["run_progress"]

MOST_COUNTED = 200_000
"""Entities of a run whose journal is read for it: some dozens of milliseconds."""


def run_progress(staging: Staging) -> str:
    """For people: ``running, push 1,200 of 1,800``."""
    try:
        fetched, transformed = staging.manifest("fetch"), staging.manifest("transform")
    except RunError:  # a damaged manifest: the run itself says so
        return "running"
    if fetched is None:
        return "running, fetch"
    if not fetched.complete:
        fetched = staged_so_far(staging, fetched)
        return f"running, fetch {fetched.entities:,}" if fetched.entities else "running, fetch"
    if fetched.entities and transformed is None:
        return f"running, transform of {fetched.entities:,}"
    parts = parts_of(transformed)
    begun = [part for part in parts if not part.share or share_of(staging, part) is not None]
    waiting = sum((part.share or 0) + (part.entities or 0) for part in parts if part not in begun)
    counts = {part.number: Outbounds(staging, fetched, transformed, part).count for part in begun}
    total = waiting + sum(counts.values())
    if total > MOST_COUNTED:
        return f"running, push of {total:,}"
    left = waiting + sum(Journal.read(staging, count, number).pending for number, count in counts.items())
    return f"running, push {total - left:,} of {total:,}"

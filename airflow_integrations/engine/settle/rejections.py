"""Write to the ledger what fetch and transform rejected or put off, each with the place of its payload."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from airflow_integrations.engine.segment_lines import Problem, read_problems
from airflow_integrations.ledger.records import NOT_FOUND, Outcome, PayloadStage, RunRef
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.ledger.runs.waits import wake_delivered
from airflow_integrations.run import Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest

if TYPE_CHECKING:
    from airflow_integrations.ledger.ledger import Ledger

__all__ = ["conclude_rejected", "note_rejections", "rejection"]

BATCH = 5_000


def rejection(problem: Problem, stage: PayloadStage, at: int, version: str | None) -> Outcome:
    """Return the fate of an entity that was rejected or put off; its payload is the line ``at`` of that stage's
    problems."""
    later = problem.later
    outcome = Outcome(
        key=problem.key,
        status="rejected" if later is None else "retrying",
        version=problem.version or version,
        reason=_reason(problem),
        error_class="rejected" if later is None else NOT_FOUND,
        payload_stage=stage,
        payload_at=at,
    )
    if later is not None:
        outcome.attempts, outcome.since, outcome.next_attempt = later.attempts, later.since, later.next_attempt
        outcome.waits = later.waits
    return outcome


def _reason(problem: Problem) -> str:
    """With the field that it is about, once: a step's own reason names it behind the step's place."""
    named = not problem.field or f" {problem.field}: " in f" {problem.reason}"
    return problem.reason if named else f"{problem.field}: {problem.reason}"


def conclude_rejected(ledger: Ledger, ref: RunRef, outcomes: Sequence[Outcome], *, now: float) -> None:
    """Write what became of entities that did not come through transform. What they wait for may have been delivered
    since they were looked up; then they are due at once."""
    conclude(ledger, ref, outcomes, now=now)
    awaited: dict[str, dict[str, None]] = {}
    for outcome in outcomes:
        for route, key in outcome.waits:
            awaited.setdefault(route, {})[key] = None
    for route, keys in sorted(awaited.items()):
        wake_delivered(ledger, route, list(keys), now)


async def note_rejections(
    ref: RunRef, services: Services, staging: Staging, manifest: Manifest, *, behind: int = 0, first: int = 0
) -> None:
    """Write to the ledger what a finished stage rejected or put off. An entity without a key has no place in the
    ledger: it is in the run's books, and its payload in staging. ``behind``: without so many of the segments.
    ``first``: the place of the first problem among those of the run."""
    stage: PayloadStage = "problems-fetch" if manifest.stage == "fetch" else "problems-transform"
    fetched = manifest if manifest.stage == "fetch" else staging.manifest("fetch")
    version = fetched.version if fetched else None
    outcomes: list[Outcome] = []
    first += sum(segment.entities for segment in manifest.problems[:behind])
    for at, problem in enumerate(read_problems(staging.blocks(manifest.problems[behind:])), first):
        if problem.key and (problem.status == "rejected" or problem.later is not None):
            outcomes.append(rejection(problem, stage, at, version))
        if len(outcomes) >= BATCH:
            await asyncio.to_thread(conclude_rejected, services.ledger, ref, outcomes, now=services.now())
            outcomes = []
    if outcomes:
        await asyncio.to_thread(conclude_rejected, services.ledger, ref, outcomes, now=services.now())

"""What fetch and transform rejected becomes known to the ledger, each with the place of its payload."""

from __future__ import annotations

import asyncio

from airflow_integrations.engine.records import Problem, read_problems
from airflow_integrations.ledger.records import Outcome, PayloadStage, RunRef
from airflow_integrations.run import Services
from airflow_integrations.staging import Manifest, Staging

__all__ = ["note_rejections", "rejection"]

BATCH = 5_000


def rejection(problem: Problem, stage: PayloadStage, at: int, version: str | None) -> Outcome:
    """What the ledger hears of a rejected entity, whose payload is the line ``at`` of that stage's problems."""
    return Outcome(
        key=problem.key,
        status="rejected",
        version=problem.version or version,
        reason=f"{problem.field}: {problem.reason}" if problem.field else problem.reason,
        error_class="rejected",
        payload_stage=stage,
        payload_at=at,
    )


async def note_rejections(ref: RunRef, services: Services, staging: Staging, manifest: Manifest) -> None:
    """Write down what a finished stage rejected. An entity without a key has no place in the ledger: it is in the
    run's books, and its payload in staging."""
    stage: PayloadStage = "problems-fetch" if manifest.stage == "fetch" else "problems-transform"
    fetched = manifest if manifest.stage == "fetch" else staging.manifest("fetch")
    version = fetched.version if fetched else None
    outcomes: list[Outcome] = []
    for at, problem in enumerate(read_problems(staging.blocks(manifest.problems))):
        if problem.key and problem.status == "rejected":
            outcomes.append(rejection(problem, stage, at, version))
        if len(outcomes) >= BATCH:
            await asyncio.to_thread(services.ledger.conclude, ref, outcomes, now=services.now())
            outcomes = []
    if outcomes:
        await asyncio.to_thread(services.ledger.conclude, ref, outcomes, now=services.now())

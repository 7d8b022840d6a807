"""Keep for a later run what a live run took over and could not take through transform, because a system was away."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_integrations.engine.segment_lines import Problem, encode_problem
from airflow_integrations.entity import Entity
from airflow_integrations.errors import OutageError
from airflow_integrations.ledger.records import Known, Outcome, RunRef
from airflow_integrations.ledger.runs.claims import known_entities
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.run import Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.segment_writer import SegmentWriter

__all__ = ["put_off"]


def put_off(ref: RunRef, entities: Sequence[Entity], error: OutageError, services: Services, staging: Staging) -> None:
    """Stage the entities as their source gave them and write in the ledger that they are due at once: the route's
    circuit says when that is. The outage costs no attempt. Raises OutageError where the ledger is away.

    Works on the run's manifest as it was saved last, so that nothing of a batch that broke off gets into it.
    """
    manifest, now, reason = staging.manifest("fetch"), services.now(), str(error)
    if manifest is None:
        raise AssertionError("a live run saves its manifest before it transforms anything")
    known = known_entities(services.ledger, ref.route, [entity.key for entity in entities])
    writer = SegmentWriter(staging, "problems-fetch-later", manifest.problems)
    first = sum(segment.entities for segment in manifest.problems)
    for entity in entities:
        problem = Problem(entity.key, "transform", "retrying", reason, None, entity.source, version=entity.version)
        writer.add(encode_problem(problem))
    writer.close_segment()
    outcomes = [
        Outcome(
            key=entity.key,
            status="retrying",
            version=entity.version or manifest.version,
            reason=reason,
            error_class="outage",
            attempts=_attempts(known.get(entity.key)),
            next_attempt=now,
            payload_stage="problems-fetch",
            payload_at=first + place,
        )
        for place, entity in enumerate(entities)
    ]
    manifest.problems = writer.segments
    counts, more = manifest.counts, len(entities)
    manifest.counts = counts | {name: counts.get(name, 0) + more for name in ("carried_in", "retrying")}
    manifest.saved_at = now
    staging.save(manifest)
    conclude(services.ledger, ref, outcomes, now=now)


def _attempts(known: Known | None) -> int:
    return 0 if known is None else known.attempts

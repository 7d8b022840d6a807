"""What a push could not send gets a fate all the same: it is retried by a later run, or somebody looks."""

from __future__ import annotations

from airflow_integrations.engine.plan import Plan
from airflow_integrations.engine.traffic import Traffic
from airflow_integrations.engine.verdicts import Verdicts
from airflow_integrations.ledger.records import RunRef
from airflow_integrations.outgoing import Result

__all__ = ["UNHEARD", "close_rest"]

UNHEARD = "it was being sent when the run ended: nobody knows whether it arrived"


async def close_rest(
    plan: Plan, run: RunRef, traffic: Traffic, verdicts: Verdicts, *, cause: str, reason: str, not_before: float
) -> None:
    """Conclude everything that a plan still holds.

    They become *retrying*, not before the moment ``not_before`` and without having burnt an attempt; of what was
    sent and not heard of, *in doubt*.
    """
    result = Result("pending", reason=reason)
    while (batch := await plan.next()) is not None:
        outcomes = []
        if batch.unheard:
            batch.went_unheard(run.id)
        for ordinal, outbound in zip(batch.ordinals, batch.outbounds, strict=True):
            known = batch.chunk.known.get(outbound.key)
            if batch.unheard:
                outcome = verdicts.after(ordinal, outbound, Result("in_doubt", reason=UNHEARD), known)
            else:
                outcome = verdicts.again(ordinal, outbound, known, cause, result, burnt=False)
                outcome.next_attempt = _later(outcome.next_attempt, not_before)
            outcomes.append(outcome)
        plan.conclude(batch.chunk, batch.ordinals, outcomes)
    for chunk, ordinal, outbound, _ in traffic.out_of_limbo():
        if traffic.held.get(outbound.key, outbound) is outbound:
            outcome = verdicts.again(ordinal, outbound, chunk.known.get(outbound.key), cause, result, burnt=False)
            outcome.next_attempt = _later(outcome.next_attempt, not_before)
        else:
            outcome = verdicts.superseded(ordinal, outbound)
        plan.conclude(chunk, [ordinal], [outcome])


def _later(moment: float | None, not_before: float) -> float | None:
    return None if moment is None else max(moment, not_before)

"""How a route is doing, in one word and a sentence."""

from __future__ import annotations

from typing import Literal, NamedTuple

from airflow_integrations.airflow.web.dags import DagFacts
from airflow_integrations.ledger.answers import QueueLine
from airflow_integrations.ledger.latest import Latest
from airflow_integrations.ledger.status import Status

__all__ = ["URGENCY", "Judged", "State", "judge"]

State = Literal["failing", "stuck", "late", "gone", "paused", "healthy"]
URGENCY: dict[State, int] = {"failing": 0, "stuck": 1, "late": 2, "gone": 3, "paused": 4, "healthy": 5}
"""What needs a person first."""

LATE_SECONDS = 300.0
"""A run that Airflow should have created so long ago is late: the scheduler takes seconds."""
OVERDUE_SECONDS = 900.0
"""An entity that should have been tried again so long ago is stuck: maintenance wakes its route within minutes."""
WRONG: tuple[Status, ...] = ("rejected", "failed", "in_doubt")


class Judged(NamedTuple):
    state: State
    reason: str
    """Why, for people; what to do where that is not plain."""


def judge(dag: DagFacts | None, latest: Latest | None, queue: QueueLine | None, stuck_runs: int, now: float) -> Judged:
    """``stuck_runs``: runs that died with entities under way. None: Airflow, or the ledger, does not know the route."""
    if dag is None or (dag.stale and not dag.import_errors):
        return Judged("gone", "there is no DAG of this name any more: nothing is fetched or sent again")
    if dag.import_errors:
        return Judged("failing", "Airflow cannot load its file: see the import errors in Airflow's list of DAGs")
    if dag.paused:
        return Judged("paused", "its DAG is paused in Airflow")
    if latest is not None and latest.finished is not None and latest.finished.verdict:
        return Judged("failing", latest.finished.verdict)
    if queue is not None and (wrong := {name: queue.counts[name] for name in WRONG if queue.counts.get(name)}):
        told = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in wrong.items())
        return Judged("failing", f"{told}: a person has to look")
    return _waiting(dag, latest, queue, stuck_runs, now)


def _waiting(dag: DagFacts, latest: Latest | None, queue: QueueLine | None, stuck_runs: int, now: float) -> Judged:
    if stuck_runs:
        runs = "1 run" if stuck_runs == 1 else f"{stuck_runs} runs"
        return Judged("stuck", f"{runs} died with entities under way; maintenance or the next run takes them over")
    if queue is not None and queue.circuit_until is not None and queue.counts:
        return Judged("stuck", "its target is away: nothing is sent for a while")
    if queue is not None and queue.next_attempt is not None and queue.next_attempt < now - OVERDUE_SECONDS:
        return Judged("stuck", "entities are due again and no run takes them: is the maintenance DAG switched on?")
    if dag.next_run is not None and dag.next_run < now - LATE_SECONDS:
        return Judged("late", "its next run should have begun: is the scheduler running, are all its runs busy?")
    if latest is None or latest.run is None:
        return Judged("healthy", "it has not run yet")
    return Judged("healthy", "")

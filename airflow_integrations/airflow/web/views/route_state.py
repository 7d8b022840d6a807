"""A route's state, in one word and a sentence."""

from __future__ import annotations

from typing import Literal, NamedTuple

from airflow_integrations.airflow.web.views.airflow_dags import DagFacts
from airflow_integrations.ledger.queries.overview import Latest
from airflow_integrations.ledger.queries.views import QueueLine
from airflow_integrations.ledger.status import WRONG
from airflow_integrations.plurals import counted

__all__ = ["QUIET", "URGENCY", "Judged", "State", "judge"]

State = Literal["failing", "stuck", "late", "gone", "paused", "removed", "healthy"]
URGENCY: dict[State, int] = {"failing": 0, "stuck": 1, "late": 2, "gone": 3, "paused": 4, "removed": 5, "healthy": 6}
"""What needs a person first."""
QUIET: frozenset[State] = frozenset({"paused", "removed", "healthy"})
"""Not in trouble."""

LATE_SECONDS = 300.0
"""A run that Airflow should have created so long ago is late: the scheduler takes seconds."""
OVERDUE_SECONDS = 900.0
"""An entity that should have been tried again so long ago is stuck: maintenance wakes its route within minutes."""


class Judged(NamedTuple):
    state: State
    reason: str
    """Why, for people; what to do where that is not plain."""


def judge(dag: DagFacts | None, latest: Latest | None, queue: QueueLine | None, stuck_runs: int, now: float) -> Judged:
    """``stuck_runs``: runs that died with entities in flight. None: Airflow, or the ledger, does not know the route."""
    if dag is None or (dag.stale and not dag.import_errors):
        if not stuck_runs and (queue is None or not (queue.counts or queue.leased or queue.events)):
            return Judged("removed", "its DAG was removed, and nothing of it is open")
        return Judged("gone", "there is no DAG of this name any more: nothing is fetched or sent again")
    if dag.import_errors:
        return Judged("failing", "Airflow cannot load its file: see the import errors in Airflow's list of DAGs")
    if (failing := _failing(latest, queue)) is not None:  # also of a route that somebody has paused for it
        return Judged("failing", f"{failing} (its DAG is paused)" if dag.paused else failing)
    if dag.paused:
        return Judged("paused", "its DAG is paused in Airflow")
    return _waiting(dag, latest, queue, stuck_runs, now)


def _failing(latest: Latest | None, queue: QueueLine | None) -> str | None:
    if latest is not None and latest.finished is not None and latest.finished.verdict:
        return latest.finished.verdict
    wrong = {name: queue.counts[name] for name in WRONG if queue.counts.get(name)} if queue is not None else {}
    if not wrong:
        return None
    told = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in wrong.items())
    return f"{told}: needs attention"


def _waiting(dag: DagFacts, latest: Latest | None, queue: QueueLine | None, stuck_runs: int, now: float) -> Judged:
    if stuck_runs:
        runs = counted(stuck_runs, "run")
        return Judged("stuck", f"{runs} died with entities in flight; maintenance or the next run takes them over")
    if queue is not None and queue.circuit_until is not None and queue.counts:
        return Judged("stuck", "the target, or a system that a lookup asks, is away: sending is paused")
    if queue is not None and queue.next_attempt is not None and queue.next_attempt < now - OVERDUE_SECONDS:
        return Judged("stuck", "entities are due again and no run takes them: is the maintenance DAG switched on?")
    if dag.next_run is not None and dag.next_run < now - LATE_SECONDS:
        return Judged("late", "its next run should have begun: is the scheduler running, are all its runs busy?")
    if latest is None or latest.run is None:
        return Judged("healthy", "it has not run yet")
    if latest.run.finished is None:
        return Judged("healthy", "running")
    return Judged("healthy", "")

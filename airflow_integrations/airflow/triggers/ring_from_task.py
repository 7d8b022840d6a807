"""The doorbell from within a task: routes whose entities waited for what this task's run has delivered get a run.

The API servers' doorbells and the maintenance DAG look for such routes as well, so that nothing is lost where this does
not work. It asks Airflow through the task's supervisor, as TriggerDagRunOperator does. That interface is not public: no
other file uses it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowRuntimeError

from airflow_integrations.airflow.dag.dag_ids import events_dag_id

if TYPE_CHECKING:
    from airflow_integrations.ledger.ledger import Ledger

__all__ = ["RING_SECONDS", "ring_woken"]

log = logging.getLogger("airflow_integrations")

RING_SECONDS = 1.0
"""So often a consumer looks for routes to ring."""


def ring_woken(ti: Any, ledger: Ledger, rung: dict[str, int] | None = None) -> None:
    """Give each route that something was woken of a run, unless its consumer hears by itself. ``rung`` remembers the
    last ring for each, for a task that does this again and again."""
    from airflow_integrations.ledger.inbox.consumers import consumed  # a DAG file loads no database
    from airflow_integrations.ledger.runs.waits import woken_routes

    rung = {} if rung is None else rung
    now = time.time()
    woken: Mapping[str, int] = woken_routes(ledger, now)
    fresh = {route: number for route, number in woken.items() if rung.get(route) != number}
    if not fresh:
        return
    served = consumed(ledger, now)
    for route, number in fresh.items():
        rung[route] = number
        if route not in served:
            _ring(ti, route, f"woken__{number}")


def _ring(ti: Any, route: str, run_id: str) -> None:
    try:
        from airflow.sdk.execution_time.comms import ErrorResponse, TriggerDagRun
        from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

        dag_id = _dag_of(ti, route)
        if dag_id is None:
            return
        answer = SUPERVISOR_COMMS.send(TriggerDagRun(dag_id=dag_id, run_id=run_id, conf={"events": True}))
    except Exception as error:  # what a task without a supervisor lacks, and whatever Airflow refuses
        log.info("%s gets no run from here for what it waited for (%s): the doorbell rings", route, error)
        return
    if isinstance(answer, ErrorResponse):  # most often the run is there already
        log.debug("%s: %s", run_id, answer.error)
    else:
        log.info("%s gets the run %s: what its entities waited for is delivered", dag_id, run_id)


def _dag_of(ti: Any, route: str) -> str | None:
    """The DAG of the route's events, where there is one that is switched on, else its own, where that is."""
    for dag_id in (events_dag_id(route), route):
        try:
            if not ti.get_dag(dag_id).is_paused:
                return dag_id
        except AirflowRuntimeError:  # there is none
            continue
    return None

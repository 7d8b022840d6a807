"""Route to DAG: one pure function that every front end calls (loader files, ``Route.to_dag``)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG

from airflow_integrations.airflow import conf, pools, settings
from airflow_integrations.airflow.lineage import assets
from airflow_integrations.airflow.operators import FetchOperator, PushOperator, SettleOperator, TransformOperator
from airflow_integrations.airflow.route_story import story
from airflow_integrations.airflow.timetable import dag_schedule, end_date, start_date
from airflow_integrations.route import Route

__all__ = ["STAGES", "build_dag"]

STAGES: tuple[type[FetchOperator | TransformOperator | PushOperator | SettleOperator], ...] = (
    FetchOperator,
    TransformOperator,
    PushOperator,
    SettleOperator,
)
LONGEST_RETRY_DELAY = timedelta(hours=1)


def build_dag(route: Route, *, documented: bool = True, **overrides: Any) -> DAG:
    """The DAG of a route: ``fetch >> transform >> push >> settle``. Does no I/O but read Airflow's configuration.

    Equal routes give DAGs that serialize to the same, whether they come from a file or from Python.
    ``documented`` may be False where nobody reads the DAG's page, as in a task. ``overrides`` go to ``DAG``.
    """
    schedule, tasks = route.schedule, route.tasks
    options: dict[str, Any] = {
        "dag_id": route.route,
        "description": route.description or None,
        "schedule": dag_schedule(route),
        "start_date": start_date(schedule),
        "end_date": end_date(schedule),
        "catchup": schedule.catchup if schedule else False,
        "tags": sorted({*route.tags, "integration", route.priority}),
        "doc_md": story(route) if documented else None,
        "max_active_runs": route.max_active_runs,
        "is_paused_upon_creation": route.paused,
        "default_args": {
            "owner": route.owner,
            "retries": tasks.retries,
            "retry_delay": tasks.retry_delay,
            "retry_exponential_backoff": 2.0,
            "max_retry_delay": max(LONGEST_RETRY_DELAY, tasks.retry_delay),
            "execution_timeout": tasks.timeout,
            "weight_rule": "absolute",
        },
    }
    if settings.pools_enabled():
        options["default_args"]["pool"] = pools.pool_name(route.priority)
    inlets, outlets = assets(route)
    lineage = {"fetch": {"inlets": inlets}, "push": {"outlets": outlets}}
    with DAG(**options | overrides) as dag:
        before = None
        for position, operator in enumerate(STAGES):
            weight = pools.weight(route.priority, position)
            ends: dict[str, Any] = lineage.get(operator.stage, {})
            task = operator(task_id=operator.stage, route=route, priority_weight=weight, **ends)
            if before is not None:
                before >> task
            before = task
    # Set last, and one by one: every task would get a copy of them, and the constructor compiles each JSON Schema to
    # check its default. For 200 routes that is half a second of parsing; a test checks the defaults instead.
    for name, param in conf.params(route).items():
        dag.params.setdefault(name, param)
    return dag

"""Route to DAG: one pure function that loader files and Python routes call."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from airflow.sdk import DAG, Param, get_parsing_context

from airflow_integrations.airflow.dag import run_conf
from airflow_integrations.airflow.dag.assets import changing_assets
from airflow_integrations.airflow.dag.dag_ids import events_dag_id
from airflow_integrations.airflow.dag.doc_md import story
from airflow_integrations.airflow.dag.lineage import asset
from airflow_integrations.airflow.dag.task_arguments import dag_arguments, task_arguments
from airflow_integrations.airflow.dag.timetable import dag_schedule, end_date, start_date
from airflow_integrations.airflow.operators.base import RouteOperator
from airflow_integrations.airflow.operators.stages import (
    FetchOperator,
    FetchPartitionsOperator,
    PushOperator,
    SettleOperator,
    TransformOperator,
)
from airflow_integrations.route.definition import Route

__all__ = ["STAGES", "build_dag", "build_events_dag"]

STAGES: tuple[type[RouteOperator], ...] = (FetchOperator, TransformOperator, PushOperator, SettleOperator)


def build_dag(route: Route, *, documented: bool = True, **overrides: Any) -> DAG:
    """The DAG of a route: ``fetch >> transform >> push >> settle``, or one task; ``tasks.spread`` tasks that push, and
    ``tasks.fetch_spread`` tasks behind fetch where incoming has partitions. Does no I/O but read Airflow's
    configuration.

    Equal routes give DAGs that serialize to the same, whether they come from a file or from Python.
    ``documented`` may be False where nobody reads the DAG's page, as in a task. ``overrides`` go to ``DAG``.
    """
    schedule = route.schedule
    options = {
        "dag_id": route.route,
        "description": route.description or None,
        "schedule": dag_schedule(route, shown=documented),
        "start_date": start_date(schedule),
        "end_date": end_date(schedule),
        "catchup": schedule.catchup if schedule else False,
        "tags": sorted({*route.tags, "integration", route.priority}),
        "doc_md": story(route) if documented else None,
    }
    source = asset(route.incoming)
    ends: dict[str, dict[str, Any]] = {route.tasks.task_of("fetch"): {"inlets": [source] if source else []}}
    if not route.tasks.single and get_parsing_context().task_id is None:
        ends["settle"] = {"inlets": changing_assets(route)}
    return _dag(route, options | overrides, run_conf.params(route), ends=ends)


def build_events_dag(route: Route, **overrides: Any) -> DAG:
    """The DAG whose runs take what waits in the inbox of a route that also fetches: the same tasks, and no schedule.

    Airflow's ``max_active_runs`` counts runs of every type, so that in the route's own DAG a run for events would wait
    until one that fetches has ended. It may be paused: then the route's own DAG gets the runs for events.
    """
    options = {
        "dag_id": events_dag_id(route.route),
        "description": f"Delivers the events of {route.route}, also while one of its other runs is under way.",
        "schedule": _listening(route),
        "catchup": False,
        "tags": sorted({*route.tags, "integration", "events", route.priority}),
        "doc_md": f"Each run takes what waits in the inbox of the route `{route.route}`. The DAG of this name fetches.",
    }
    return _dag(route, options | overrides, run_conf.own_params(route), events=True)


def _operators(route: Route) -> tuple[type[RouteOperator], ...]:
    if not route.tasks.single:
        return STAGES
    from airflow_integrations.airflow.operators.single import RunOperator

    return (RunOperator,)


def _fetch_tasks(route: Route) -> tuple[str, ...]:
    if getattr(route.incoming.config, "partitions", None) is None:
        return ()
    from airflow_integrations.route.partitions import fetch_tasks

    return fetch_tasks(route)


def _listening(route: Route) -> Any:
    if route.trigger is None or route.trigger.listen is None:
        return None
    from airflow_integrations.airflow.triggers.listen_trigger import listening_asset

    return listening_asset(route)


def _dag(
    route: Route,
    given: dict[str, Any],
    params: dict[str, Param],
    *,
    ends: Mapping[str, dict[str, Any]] = MappingProxyType({}),
    events: bool = False,
) -> DAG:
    options: dict[str, Any] = {
        "max_active_runs": route.max_active_runs,
        "is_paused_upon_creation": route.paused,
        "default_args": {"owner": route.owner, "retry_exponential_backoff": 2.0, "weight_rule": "absolute"},
        **dag_arguments(route),
    }
    with DAG(**options | given) as dag:
        before: list[RouteOperator] = []
        partitioned = () if events else _fetch_tasks(route)
        for position, operator in enumerate(_operators(route)):
            stage = operator.stage
            arguments = task_arguments(route, stage, position, events=events) | ends.get(stage, {})
            if operator is TransformOperator and partitioned:
                arguments["trigger_rule"] = "none_failed"  # their tasks are skipped where fetch does it all
            names = route.tasks.pushes if operator is PushOperator and not events else (stage,)
            tasks = [
                operator(task_id=name, route=route, **arguments | ({"part": part} if part else {}))
                for part, name in enumerate(names)
            ]
            for one in before:
                one >> tasks
            before = tasks
            if operator is FetchOperator and partitioned:
                own = task_arguments(route, stage, position)
                before = [
                    FetchPartitionsOperator(task_id=name, route=route, task=number, **own)
                    for number, name in enumerate(partitioned)
                ]
                tasks[0] >> before
    # Set last, and one by one: every task would get a copy of them, and the constructor compiles each JSON Schema to
    # check its default. For 200 routes that is half a second of parsing; a test checks the defaults instead.
    for name, param in params.items():
        dag.params.setdefault(name, param)
    return dag

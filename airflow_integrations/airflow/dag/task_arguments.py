"""A route's ``tasks`` and ``dag`` as arguments of Airflow's operators and DAG."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow_integrations.airflow.config import settings
from airflow_integrations.airflow.dag import pools
from airflow_integrations.route.registry import callbacks

if TYPE_CHECKING:
    from airflow_integrations.route.dag_options import DagOptions
    from airflow_integrations.route.definition import Route

__all__ = ["dag_arguments", "placement", "task_arguments"]

LONGEST_RETRY_DELAY = timedelta(hours=1)
_AS_THEY_ARE = ("queue", "pool_slots", "executor", "max_active_tis_per_dag")


def task_arguments(route: Route, stage: str, position: int, *, events: bool = False) -> dict[str, Any]:
    """The operator's arguments for a stage's task, the ``position``-th of its DAG, counted from 0.

    ``events``: in the DAG for the route's events. The pool is the route's own, else that of its priority where pools
    are switched on.
    """
    tasks = route.tasks
    delay = tasks.option(stage, "retry_delay")
    own = getattr(tasks, stage, None)
    weight = None if own is None else own.priority_weight
    if weight is None and tasks.priority_weight is not None:
        weight = tasks.priority_weight + position
    if weight is None:
        weight = pools.weight(route.priority, position, events=events)
    made: dict[str, Any] = {
        "retries": tasks.option(stage, "retries"),
        "retry_delay": delay,
        "max_retry_delay": max(LONGEST_RETRY_DELAY, delay),
        "execution_timeout": tasks.option(stage, "timeout"),
        "priority_weight": weight,
    }
    made |= placement(route, stage)
    for name in _AS_THEY_ARE:
        if (value := tasks.option(stage, name)) is not None:
            made[name] = value
    if (pool := tasks.option(stage, "pool")) is not None:
        made["pool"] = pool
    elif settings.pools_enabled():
        made["pool"] = pools.events_pool(route.priority) if events else pools.pool_name(route.priority)
    return made


def placement(route: Route, stage: str = "") -> dict[str, Any]:
    """Where a stage's task runs: its queue, and executor. Without a stage: what holds for all of them."""
    found = {name: route.tasks.option(stage, name) for name in ("queue", "executor", "executor_config")}
    return {name: _plain(value) for name, value in found.items() if value is not None}


def dag_arguments(route: Route) -> dict[str, Any]:
    """The DAG's arguments that ``dag`` in the route gives; empty where it says nothing."""
    options = route.dag
    made: dict[str, Any] = {}
    if options.dagrun_timeout is not None:
        made["dagrun_timeout"] = options.dagrun_timeout
    if options.access_control is not None:
        made["access_control"] = _access_control(options)
    if options.on_success:
        made["on_success_callback"] = [_callback(name) for name in options.on_success]
    if options.on_failure:
        made["on_failure_callback"] = [_callback(name) for name in options.on_failure]
    if options.deadline is not None:
        from airflow_integrations.airflow.dag.deadline import deadline_alert

        made["deadline"] = deadline_alert(route, options.deadline)
    return made


def _access_control(options: DagOptions) -> dict[str, dict[str, list[str]]]:
    """In one order, whatever the file's: Airflow makes a new version of a DAG for every difference."""
    given = options.access_control or {}
    made: dict[str, dict[str, list[str]]] = {}
    for role, permissions in sorted(given.items()):
        by_resource = permissions if isinstance(permissions, dict) else {"DAGs": permissions}
        made[role] = {resource: sorted(set(allowed)) for resource, allowed in sorted(by_resource.items())}
    return made


def _callback(name: str) -> Any:
    module, _, function = callbacks()[name].partition(":")
    return getattr(import_module(module), function)


def _plain(value: Any) -> Any:
    """Numbers of a route file are decimals; executors and Airflow's serializer know Python's own."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and value.as_tuple().exponent == 0 else float(value)
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value

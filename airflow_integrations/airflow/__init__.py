"""The only room that imports Airflow: routes as DAGs, operators, Connections, the provider and the plugin.

Nothing is imported before it is used: Airflow loads this package in every process to find the provider.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_integrations.airflow.config.connections import AirflowConnections
    from airflow_integrations.airflow.dag.factory import build_dag, build_events_dag
    from airflow_integrations.airflow.dag.loader import check_routes, load_routes
    from airflow_integrations.airflow.operators.single import RunOperator
    from airflow_integrations.airflow.operators.stages import (
        FetchOperator,
        PushOperator,
        SettleOperator,
        TransformOperator,
    )

__all__ = [
    "AirflowConnections",
    "FetchOperator",
    "PushOperator",
    "RunOperator",
    "SettleOperator",
    "TransformOperator",
    "build_dag",
    "build_events_dag",
    "check_routes",
    "load_routes",
]

_HOMES = {
    "AirflowConnections": "config.connections",
    "FetchOperator": "operators.stages",
    "PushOperator": "operators.stages",
    "RunOperator": "operators.single",
    "SettleOperator": "operators.stages",
    "TransformOperator": "operators.stages",
    "build_dag": "dag.factory",
    "build_events_dag": "dag.factory",
    "check_routes": "dag.loader",
    "load_routes": "dag.loader",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__

"""Choose which of a route's DAGs gets the run for its events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_integrations.airflow.dag.dag_ids import events_dag_id, has_events_dag
from airflow_integrations.airflow.triggers.trigger_dag import Rung, trigger
from airflow_integrations.errors import OutageError
from airflow_integrations.route.definition import Route

__all__ = ["ring"]


def ring(route: Route, run_id: str, conf: Mapping[str, Any]) -> Rung:
    """Give the route a run of this id: in the DAG of its events, where it has one that is switched on, else in its own.

    Raises what :func:`trigger` raises.
    """
    name = route.route
    return trigger(events_dag_id(name) if has_events_dag(route) and _is_on(events_dag_id(name)) else name, run_id, conf)


def _is_on(dag_id: str) -> bool:
    """Whether Airflow has the DAG and starts its runs."""
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session
    from sqlalchemy import select
    from sqlalchemy.exc import SQLAlchemyError

    query = select(DagModel.dag_id).where(
        DagModel.dag_id == dag_id, DagModel.is_paused.is_(False), DagModel.is_stale.is_(False)
    )
    try:
        with create_session() as session:
            return session.scalar(query) is not None
    except SQLAlchemyError as error:
        raise OutageError(f"Airflow's database did not say whether {dag_id} is on: {type(error).__name__}") from error

"""Start runs of routes in which something waits and no run is near that would take it along."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from airflow.sdk.exceptions import AirflowRuntimeError

from airflow_integrations.airflow.dag.dag_ids import events_dag_id, has_events_dag
from airflow_integrations.airflow.dag.timetable import interval_end
from airflow_integrations.airflow.maintenance.served_routes import ServedRoutes
from airflow_integrations.errors import RouteError
from airflow_integrations.route.definition import Schedule

__all__ = ["Dags", "idle_routes"]

log = logging.getLogger("airflow_integrations")

SOON = timedelta(minutes=2)
"""A route whose next run is created within this time is left to it."""


class Dags(Protocol):
    """What a task may ask of Airflow about DAGs: its task instance."""

    def get_dag(self, dag_id: str) -> Any:
        """Its ``is_paused``, ``next_dagrun`` and ``relative_fileloc``. Raises AirflowRuntimeError for no such DAG."""
        ...

    def get_dr_count(self, dag_id: str, *, states: list[str]) -> int:
        """How many of its runs are in one of these states."""
        ...


def idle_routes(
    waiting: Iterable[str], events: Collection[str], dags: Dags, own: str, folder: Path, now: datetime
) -> dict[str, str]:
    """Those of the ``waiting`` routes that are switched on, have no run under way and none coming soon; and the DAG
    that is to run. That is the DAG of the route's events, where it has one that is switched on, for the routes for
    which ``events`` wait, and for those whose own DAG is busy.

    ``own`` is the DAG that asks: routes of the same file as its are in ``folder``.
    """
    here, served = dags.get_dag(own).relative_fileloc, ServedRoutes.beside(folder)
    found = {route: _sleeping(route, route in events, dags, here, served, now) for route in waiting}
    return {route: dag_id for route, dag_id in found.items() if dag_id is not None}


def _sleeping(
    route: str, events: bool, dags: Dags, here: str | None, served: ServedRoutes, now: datetime
) -> str | None:
    try:
        dag = dags.get_dag(route)
    except AirflowRuntimeError:
        log.info("%s has work waiting, but Airflow has no DAG of this name", route)
        return None
    second, soon = False, False
    if dag.relative_fileloc == here:
        try:
            definition = served.one(route)
        except RouteError as error:
            log.warning("%s has work waiting, but cannot run: %s", route, error)
            return None
        second = has_events_dag(definition) and _is_on(events_dag_id(route), dags)
        soon = _comes_soon(definition.schedule, dag.next_dagrun, now)
    if events and second:
        return _idle(events_dag_id(route), dags)
    if dag.is_paused:
        log.info("%s has work waiting, but is paused", route)
        return None
    if soon:
        return None
    return _idle(route, dags) or (_idle(events_dag_id(route), dags) if second else None)


def _is_on(dag_id: str, dags: Dags) -> bool:
    try:
        return not dags.get_dag(dag_id).is_paused
    except AirflowRuntimeError:
        return False


def _idle(dag_id: str, dags: Dags) -> str | None:
    return None if dags.get_dr_count(dag_id, states=["queued", "running"]) else dag_id


def _comes_soon(schedule: Schedule | None, interval_start: datetime | None, now: datetime) -> bool:
    return schedule is not None and interval_start is not None and interval_end(schedule, interval_start) <= now + SOON

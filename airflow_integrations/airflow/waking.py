"""Which routes get a run of their own because entities are due, or events wait, and no run is near that would take
them along."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from airflow.sdk.exceptions import AirflowRuntimeError

from airflow_integrations.airflow.timetable import interval_end
from airflow_integrations.errors import RouteError
from airflow_integrations.route import Schedule
from airflow_integrations.route_file import read_route

__all__ = ["Dags", "sleeping"]

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


def sleeping(due: Iterable[str], dags: Dags, own: str, folder: Path, now: datetime) -> list[str]:
    """Those of the ``due`` routes that are switched on, have no run under way and none coming soon.

    ``own`` is the DAG that asks: routes of the same file as its are in ``folder``.
    """
    here = dags.get_dag(own).relative_fileloc
    return [route for route in due if _sleeps(route, dags, here, folder, now)]


def _sleeps(route: str, dags: Dags, here: str | None, folder: Path, now: datetime) -> bool:
    try:
        dag = dags.get_dag(route)
    except AirflowRuntimeError:
        log.info("%s has something to do, and there is no DAG of this name", route)
        return False
    if dag.is_paused:
        log.info("%s has something to do, and is paused", route)
        return False
    if dag.relative_fileloc == here:
        try:
            schedule = read_route(folder, route).route.schedule
        except RouteError as error:
            log.warning("%s has something to do, and cannot run: %s", route, error)
            return False
        if _comes_soon(schedule, dag.next_dagrun, now):
            return False
    return not dags.get_dr_count(route, states=["queued", "running"])


def _comes_soon(schedule: Schedule | None, interval_start: datetime | None, now: datetime) -> bool:
    return schedule is not None and interval_start is not None and interval_end(schedule, interval_start) <= now + SOON

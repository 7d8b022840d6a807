"""The demo's client for Airflow's public REST API."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from airflow_integrations.demo.rest import Rest, RestError
from airflow_integrations.window import Window, rfc3339

__all__ = ["AirflowRest", "Run"]


@dataclass(frozen=True, slots=True)
class Run:
    """A DAG run as the REST API shows it."""

    dag_id: str
    run_id: str
    run_type: str
    state: str
    window: Window | None
    """What it was asked for: its conf's window, else its data interval."""

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Run:
        conf = document.get("conf") or {}
        start = conf.get("window_start") or document.get("data_interval_start")
        end = conf.get("window_end") or document.get("data_interval_end")
        window = Window.parse(start, end) if start and end else None
        return cls(document["dag_id"], document["dag_run_id"], document["run_type"], document["state"], window)

    @property
    def ended(self) -> bool:
        return self.state in ("success", "failed")


class AirflowRest:
    """Airflow at ``url``; logs in at the first call."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self._rest = Rest(url)
        self._login = {"username": user, "password": password}

    def _call(self, method: str, path: str, document: Any = None) -> Any:
        if "Authorization" not in self._rest.headers:
            token = self._rest.call("POST", "/auth/token", self._login)["access_token"]
            self._rest.headers["Authorization"] = f"Bearer {token}"
        return self._rest.call(method, f"/api/v2{path}", document)

    def has_dag(self, dag_id: str) -> bool:
        try:
            self._call("GET", f"/dags/{quote(dag_id)}")
        except RestError as error:
            if error.status == 404:
                return False
            raise
        return True

    def import_errors(self) -> list[str]:
        """What Airflow could not load: file and text."""
        found = self._call("GET", "/importErrors")["import_errors"]
        return [f"{each['filename']}: {each['stack_trace']}" for each in found]

    def unpause(self, dag_id: str) -> bool:
        """Whether it is switched on now."""
        return self._call("PATCH", f"/dags/{quote(dag_id)}", {"is_paused": False})["is_paused"] is False

    def trigger(self, dag_id: str, window: Window | None = None) -> Run:
        """A manual run, over ``window`` where one is given.

        A window's run has its id from the window, so that asking again after a failure makes no second one.
        """
        conf = {} if window is None else {"window_start": rfc3339(window.start), "window_end": rfc3339(window.end)}
        asked: dict[str, Any] = {"logical_date": None, "conf": conf}
        if window is not None:
            asked["dag_run_id"] = "__".join(("manual", *conf.values()))
        try:
            return Run.read(self._call("POST", f"/dags/{quote(dag_id)}/dagRuns", asked))
        except RestError as error:
            if error.status != 409 or window is None:
                raise
            return Run.read(self._call("GET", f"/dags/{quote(dag_id)}/dagRuns/{quote(asked['dag_run_id'], safe='')}"))

    def runs(self, dag_id: str) -> list[Run]:
        """The newest hundred runs, oldest first."""
        found = self._call("GET", f"/dags/{quote(dag_id)}/dagRuns?limit=100&order_by=-run_after")["dag_runs"]
        return [Run.read(each) for each in reversed(found)]

    def result(self, run: Run, task_id: str) -> Any:
        """What a task returned, or None where there is nothing (yet)."""
        path = f"{_path(run)}/taskInstances/{task_id}/xcomEntries/return_value"
        try:
            return self._call("GET", path)["value"]
        except RestError as error:
            if error.status == 404:
                return None
            raise

    def story(self, run: Run) -> list[str]:
        """For a diagnosis: the run's tasks with their states, and the end of the log of those that failed."""
        lines = [f"{run.dag_id} {run.run_id}: {run.state}"]
        for task in self._call("GET", f"{_path(run)}/taskInstances")["task_instances"]:
            lines.append(f"  {task['task_id']}: {task['state']}, try {task['try_number']}")
            if task["state"] in ("failed", "up_for_retry"):
                with contextlib.suppress(RestError):
                    lines += self._log(run, task["task_id"], task["try_number"])
        return lines

    def _log(self, run: Run, task_id: str, attempt: int) -> list[str]:
        content = self._call("GET", f"{_path(run)}/taskInstances/{task_id}/logs/{attempt}")["content"]
        events = [each.get("event", "") if isinstance(each, dict) else str(each) for each in content]
        return [f"    {event}" for event in events[-15:]]


def _path(run: Run) -> str:
    return f"/dags/{quote(run.dag_id)}/dagRuns/{quote(run.run_id, safe='')}"

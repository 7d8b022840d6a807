"""What the end-to-end tests play with: their routes, the source and target, and Airflow over REST."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest
import requests

from airflow_integrations.demo.components import Components

DAGS = Path(__file__).parents[3] / "dags"
MAINTENANCE = "integrations_maintenance"
PATIENCE = 300
"""Seconds that an answer may take: where others use all cores, Airflow's first ones have taken more than a minute."""
LEASED_SECONDS = 4
"""What another run had under way is looked at again after this time, on SQLite: 30 by default."""
ROUTE = """
entity: {{name: order, key: order.number}}
{more}
incoming:
  http:
    connection: systems
    path: /{name}/orders
    query: {{from: "{{{{ window.start }}}}", to: "{{{{ window.end }}}}"}}
    records: body.orders
    pagination: {{style: cursor, next: body.next, param: cursor}}
transform:
  - map: {{Number: order.number, Total: order.total}}
outgoing:
  http: {{connection: systems, method: PUT, path: "/{name}/sales/{{{{ order.Number }}}}"}}
delivery: {{concurrency: 2, retry: {{delay: 3s}}}}
"""

LISTENING = """
paused: false
entity: {{name: order, key: order.number}}
{more}
transform:
  - map: {{Number: order.number}}
outgoing:
  http: {{connection: systems, method: PUT, path: "/{name}/sales/{{{{ order.Number }}}}"}}
tasks: {{retries: 3, retry_delay: 1s, timeout: 2m}}
"""
READER = """
entity: {key: entity.number}
paused: false
incoming: {route: catalogue}
outgoing:
  http: {connection: systems, method: PUT, path: "/prices/sales/{{ entity.number }}", body: {number: entity.number}}
"""
WAITING = """
entity: {key: entity.number}
paused: false
incoming: {none: {}}
transform:
  - lookup: {name: buyer, route: buyers, key: entity.buyer, missing: retry}
outgoing:
  http: {connection: systems, method: PUT, path: "/baskets/sales/{{ entity.number }}", body: {buyer: buyer.key}}
delivery: {retry: {delay: 1h}}
"""

TASKS = "tasks: {retries: 3, retry_delay: 1s, timeout: 10m}"
ON = f"paused: false\n{TASKS}"
APART = ON.replace("10m", "10m, together: 0")
"""Each stage in its own task, as it is with many entities."""
PARTED = (
    ROUTE.format(name="parted", more=APART.replace("together: 0", "together: 0, fetch_spread: 3"))
    .replace("window.", "partition.")
    .replace("    records:", "    partitions: {ranges: {every: 20m}}\n    records:")
)
"""Three tasks fetch; a partition is 20 minutes of the window."""
AFTER = f"{ON}\nwindow: {{initial: '{datetime.now(UTC) - timedelta(minutes=3):%Y-%m-%dT%H:%M:%SZ}', overlap: 0s}}"
FLOWS = {
    f"flow_{priority}": f"{APART}\npriority: {priority}\nmax_active_runs: 12"
    for priority in ("critical", "high", "normal", "low")
}
ROUTES = {
    "windows_scheduled": f'{ON}\nschedule: {{cron: "*/5 * * * *", timezone: Europe/Madrid}}',
    "asked": f"{ON}\nmax_active_runs: 4\nparams: {{region: EU}}",
    "nothing": ON,
    "outage": APART,
    "comes_back": APART,
    "refused": APART,
    "spread": APART.replace("together: 0", "together: 0, spread: 2, spread_above: 20"),
    "parted": PARTED,
    "mended": ON,
    "again": ON,
    "late": f"{ON}\ndag: {{deadline: {{after: 2s, notify: [{{apprise: others}}]}}}}",
    "told": f"{ON}\nalerts: {{notify: [{{apprise: people}}]}}",
    "killed": APART,
    "stopped": APART,
    "hooked": f"{ON}\ntrigger:\n  webhook: {{path: e2e/orders, verify: {{github: hook_secret}}, "
    "event_id: 'headers[\"x-github-delivery\"]', records: body.orders, wait: true}",
    "beside": f"paused: true\n{TASKS}\nschedule: {{every: 1h}}\n"
    "trigger: {webhook: {path: e2e/beside, verify: {github: hook_secret}, records: body.orders}}",
    **FLOWS,
}
"""Of the Airflow on SQLite: name to what is the route's own, or to the whole file where that says where it goes."""
ROUTES_ON_POSTGRES = {
    **{name: FLOWS[name] for name in ("flow_critical", "flow_low")},
    "windows_missed": f"{ON}\nmax_active_runs: 2\n"
    "schedule: {every: 1h, start: 2026-01-01T00:00:00Z, end: 2026-01-02T00:00:00Z}",
    "single": f"{ON.replace('10m', '10m, single: true')}\n"
    "schedule: {every: 1h, start: 2026-01-01T00:00:00Z, end: 2026-01-02T00:00:00Z}",
    "categories": ON,
    "attributes": ON,
    "products": f"{AFTER}\ntrigger: {{assets: {{all: [categories, attributes]}}}}",
    "stock": f"{ON}\nmax_active_runs: 3",
    "offers": f"{AFTER}\npriority: low\ntrigger: {{assets: stock}}",
    "catalogue": ON,
    "prices": READER,
    "buyers": ON,
    "unchanged": ON,
    "baskets": WAITING,
}
"""Those that another Airflow has, on PostgreSQL."""
BROKEN = {"broken": "prority: high\nschedule: {cron: often}", "torn": "entity: {key: [\n"}

HOOK_SECRET = "wh-secret-0123456789"

START = "2026-01-01T00:00:00Z"


def window(minutes: int) -> dict[str, str]:
    return {"window_start": START, "window_end": f"2026-01-01T{minutes // 60:02}:{minutes % 60:02}:00Z"}


def numbers(minutes: int) -> list[str]:
    return [f"20260101T{minute // 60:02}{minute % 60:02}" for minute in range(minutes)]


def missing(told: str) -> NoReturn:
    """Skip the test for want of a server; in CI it fails."""
    if os.environ.get("CI") == "true":
        pytest.fail(told)
    pytest.skip(told)


def listening(name: str, listen: dict[str, Any], more: str = "") -> str:
    """The file of a route that listens to this. It asks no source, but for what ``more`` says."""
    return LISTENING.format(name=name, more=f"trigger: {json.dumps({'listen': listen})}\n{more}")


def write_routes(folder: Path, routes: Mapping[str, str]) -> None:
    """The files of these routes, which are written as in :data:`ROUTES`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, more in routes.items():
        whole = "outgoing:" in more or name == "torn"
        (folder / f"{name}.yaml").write_text(more if whole else ROUTE.format(name=name, more=more))


class Systems:
    """The source and the target of the tests."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.port = int(url.rpartition(":")[2])

    def control(self, space: str, **how: Any) -> None:
        requests.post(f"{self.url}/{space}/control", json=how, timeout=PATIENCE).raise_for_status()

    def state(self, space: str) -> dict[str, Any]:
        return requests.get(f"{self.url}/{space}/state", timeout=PATIENCE).json()


class Airflow:
    """Airflow over REST, as its users reach it."""

    def __init__(self, components: Components) -> None:
        self.components = components
        self.session = requests.Session()
        login = {"username": components.user, "password": components.password}
        token = self.session.post(f"{components.url}/auth/token", json=login, timeout=PATIENCE).json()["access_token"]
        self.session.headers["Authorization"] = f"Bearer {token}"

    def call(self, method: str, path: str, document: Any = None, *, expect: int | None = None) -> Any:
        for attempt in range(10):
            answer = self.session.request(
                method, f"{self.components.url}/api/v2{path}", json=document, timeout=PATIENCE
            )
            if answer.status_code not in (500, 503):  # SQLite: the database is locked
                break
            time.sleep(0.5 + attempt / 2)
        if expect is not None:
            assert answer.status_code == expect, answer.text
        else:
            assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def trigger(self, dag: str, conf: dict[str, Any] | None = None, *, expect: int | None = None) -> str:
        document = {"logical_date": None, "conf": conf or {}, "dag_run_id": f"t-{uuid.uuid4()}"}
        answer = self.call("POST", f"/dags/{dag}/dagRuns", document, expect=expect)
        return str(answer.get("dag_run_id") or answer)

    def has(self, dags: set[str]) -> None:
        """Wait until it has these DAGs."""
        self.wait("the DAGs", lambda: dags <= {dag["dag_id"] for dag in self.call("GET", "/dags?limit=100")["dags"]})

    def read_again(self, dag: str) -> None:
        """Have the file of a DAG read now. What Airflow hears of events follows the DAGs only then."""
        token = self.call("GET", f"/dags/{dag}")["file_token"]
        self.call("PUT", f"/parseDagFile/{token}", expect=201)

    def console(self, method: str, path: str, document: Any = None) -> Any:
        """The API of the console, in the same server."""
        url = f"{self.components.url}/integrations/api/v1{path}"
        for attempt in range(10):
            answer = self.session.request(method, url, json=document, timeout=PATIENCE)
            if answer.status_code not in (500, 503):  # SQLite: the database is locked
                break
            time.sleep(0.5 + attempt / 2)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def runs(self, dag: str, run_type: str | None = None) -> list[dict[str, Any]]:
        found = self.call("GET", f"/dags/{dag}/dagRuns?limit=100&order_by=run_after")["dag_runs"]
        return [run for run in found if run_type in (None, run["run_type"])]

    def tasks(self, dag: str, run: str) -> dict[str, dict[str, Any]]:
        found = self.call("GET", f"/dags/{dag}/dagRuns/{run}/taskInstances")["task_instances"]
        return {task["task_id"]: task for task in found}

    def states(self, dag: str, run: str) -> dict[str, str]:
        return {name: task["state"] for name, task in self.tasks(dag, run).items()}

    def counts(self, dag: str, run: str) -> dict[str, int]:
        """The books of a run whose entities were few: its first task has done all of it."""
        skipped = {"transform": "skipped", "push": "skipped", "settle": "skipped"}
        assert self.states(dag, run) == {"fetch": "success", **skipped}
        found: dict[str, int] = self.result(dag, run, "fetch")["counts"]
        return found

    def result(self, dag: str, run: str, task: str) -> Any:
        return self.call("GET", f"/dags/{dag}/dagRuns/{run}/taskInstances/{task}/xcomEntries/return_value")["value"]

    def log(self, dag: str, run: str, task: str, attempt: int = 1) -> str:
        return json.dumps(self.call("GET", f"/dags/{dag}/dagRuns/{run}/taskInstances/{task}/logs/{attempt}")["content"])

    def wait(self, told: str, condition: Callable[[], Any], timeout: float = 400) -> Any:
        end = time.monotonic() + timeout
        while not (found := condition()):
            self.components.check()
            assert time.monotonic() < end, f"{told}: not within {timeout:g} s"
            time.sleep(0.4)
        return found

    def ended(self, dag: str, run: str, state: str = "success") -> None:
        """Wait for the end of a run; it must be ``state``."""

        def look() -> str | None:
            now = self.call("GET", f"/dags/{dag}/dagRuns/{run}")["state"]
            return now if now in ("success", "failed") else None

        got = self.wait(f"the end of {dag} {run}", look)
        if got != state:
            logs = {
                name: self.log(dag, run, name, max(task["try_number"], 1))[-1500:]
                for name, task in self.tasks(dag, run).items()
                if task["state"] == "failed"
            }
            raise AssertionError(f"{dag} {run} is {got}, not {state}: {self.states(dag, run)} {logs}")

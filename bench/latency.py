"""From a webhook's request to the target's receipt, in a real Airflow: a run for each burst, and low latency.

``python -m bench latency``: at 1, 10 and 50 events a second, on SQLite and on PostgreSQL (Airflow and ledger), or on
that which is named behind it. The floor is measured in the same Airflow: a DAG of three no-op tasks, triggered through
REST, until its run has ended. At last, at one event a second, while bulk routes of each lower priority hold all slots
that they can get (``busy``).
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from airflow_integrations.airflow.dag.pools import pool_sizes
from airflow_integrations.demo.components import Components
from bench.ledgers import connection_json, fresh, fresh_database

RATES = (1, 10, 50)
SECONDS = 30
"""For which each rate is kept up."""
FLOOR_RUNS = 10
ROUTE = """
paused: false
priority: critical
entity: {{name: order, key: order.number}}
trigger:
  latency: {latency}
  webhook: {{path: {name}, verify: none, records: body.orders}}
transform:
  - map: {{Number: order.number, Sent: order.sent}}
outgoing:
  http: {{connection: target, path: /{name}}}
"""
ROUTES = {"burst": "run", "live": "low"}
SLOTS = 8
BULK = ("high", "normal", "low")
BULK_ROUTE = """
paused: false
priority: {priority}
max_active_runs: 8
entity: {{name: order, key: order.number}}
incoming:
  http: {{connection: target, path: /hold, records: body}}
outgoing: {{none: {{}}}}
"""
DAGS = """
from airflow.sdk import dag, task

from airflow_integrations.airflow import load_routes

globals().update(load_routes(__file__))


@dag(schedule=None, is_paused_upon_creation=False, max_active_runs=1)
def floor():
    @task
    def first(): ...

    @task
    def second(): ...

    @task
    def third(): ...

    first() >> second() >> third()


floor()
"""


def latency(server: str, *, idle_sleep: str = "0.1", rates: tuple[int, ...] = RATES) -> Iterator[dict[str, Any]]:
    """The figures, one after the other. ``server`` is ``sqlite`` or the URL of a PostgreSQL server."""
    with tempfile.TemporaryDirectory(prefix="bench-latency-") as folder, _target() as target:
        home = Path(folder)
        with Components(home, _settings(home, server, target, idle_sleep), dags=home / "dags", pools=True) as airflow:
            api = _Api(airflow)
            api.wait_for({"floor", *ROUTES, "live__live", *BULK})
            api.wait_for_tasks("live__live")
            floor = api.floor()
            yield {"way": "floor", "p50": floor}
            for name in ROUTES:
                _measure(airflow, target, name, 2, 5)  # what is imported and opened with the first events
                for rate in rates:
                    found = _measure(airflow, target, name, rate, SECONDS)
                    yield {"way": name, "events_per_second": rate, **found, "to_floor": found["p50"] / floor}
            idle = {name: _measure(airflow, target, name, 1, SECONDS)["p50"] for name in ROUTES}
            for priority in BULK:
                api.flood(priority)
            for name in ROUTES:
                found = _measure(airflow, target, name, 1, SECONDS)
                yield {"way": name, "busy": True, "events_per_second": 1, **found, "to_idle": found["p50"] / idle[name]}


class _Api:
    def __init__(self, airflow: Components) -> None:
        self._airflow = airflow
        login = json.dumps({"username": airflow.user, "password": airflow.password}).encode()
        self._token = self._call("POST", "/auth/token", login)["access_token"]

    def _call(self, method: str, path: str, body: bytes | None = None) -> Any:
        headers = {"Content-Type": "application/json"}
        if hasattr(self, "_token"):
            headers["Authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(self._airflow.url + path, body, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def _until(self, told: str, found: Any, seconds: float = 240) -> Any:
        end = time.monotonic() + seconds
        while not (value := found()):
            self._airflow.check()
            if time.monotonic() > end:
                raise SystemExit(f"{told}: not within {seconds:g} s")
            time.sleep(0.5)
        return value

    def wait_for(self, dags: set[str]) -> None:
        def there() -> bool:
            return dags <= {dag["dag_id"] for dag in self._call("GET", "/api/v2/dags?limit=100")["dags"]}

        self._until("the DAGs", there)

    def flood(self, dag: str) -> None:
        """More runs than there are slots, each of which holds the one that it gets."""
        for number in range(SLOTS):
            body = json.dumps({"logical_date": None, "dag_run_id": f"bulk-{number}"}).encode()
            self._until(f"run {number} of {dag}", lambda body=body: self._triggered(dag, body))
        self.wait_for_tasks(dag, pool_sizes(SLOTS)[f"integrations_{dag}"])

    def _triggered(self, dag: str, body: bytes) -> bool:
        """Airflow on SQLite answers some requests with 500, or not at all, while tasks begin."""
        try:
            self._call("POST", f"/api/v2/dags/{dag}/dagRuns", body)
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code != 409:
                raise
            return error.code == 409  # it is there
        except TimeoutError:
            return False
        return True

    def wait_for_tasks(self, dag: str, count: int = 1) -> None:
        def running() -> bool:
            path = f"/api/v2/dags/{dag}/dagRuns/~/taskInstances?state=running"
            return len(self._call("GET", path)["task_instances"]) >= count

        self._until(f"{count} tasks of {dag}", running)

    def floor(self) -> float:
        """The median of its runs, in milliseconds."""
        times = []
        for number in range(FLOOR_RUNS + 1):
            begun = time.monotonic()
            body = json.dumps({"logical_date": None, "dag_run_id": f"floor-{number}"}).encode()
            self._call("POST", "/api/v2/dags/floor/dagRuns", body)
            path = f"/api/v2/dags/floor/dagRuns/floor-{number}"
            while (state := self._call("GET", path)["state"]) != "success":
                if state == "failed":
                    raise SystemExit("a run of no-op tasks failed")
                time.sleep(0.05)
            times.append((time.monotonic() - begun) * 1000)
        return statistics.median(times[1:])  # the first imports what the others have


def _measure(airflow: Components, target: str, name: str, rate: int, seconds: int) -> dict[str, Any]:
    """Milliseconds from before the request to the target's receipt."""
    mark, count = uuid.uuid4().hex[:8], rate * seconds
    url = f"{airflow.url}/integrations/hooks/{name}"

    def send(number: int) -> None:
        order = {"number": f"{mark}-{number}", "sent": repr(time.time())}
        body = json.dumps({"orders": [order]}).encode()
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            if answer.status != 202:
                raise SystemExit(f"the webhook answered {answer.status}")

    begun = time.monotonic()
    with ThreadPoolExecutor(min(32, max(4, rate))) as senders:
        sent = []
        for number in range(count):
            time.sleep(max(0.0, begun + number / rate - time.monotonic()))
            sent.append(senders.submit(send, number))
        for each in sent:
            each.result()
    end = time.monotonic() + 120
    while len(received := _received(target, mark)) < count:
        airflow.check()
        if time.monotonic() > end:
            raise SystemExit(f"{name}: {len(received)} of {count} events arrived")
        time.sleep(0.2)
    times = sorted(received.values())
    at = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    return {told: times[min(count - 1, int(count * share))] for told, share in at.items()} | {"events": count}


def _received(target: str, mark: str) -> dict[str, float]:
    with urllib.request.urlopen(f"{target}/received?mark={mark}") as answer:
        found: dict[str, float] = json.load(answer)
        return found


@contextmanager
def _target() -> Iterator[str]:
    process = subprocess.Popen([sys.executable, "-m", "bench.latency_target"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.wait()


def _settings(home: Path, server: str, target: str, idle_sleep: str) -> dict[str, str]:
    files = {f"routes/{name}.yaml": ROUTE.format(name=name, latency=how) for name, how in ROUTES.items()}
    bulk = {f"routes/{priority}.yaml": BULK_ROUTE.format(priority=priority) for priority in BULK}
    for name, text in {**files, **bulk, "dags/routes.py": DAGS}.items():
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).write_text(text)
    settings = {
        "AIRFLOW_CONN_TARGET": json.dumps({"conn_type": "http", "host": target}),
        "AIRFLOW_CONN_LEDGER": connection_json(fresh(server, home)),
        "AIRFLOW__INTEGRATIONS__LEDGER_CONNECTION": "ledger",
        "AIRFLOW__INTEGRATIONS__ROUTES": str(home / "routes"),
        "AIRFLOW__CORE__PARALLELISM": str(SLOTS + 2),  # docs/events/events.md: two for each consumer
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": idle_sleep,
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",  # the routes stay as they are
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }
    if server != "sqlite":
        settings["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = fresh_database(server, "airflow")
        settings["AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL"] = "1"  # as in the compose file
    return settings

"""What a small run costs: CPU seconds of all of Airflow's processes for a run, beside DAGs that do nothing.

``python -m bench runs``: in one real Airflow on SQLite each DAG is triggered several times at once, and what the
processes have used when the last run has ended is divided by the runs; what an idle Airflow uses in that time is taken
off.
Once with nothing loaded before the first task, and once with ``preload``.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil

from airflow_integrations.demo.airflow_rest import AirflowRest, Run
from airflow_integrations.demo.components import Components
from airflow_integrations.demo.rest import RestError

ENTITIES = 10
RUNS = 6
ROUNDS = 3
IDLE_SECONDS = 10
ROUTE = """
paused: false
max_active_runs: 100
entity: {{name: order, key: order.number}}
incoming:
  http: {{connection: world, path: "/{path}", records: body}}
transform:
  - filter: order.total > 0
  - map: {{Number: order.number, Total: order.total}}
outgoing:
  http: {{connection: world, method: PUT, path: "/in/{{{{ order.Number }}}}"}}
tasks: {tasks}
"""
ROUTES = {
    "single": ("orders", "{single: true}"),
    "together": ("orders", "{}"),
    "four": ("orders", "{together: 0}"),
    "single_empty": ("nothing", "{single: true}"),
}
DAGS = """
from airflow.sdk import dag, task

from airflow_integrations.airflow.dag.loader import load_routes

globals().update(load_routes(__file__))


@dag(schedule=None, is_paused_upon_creation=False, max_active_runs=100)
def bare_one():
    @task
    def first(): ...

    first()


@dag(schedule=None, is_paused_upon_creation=False, max_active_runs=100)
def bare_four():
    @task
    def work(): ...

    work() >> work() >> work() >> work()


bare_one()
bare_four()
"""
SETTINGS = "from airflow_integrations.airflow.preload import preload\n\npreload()\n"


def runs() -> Iterator[dict[str, Any]]:
    """The figures, one after the other."""
    for preloaded in (False, True):
        with tempfile.TemporaryDirectory(prefix="bench-runs-") as folder, _world() as world:
            home = Path(folder)
            _write(home, preloaded)
            with Components(home, _settings(home, world), dags=home / "dags", pools=False) as airflow:
                yield from _measured(airflow, preloaded)


def _measured(airflow: Components, preloaded: bool) -> Iterator[dict[str, Any]]:
    api = AirflowRest(airflow.url, airflow.user, airflow.password)
    names = ("bare_one", "bare_four", *ROUTES)
    end = time.monotonic() + 300
    while not all(map(api.has_dag, names)):
        airflow.check()
        if time.monotonic() > end:
            raise SystemExit(f"not all DAGs are there; import errors: {api.import_errors()}")
        time.sleep(1)
    for name in names:  # what is imported and opened with the first runs
        _runs(airflow, api, name, 2)
    before, since = _cpu(airflow), time.monotonic()
    time.sleep(IDLE_SECONDS)
    idle = (_cpu(airflow) - before) / (time.monotonic() - since)
    found: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(ROUNDS):
        for name in names:
            found[name].append(_runs(airflow, api, name, RUNS, idle))
    base = statistics.median(found["bare_one"])
    for name in names:
        cpu = statistics.median(found[name])
        yield {"dag": name, "preloaded": preloaded, "cpu_seconds": cpu, "to_bare_one": cpu / base}


def _runs(airflow: Components, api: AirflowRest, name: str, count: int, idle: float = 0.0) -> float:
    """CPU seconds for each of so many runs of a DAG."""
    known = {run.run_id for run in _patiently(lambda: api.runs(name))}
    before, since = _cpu(airflow), time.monotonic()
    for _ in range(count):
        with contextlib.suppress(RestError):  # on a busy machine an answer may come too late: the run is there
            api.trigger(name)
    while True:
        time.sleep(1)
        airflow.check()
        mine = [run for run in _patiently(lambda: api.runs(name)) if run.run_id not in known]
        if mine and all(run.ended for run in mine):
            break
    failed = [run for run in mine if run.state != "success"]
    if failed:
        raise SystemExit("\n".join(api.story(failed[0])))
    return (_cpu(airflow) - before - idle * (time.monotonic() - since)) / len(mine)


def _patiently(asked: Callable[[], list[Run]]) -> list[Run]:
    for _ in range(20):
        with contextlib.suppress(RestError):
            return asked()
        time.sleep(2)
    return asked()


def _cpu(airflow: Components) -> float:
    """Seconds of all processes of this Airflow, those that have ended included."""
    home, total = str(airflow.home), 0.0
    for process in psutil.process_iter():
        try:
            if process.environ().get("AIRFLOW_HOME") != home:
                continue
            times = process.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def _write(home: Path, preloaded: bool) -> None:
    for name in ("dags", "routes", "config"):
        (home / name).mkdir()
    (home / "dags" / "all.py").write_text(DAGS)
    if preloaded:
        (home / "config" / "airflow_local_settings.py").write_text(SETTINGS)
    for name, (path, tasks) in ROUTES.items():
        (home / "routes" / f"{name}.yaml").write_text(ROUTE.format(path=path, tasks=tasks))


def _settings(home: Path, world: str) -> dict[str, str]:
    return {
        "AIRFLOW_CONN_WORLD": json.dumps({"conn_type": "http", "host": world}),
        "AIRFLOW__INTEGRATIONS__ROUTES": str(home / "routes"),
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",  # the routes stay as they are
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }


@contextmanager
def _world() -> Iterator[str]:
    """A source whose orders are new each time, and a target."""
    numbers = itertools.count(1)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            count = 0 if self.path.startswith("/nothing") else ENTITIES
            self.answer([{"number": next(numbers), "total": 9.95} for _ in range(count)])

        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.answer({})

        def answer(self, document: Any) -> None:
            content = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    for each in runs():
        print(json.dumps(each), flush=True)

"""What is loaded before Airflow forks is all that a task of a route needs; other components load nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PROGRAM = """
import json, os, socket, sys, threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import airflow.sdk.execution_time.task_runner
from airflow_integrations.airflow.preload import preload

home = Path(sys.argv[1])
opened = socket.socket
socket.socket = None  # nothing is opened
sys.argv = ["airflow", "celery", "worker"]
exec(Path(os.environ["SETTINGS"]).read_text())
socket.socket = opened
before = set(sys.modules)

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(b'[{"number": 1, "total": 0.10}, {"number": 2, "total": -1}]')
    def do_PUT(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(b"{}")
    def answer(self, content):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
    def log_message(self, *_): ...

server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
where = f"http://127.0.0.1:{server.server_address[1]}"
os.environ["AIRFLOW_CONN_WORLD"] = json.dumps({"conn_type": "http", "host": where})
os.environ["_AIRFLOW_PARSING_CONTEXT_DAG_ID"] = "orders"

from airflow.sdk.execution_time.context import OutletEventAccessors
from airflow_integrations.airflow.config.ledger import open_ledger

open_ledger().close()  # makes its tables, which the first task alone does
made = set(sys.modules) - before
from airflow_integrations.airflow.dag.loader import load_routes

dag = load_routes(home / "loader.py")["orders"]
ti = SimpleNamespace(map_index=-1, try_number=1, max_tries=3, xcom_push=print)
run = SimpleNamespace(conf=None, run_after=datetime.now(UTC))
context = {"dag": dag, "run_id": "manual__1", "dag_run": run, "params": {}, "ti": ti, "task_instance": ti}
context["outlet_events"] = OutletEventAccessors()
counts = dag.get_task("run").execute(context)["counts"]
assert (counts["delivered"], counts["filtered"]) == (1, 1), counts
print(*sorted(name for name in set(sys.modules) - before - made if name.startswith("airflow_integrations")), ".")
"""
ROUTE = """
entity: {name: order, key: order.number}
incoming: {http: {connection: world, path: /orders, records: body}}
transform:
  - filter: order.total > 0
  - map: {Number: order.number, Total: order.total}
outgoing:
  http: {connection: world, method: PUT, path: "/in/{{ order.Number }}"}
tasks: {single: true}
"""


def test_a_task_of_a_worker_that_preloads_imports_nothing_of_this_package(tmp_path: Path) -> None:
    (tmp_path / "routes").mkdir()
    (tmp_path / "routes" / "orders.yaml").write_text(ROUTE)
    env = os.environ | {"SETTINGS": str(ROOT / "deploy" / "airflow" / "airflow_local_settings.py")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, env=env, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "."


@pytest.mark.parametrize(("command", "loaded"), [("api-server", False), ("triggerer", False), ("dag-processor", True)])
def test_only_components_that_fork_load_something(command: str, loaded: bool) -> None:
    program = (
        "import sys\nfrom airflow_integrations.airflow import preload\n"
        "preload._MODULES, preload._build_route = ('colorsys',), lambda: None\n"
        f"preload.preload(command=['airflow', '{command}'])\n"
        "print('colorsys' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == str(loaded)


def test_what_cannot_be_loaded_does_not_keep_airflow_from_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_integrations.airflow import preload

    told: list[str] = []
    monkeypatch.setattr(preload, "_MODULES", ())
    monkeypatch.setattr(preload.log, "exception", lambda text: told.append(f"{text}: {sys.exc_info()[1]}"))
    preload.preload("htp", command=["airflow", "scheduler"])
    (text,) = told
    assert "unknown kind 'htp'" in text

"""How many webhook events one worker of Airflow's API server takes a second, each of them on disk before its answer.

1 KB of JSON, HMAC-SHA256, 32 keep-alive connections, a process beside it that sends. ``python -m bench ingest``.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from airflow_integrations.demo.components import Components
from airflow_integrations.demo.processes import free_ports
from airflow_integrations.ledger.ledger import Ledger
from bench.ledgers import connection_json, fresh
from bench.webhooks.ingest_load import SECRET

CONNECTIONS = 32
SECONDS = 15.0
ROUTE = """
entity: {name: order, key: order.id}
trigger:
  webhook: {path: bench, verify: {github: sender}, event_id: 'headers["x-event"]'}
outgoing: {none: {}}
"""
LOADER = """# Airflow DAGs
from airflow_integrations.airflow import load_routes
globals().update(load_routes(__file__))
"""


def ingest(server: str) -> dict[str, Any]:
    """The figures with a new ledger on ``server``, see :func:`fresh`. ``cpu_us``: of the worker, for one event;
    ``layers_…``: with ``webhook_access_log``, through all of Airflow's layers; ``bare_…``: without Airflow."""
    with tempfile.TemporaryDirectory(prefix="bench-ingest-") as folder:
        home = Path(folder)
        for name, text in {"routes/bench.yaml": ROUTE, "dags/loader.py": LOADER}.items():
            (home / name).parent.mkdir()
            (home / name).write_text(text)
        ledger = fresh(server, home)
        with _api_server(home, ledger, layers=False) as served:
            found = _measure(*served, ledger)
        with _api_server(home, ledger, layers=True) as served:
            layers = _measure(*served, ledger)
        with _bare(home, ledger) as served:
            bare = _measure(*served, ledger)
    others = {"layers": layers, "bare": bare}
    return found | {f"{way}_{name}": of[name] for way, of in others.items() for name in ("per_second", "cpu_us")}


def _measure(url: str, pids: list[int], ledger: str) -> dict[str, Any]:
    _send(url, 2.0)  # what is imported and opened with the first event
    stored, cpu = _stored(ledger), _cpu(pids)
    found = _send(url, SECONDS)
    found["cpu_us"] = (_cpu(pids) - cpu) / found["events"] * 1e6
    if set(found["statuses"]) != {"202"} or _stored(ledger) - stored != found["events"]:
        raise SystemExit(f"not every event was taken: {found}, {_stored(ledger) - stored} are stored")
    return found


def _send(url: str, seconds: float) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.webhooks.ingest_load", url, str(seconds), str(CONNECTIONS)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _stored(ledger: str) -> int:
    with Ledger.open(ledger) as opened:
        return sum(each.events for each in opened.inbox.waiting(time.time()))


def _cpu(pids: list[int]) -> float:
    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return float(sum(each.user + each.system for each in times))


@contextmanager
def _api_server(home: Path, ledger: str, *, layers: bool) -> Iterator[tuple[str, list[int]]]:
    """One worker, with Airflow's own database in SQLite. The address of the webhook, and the worker's process."""
    settings = {
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__INTEGRATIONS__WEBHOOK_ACCESS_LOG": str(layers),
        "AIRFLOW__INTEGRATIONS__ROUTES": str(home / "routes"),
        "AIRFLOW__INTEGRATIONS__LEDGER_CONNECTION": "ledger",
        "AIRFLOW_CONN_LEDGER": connection_json(ledger),
        "AIRFLOW_CONN_SENDER": json.dumps({"conn_type": "generic", "password": SECRET}),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    components = Components(home, settings, dags=home / "dags", pools=False)
    try:
        for name, command in {"migrate": ("db", "migrate"), "dags": ("dags", "reserialize")}.items():
            components.processes.run(name, components.airflow(*command), components.env, timeout=150)
        components.processes.start("api-server", components.airflow("api-server"), components.env, cwd=home)
        end = time.monotonic() + 150
        while not components.healthy({"metadatabase"}):
            components.check()
            if time.monotonic() > end:
                raise SystemExit(components.processes.tail("api-server"))
            time.sleep(0.25)
        yield f"{components.url}/integrations/hooks/bench", components.processes.pids
    finally:
        components.stop()


@contextmanager
def _bare(home: Path, ledger: str) -> Iterator[tuple[str, list[int]]]:
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "bench.webhooks.ingest_bare", ledger, str(home / "routes"), str(port)]
    process = subprocess.Popen(command)
    try:
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if process.poll() is not None:
                raise SystemExit("the server did not start")
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/integrations/hooks/bench", [process.pid]
    finally:
        process.terminate()
        process.wait()

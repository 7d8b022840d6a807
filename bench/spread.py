"""One large run, sent by one process and by several: ``python -m bench.spread TOTAL PUSHES LEDGER bulk|single``.

LEDGER is ``sqlite`` or the URL of a PostgreSQL server. Source and target are a process of their own, and so is each
stage, as under Airflow. Prints a line of JSON: seconds on the clock and of CPU for each stage, those of all pushes
added up, and the CPU of source and target.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import EPOCH, Window
from bench.definition import route
from bench.ledgers import fresh
from bench.through_engine import Loopback, written


async def stage(name: str, part: int, pushes: int, given: dict[str, Any]) -> None:
    """What one task does."""
    definition = route(given["total"], given["schema"], given["how"]) | {"tasks": {"spread_above": 0}}
    window = Window(EPOCH, datetime.fromtimestamp(given["now"], UTC))
    run, staging = Run(Route.load(definition), "bench", window), Staging(given["folder"], "bench", "bench")
    with Ledger.open(given["ledger"]) as ledger:
        async with Services(Loopback(given["url"]), ledger=ledger) as services:
            match name:
                case "fetch":
                    await fetch(run, services, staging)
                case "transform":
                    await transform(run, services, staging, spread=pushes)
                case "push":
                    await push(run, services, staging, part=part)
                case _:
                    balance = await settle(run, services, staging)
                    if balance.verdict:
                        raise SystemExit(balance.verdict)


def main(total: int, pushes: int, server: str, how: str) -> dict[str, Any]:
    served = subprocess.Popen([sys.executable, "-m", "bench.servers"], stdout=subprocess.PIPE, text=True)
    assert served.stdout is not None
    try:
        url = f"http://127.0.0.1:{int(served.stdout.readline())}"
        with tempfile.TemporaryDirectory() as folder:
            given = {
                "url": url,
                "total": total,
                "how": how,
                "folder": folder,
                "schema": str(written(Path(folder, "sales_order.json"))),
                "ledger": fresh(server, Path(folder)),
                "now": time.time(),
            }
            clock, cpu = {}, {}
            for name in ("fetch", "transform", "push", "settle"):
                began, before = time.perf_counter(), _children()
                _tasks(name, pushes, given)
                clock[name], cpu[name] = round(time.perf_counter() - began, 1), round(_children() - before, 1)
        times = psutil.Process(served.pid).cpu_times()
        return {"pushes": pushes, "clock": clock, "cpu": cpu, "servers": round(times.user + times.system, 1)}
    finally:
        served.terminate()
        served.wait()


def _tasks(name: str, pushes: int, given: dict[str, Any]) -> None:
    parts = range(pushes if name == "push" else 1)
    command = [sys.executable, "-m", "bench.spread", name]
    tasks = [subprocess.Popen([*command, str(part), str(pushes), json.dumps(given)]) for part in parts]
    ended = [task.wait() for task in tasks]
    if any(ended):
        raise SystemExit(f"{name} failed")


def _children() -> float:
    times = os.times()
    return times.children_user + times.children_system


if __name__ == "__main__":
    if sys.argv[1].isdigit():
        print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])))
    else:
        asyncio.run(stage(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4])))

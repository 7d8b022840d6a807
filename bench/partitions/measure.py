"""The fetch of one run by 1, 2 and 4 tasks: ``python -m bench.partitions.measure waiting|files TASKS``.

``waiting``: 16 partitions of an HTTP source that takes 50 ms for each of their 40 pages, so that a task mostly waits.
``files``: 16 files of CSV on the local disk, so that a task keeps a processor busy. Each task is a process of its own,
as under Airflow, with its start. Prints a line of JSON: seconds on the clock; seconds of CPU of all tasks; and, for a
machine whose cores have other work, ``in_turn``: CPU and waiting of what comes one after the other, of the tasks that
work at the same time the one with the most.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow_integrations.engine.fetch.partitions.joining import join_partitions
from airflow_integrations.engine.fetch.partitions.plan import fetch_or_plan
from airflow_integrations.engine.fetch.partitions.reading import fetch_partitions
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import EPOCH, Window
from bench.ledgers import fresh
from bench.partitions.slow_source import PAGE, PAGES, SECONDS, serving
from bench.through_engine import Loopback

PARTITIONS, ROWS = 16, 150_000


def incoming(how: str, folder: str) -> dict[str, Any]:
    if how == "files":
        return {
            "files": {"path": f"{folder}/in/*.csv", "settled": {"age": "0s"}, "partitions": {"files": 1}},
        }
    return {
        "http": {
            "connection": "shop",
            "path": "/orders",
            "query": {"shop": "{{ partition.value }}"},
            "records": "body.orders",
            "pagination": {"style": "cursor", "param": "cursor", "next": "body.next"},
            "partitions": {"list": list(range(PARTITIONS))},
        }
    }


async def task(name: str, number: int, tasks: int, given: dict[str, Any]) -> dict[str, Any]:
    """What one task does."""
    definition = {
        "route": "bench",
        "entity": {"name": "order", "key": "order.number"},
        "incoming": incoming(given["how"], given["folder"]),
        "outgoing": {"none": {}},
    }
    window = Window(EPOCH, datetime.fromtimestamp(given["now"], UTC))
    run, staging = Run(Route.load(definition), "bench", window), Staging(given["folder"], "bench", "bench")
    with Ledger.open(given["ledger"]) as ledger:
        async with Services(Loopback(given["url"]), ledger=ledger) as services:
            if name == "join":  # in the process of transform, which there is also without partitions
                before = _cpu()
                await join_partitions(run, services, staging)
                joined = staging.manifest("fetch")
                assert joined is not None
                return {"fetched": joined.counts["fetched"], "taken": _cpu() - before, "cpu": _cpu() - before}
            if name == "fetch":
                fetched = (await fetch_or_plan(run, services, staging, tasks=tasks)).counts["fetched"]
            else:
                parts = await fetch_partitions(run, services, staging, task=number)
                fetched = sum(each.counts["fetched"] for each in parts)
    waited = fetched / PAGE * SECONDS if given["how"] == "waiting" else 0.0
    return {"fetched": fetched, "taken": _cpu() + waited, "cpu": _cpu()}


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(how: str, tasks: int) -> dict[str, Any]:
    source: AbstractContextManager[str] = nullcontext("") if how == "files" else serving()
    with source as url, tempfile.TemporaryDirectory() as folder:
        if how == "files":
            _write(Path(folder, "in"))
        given = {"how": how, "url": url, "folder": folder, "ledger": fresh("sqlite", Path(folder)), "now": time.time()}
        began = time.perf_counter()
        told = [_together("fetch", 1, tasks, given)]
        if tasks > 1:
            told += [_together("part", tasks, tasks, given), _together("join", 1, tasks, given)]
        clock = time.perf_counter() - began
    expected = PARTITIONS * (ROWS if how == "files" else PAGES * PAGE)
    if told[-1][-1]["fetched"] != expected:
        raise SystemExit(f"{told[-1][-1]['fetched']} of {expected} entities were fetched")
    return {
        "how": how,
        "tasks": tasks,
        "entities": expected,
        "clock": round(clock, 1),
        "cpu": round(sum(each["cpu"] for some in told for each in some), 1),
        "in_turn": round(sum(max(each["taken"] for each in some) for some in told), 1),
    }


def _together(name: str, count: int, tasks: int, given: dict[str, Any]) -> Sequence[dict[str, Any]]:
    command = [sys.executable, "-m", "bench.partitions.measure", name]
    begun = [
        subprocess.Popen([*command, str(number), str(tasks), json.dumps(given)], stdout=subprocess.PIPE, text=True)
        for number in range(count)
    ]
    told = [each.communicate()[0] for each in begun]
    if any(each.returncode for each in begun):
        raise SystemExit(f"{name} failed")
    return [json.loads(text) for text in told]


def _write(folder: Path) -> None:
    folder.mkdir()
    for number in range(PARTITIONS):
        rows = (f"{number}-{row},2026-01-01T00:00:00Z,{row}.50,a customer,paid" for row in range(ROWS))
        (folder / f"{number:02}.csv").write_text("\n".join(("number,changed,total,name,state", *rows)) + "\n")
    moment = time.time() - 600
    for path in folder.iterdir():
        os.utime(path, (moment, moment))


if __name__ == "__main__":
    if sys.argv[1] in ("waiting", "files"):
        print(json.dumps(main(sys.argv[1], int(sys.argv[2]))))
    else:
        print(json.dumps(asyncio.run(task(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4])))))

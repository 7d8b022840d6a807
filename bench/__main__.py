"""One JSON line a figure: the median of three runs, and how it stands to the hand-written script of the same run.

``python -m bench`` measures everything; ``python -m bench bulk single`` only those named.
Figures: bulk, single, steps, memory, loading, sql, publishing, lookups, partitions, ingest, latency, console, pages,
runs. The first three and ingest with each kind of ledger; bulk also has a second pass, in which nothing has changed and
nothing is sent (``again_per_second``). Latency, what the console asks of a ledger with a million entities (console),
its pages (pages), and what a small run costs in a real Airflow (runs) are measured only where they are named.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Collection
from typing import Any

from bench.latency import latency
from bench.ledgers import servers
from bench.postgres import Cluster, binaries
from bench.runs import runs
from bench.webhooks.ingest import ingest

RUNS = 3
EVERYTHING = [
    *("bulk", "single", "steps", "memory", "loading", "sql", "publishing", "lookups", "partitions", "webhooks.ingest"),
]


def figure(name: str, **values: Any) -> None:
    rounded = {key: round(value, 3) if isinstance(value, float) else value for key, value in values.items()}
    print(json.dumps({"figure": name, **rounded}), flush=True)


def measure(*arguments: str, env: dict[str, str] | None = None) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-m", *arguments], stdout=subprocess.PIPE, check=True, text=True, env=env)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def received(url: str) -> int:
    with urllib.request.urlopen(urllib.request.Request(url + "/reset", method="POST")) as answer:
        return int(json.load(answer)["received"])


def against_script(url: str, name: str, total: int, how: str, ledger: tuple[str, str], passes: int) -> None:
    database, server = ledger
    ours, again, theirs, cpu, script_cpu, last = [], [], [], [], [], {}
    received(url)
    for _ in range(RUNS):
        told = measure("bench.script", url, str(total), how)
        theirs.append(told["seconds"])
        script_cpu.append(told["cpu_seconds"])
        by_script = received(url)
        last = measure("bench.through_engine", url, str(total), how, server, str(passes))
        ours.append(last["seconds"])
        cpu.append(last["cpu_seconds"])
        again += [one["seconds"] for one in last["again"]]
        if (by_route := received(url)) != by_script:
            raise SystemExit(f"the route delivered {by_route} entities, the script {by_script}")
    seconds, script = statistics.median(ours), statistics.median(theirs)
    figure(
        name,
        ledger=database,
        entities=total,
        seconds=seconds,
        per_second=total / seconds,
        script_seconds=script,
        ratio=script / seconds,
        cpu_ratio=statistics.median(script_cpu) / statistics.median(cpu),
        stages=last["stages"],
        memory_mb=last["memory_mb"],
        **(
            {"again_per_second": total / statistics.median(again), "again_stages": last["again"][0]["stages"]}
            if again
            else {}
        ),
    )


def memory(url: str) -> None:
    for total in (10_000, 1_000_000):
        run = measure("bench.through_engine", url, str(total), "bulk", "sqlite", "1")
        figure("memory", entities=total, memory_mb=run["memory_mb"], per_second=total / run["seconds"])
        received(url)


def tables() -> None:
    """Table to table on PostgreSQL, where its server is installed."""
    found = binaries()
    if found is None:
        return
    total = 100_000
    with Cluster.running(found) as cluster:
        ours, theirs, last = [], [], {}
        for _ in range(RUNS):
            theirs.append(measure("bench.sql", cluster.url, str(total), "script")["seconds"])
            last = measure("bench.sql", cluster.url, str(total), "route")
            ours.append(last["seconds"])
    seconds, script = statistics.median(ours), statistics.median(theirs)
    figure(
        "sql",
        ledger="sqlite",
        entities=total,
        seconds=seconds,
        per_second=total / seconds,
        script_seconds=script,
        ratio=script / seconds,
        stages=last["stages"],
        memory_mb=last["memory_mb"],
    )


def publishing() -> None:
    """Messages for a second of CPU, of a route, of its kind alone, and of a bare client."""
    from bench.publishing import KINDS, there

    total = 10_000
    for kind in filter(there, KINDS):
        used = {
            how: statistics.median(
                measure("bench.publishing", kind, str(total), how)["cpu_seconds"] for _ in range(RUNS)
            )
            for how in ("client", "target", "route")
        }
        figure(
            "publishing",
            kind=kind,
            messages=total,
            **{f"{how}_per_cpu_second": total / seconds for how, seconds in used.items()},
            target_ratio=used["client"] / used["target"],
            route_ratio=used["client"] / used["route"],
        )


def loading() -> None:
    with tempfile.TemporaryDirectory() as bytecode:  # installed packages have theirs; a checkout may be told not to
        env = {**os.environ, "PYTHONPYCACHEPREFIX": bytecode, "PYTHONDONTWRITEBYTECODE": ""}
        for name in ("routes_200", "one_route", "import"):
            measure("bench.loading", name, env=env)  # writes the bytecode
            runs = [measure("bench.loading", name, env=env) for _ in range(RUNS)]
            figure(name, **{key: statistics.median(run[key] for run in runs) for key in runs[0]})


def wanted_of(ledgers: Collection[str], wanted: Collection[str], ledger: str) -> bool:
    """Where the command names one, the others are passed over."""
    return ledger in wanted or not set(ledgers) & set(wanted)


def main(wanted: list[str]) -> None:
    if wanted == ["console"]:
        from bench.large.console import main as console

        console()
        return
    if wanted == ["runs"]:
        for found in runs():
            figure("runs", **found)
        return
    if wanted == ["pages"]:
        from bench.large.pages import main as pages

        pages()
        return
    server = subprocess.Popen([sys.executable, "-m", "bench.servers"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(server.stdout.readline())}"
        with servers() as ledgers:
            for ledger in ledgers.items():
                if not wanted_of(ledgers, wanted, ledger[0]):
                    continue
                if "bulk" in wanted:
                    against_script(url, "bulk", 100_000, "bulk", ledger, passes=2)
                if "latency" in wanted:
                    for found in latency(ledger[1]):
                        figure("latency", ledger=ledger[0], **found)
                if "webhooks.ingest" in wanted:
                    figure("webhooks.ingest", ledger=ledger[0], **ingest(ledger[1]))
                if "single" in wanted:  # 30 % are filtered out: 5,000 are posted
                    against_script(url, "single", 7_150, "single", ledger, passes=1)
                if "steps" in wanted:  # each in three requests, one after the other
                    against_script(url, "steps", 7_150, "steps", ledger, passes=1)
        if "memory" in wanted:
            memory(url)
        if "sql" in wanted:
            tables()
        if "publishing" in wanted:
            publishing()
        if "loading" in wanted:
            loading()
        if "partitions" in wanted:
            for how in ("waiting", "files"):
                for tasks in ("1", "2", "4"):
                    figure("partitions", **measure("bench.partitions.measure", how, tasks))
        if "lookups" in wanted:
            figure("lookups", **measure("bench.lookups", "10000"))
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main(sys.argv[1:] or EVERYTHING)

"""``python -m chaos``: 100,000 items through faults, kills, restarts and a full disk; ``--short``: 5,000.

One line of JSON a ledger (SQLite, and PostgreSQL where its server is installed); exit 1 where anything is not as it
must be. ``--seed`` repeats the same draws; ``--tell`` shows on standard error what goes on.
"""

from __future__ import annotations

import argparse
import json
import random
import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.postgres import Cluster, binaries
from chaos.definition import FIRST, route
from chaos.disk import Disk
from chaos.drill import Drill, Trouble, troubles
from chaos.judgement import judge
from chaos.processes import Servers
from chaos.worker import Task


def plan(entities: int, rng: random.Random, *, short: bool, restarts: bool) -> list[Trouble]:
    """Three kills in short, thirteen else; the disk is filled in fetch or push, the database restarted in push."""
    restart = ["restart"] if restarts else []
    if short:
        return [
            *troubles("first", "fetch", entities, ["kill"], rng),
            *troubles("first", "push", entities, _shuffled(["kill", "kill", "full", *restart], rng), rng),
        ]
    return [
        *troubles("first", "fetch", entities, _shuffled(["kill"] * 4 + ["full"], rng), rng),
        *troubles("first", "push", entities, _shuffled(["kill"] * 7 + ["full", *restart], rng), rng),
        *troubles("second", "fetch", entities // 10, ["kill"], rng),
        *troubles("second", "push", entities // 10, _shuffled(["kill", *restart], rng), rng),
    ]


def _shuffled(kinds: list[Any], rng: random.Random) -> list[Any]:
    return rng.sample(kinds, len(kinds))


def rehearse(database: str, seed: int, *, short: bool, tell: Callable[[str], None]) -> bool:
    """The whole test with one kind of ledger; prints its figures and says whether all was well."""
    entities, batch, disk_mb, slow = (5_000, 25, 64, 0.02) if short else (100_000, 100, 384, 0.005)
    rng, began = random.Random(seed), time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        servers = stack.enter_context(Servers.running(entities, seed, "--slow", slow))
        disk = stack.enter_context(Disk.at(folder / "disk", disk_mb))
        cluster, ledger = None, f"sqlite:///{disk.folder / 'ledger.db'}"
        if database == "postgresql":
            found = binaries()
            assert found is not None
            cluster = stack.enter_context(Cluster.running(found))
            ledger = cluster.url
        staging = disk.folder / "staging"
        template = Task("fetch", "first", FIRST, route(batch=batch, concurrency=8), servers.url, ledger, staging)
        planned = plan(entities, rng, short=short, restarts=cluster is not None)
        drill = Drill(template, planned, servers=servers, disk=disk, cluster=cluster, rng=rng, tell=tell)
        drill.go()
        verdict = judge(ledger, servers, staging, entities)
    wrong = [*drill.wrong, *verdict.wrong]
    figures = {
        "ledger": database,
        "seed": seed,
        "entities": entities,
        "seconds": round(time.monotonic() - began, 1),
        **verdict.figures,
        **drill.happened,
        "disk": disk.way,
        "ok": not wrong,
        **({"wrong": wrong} if wrong else {}),
    }
    print(json.dumps(figures), flush=True)
    return not wrong


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=(__doc__ or "").strip())
    parser.add_argument("--short", action="store_true", help="5,000 items and three kills, in seconds")
    parser.add_argument("--seed", type=int, help="repeat the draws of an earlier run")
    parser.add_argument("--ledger", choices=["sqlite", "postgresql"], help="only this one; default: both")
    parser.add_argument("--tell", action="store_true", help="tell on standard error what goes on")
    asked = parser.parse_args()
    seed = secrets.randbelow(1 << 32) if asked.seed is None else asked.seed

    def tell(text: str) -> None:
        if asked.tell:
            print(text, file=sys.stderr, flush=True)

    databases = [asked.ledger] if asked.ledger else ["sqlite", "postgresql"]
    if "postgresql" in databases and binaries() is None:
        print("PostgreSQL's server (initdb, pg_ctl) is not installed: tried with SQLite only", file=sys.stderr)
        databases.remove("postgresql")
        if not databases:
            return 1
    went_well = [rehearse(database, seed, short=asked.short, tell=tell) for database in databases]
    return 0 if all(went_well) else 1


if __name__ == "__main__":
    sys.exit(main())

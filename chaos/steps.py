"""``python -m chaos.steps``: a push that sends each order in three steps is killed again and again.

The target kills the pushing process with SIGKILL at a request, or a moment later. Then the next attempt goes on, or, as
after a machine that is gone, a later run. In the end each step has had its effect once, and no order ever went back to
a step behind which it had been. One line of JSON a ledger (SQLite, and PostgreSQL where its server is installed); exit
1 where anything is not so. ``--kills`` says how often, ``--seed`` repeats the same draws.
"""

from __future__ import annotations

import argparse
import json
import random
import secrets
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import select

from airflow_integrations.ledger.storage import tables
from bench.postgres import Cluster, binaries
from chaos.definition import FIRST
from chaos.judgement import open_entities, rows_of, wrong_books
from chaos.processes import Servers, Worker
from chaos.steps_route import order, route, steps_of
from chaos.worker import Task, perform

__all__ = ["Drill", "main", "rehearse", "wrong_with"]

MOMENTS = ("before", "after", "answered", "later")
"""When the process dies: see :mod:`chaos.steps_target`."""
LEFT_TO_A_LATER_RUN = 0.3
A_LEASE = 400.0
"""Seconds after which what a dead push has reserved is free."""
MOST_RUNS_IN_PEACE = 20


class Drill:
    """Runs one after the other until every order has its fate."""

    def __init__(self, servers: Servers, template: Task, rng: random.Random, *, kills: int, requests: int) -> None:
        self._servers = servers
        self._template = template
        self._rng = rng
        self._kills = kills
        self._apart = max(1, 2 * requests // (kills + 1))
        """At most so many requests lie between two kills."""
        self.killed = 0
        self.runs = 0

    def go(self) -> None:
        self._run(self._template)
        while open_entities(self._template.ledger) and self.runs < MOST_RUNS_IN_PEACE + self._kills:
            task = replace(self._template, kind="manual", retry=True, clock_ahead=self.runs * A_LEASE)
            self._run(task)

    def _run(self, task: Task) -> None:
        task = replace(task, run_id=f"run-{self.runs}")
        self.runs += 1
        self._stage(replace(task, stage="fetch"))
        self._stage(replace(task, stage="transform"))
        push = replace(task, stage="push", final=True)
        while self.killed < self._kills and self._is_killed(push):
            if self._rng.random() < LEFT_TO_A_LATER_RUN:
                self._stage(replace(task, stage="settle", clock_ahead=task.clock_ahead + A_LEASE))
                return
        if self.killed == self._kills:
            self._servers.tell("/calm")
        self._stage(push)
        self._stage(replace(task, stage="settle"))

    def _is_killed(self, push: Task) -> bool:
        """False where it came to its end before."""
        worker = Worker(push, forked=True)
        behind, when = self._rng.randint(0, self._apart), self._rng.choice(MOMENTS)
        self._servers.tell(f"/arm?pid={worker.pid}&behind={behind}&when={when}")
        for _ in worker.events():
            pass
        died = worker.end() < 0
        self._servers.tell("/disarm")
        self.killed += died
        return died

    def _stage(self, task: Task) -> None:
        """In this process: nobody kills it."""
        said = _Heard()
        perform(task, said)
        if said.last[0] != "done":
            raise RuntimeError(f"{task.stage} of {task.run_id}: {said.last}")


class _Heard:
    last: tuple[str, Any] = "", None

    def send(self, told: tuple[str, Any], /) -> None:
        self.last = told


def wrong_with(ledger: str, books: dict[str, Any], entities: int) -> Iterator[str]:
    """What is not as it must be in the end."""
    yield from books["wrong"]
    effects = books["effects"]
    row = tables.entity.c
    rows = {found.key: found for found in rows_of(ledger, select(row.key, row.status, row.target_id))}
    for position in range(entities):
        number = str(position)
        steps = steps_of(number)
        taken = {step: effects.get(f"{number} {step}", []) for step in steps}
        if counts := {step: len(found) for step, found in taken.items() if len(found) != 1}:
            yield f"effects of {number}: {counts}"
            continue
        party, *lines, sale = (taken[step][0] for step in steps)
        if any(line["party"] != party["id"] for line in [*lines, sale]):
            yield f"{number} went on with another party than the target gave it"
        if sale["lines"] != [line["id"] for line in lines] or sale["total"] != order(position)["total"]:
            yield f"the sale of {number} is {sale}"
        found = rows.get(number)
        if found is None or found.status not in ("delivered", "unchanged") or found.target_id != sale["id"]:
            yield f"the ledger says {found and (found.status, found.target_id)} of {number}, not {sale['id']}"
    yield from wrong_books(ledger)
    if claims := len(rows_of(ledger, select(tables.claim.c.id))):
        yield f"{claims} claims are left"
    if progress := len(rows_of(ledger, select(tables.progress))):
        yield f"the steps of {progress} delivered orders are kept"


def rehearse(ledger: str, folder: Path, *, entities: int, kills: int, seed: int, calm: bool = False) -> dict[str, Any]:
    """The whole of it. In the figures ``wrong`` says what is not as it must be."""
    began = time.monotonic()
    with Servers.running(entities, seed, *(["--calm"] if calm else []), module="chaos.steps_target") as servers:
        task = Task("fetch", "", FIRST, route(concurrency=4), servers.url, ledger, folder / "staging")
        requests = sum(len(steps_of(str(number))) + 1 for number in range(entities))
        drill = Drill(servers, task, random.Random(seed), kills=kills, requests=requests)
        drill.go()
        with urllib.request.urlopen(f"{servers.url}/books") as answer:
            books = json.load(answer)
    wrong = list(wrong_with(ledger, books, entities))
    if drill.killed < kills:
        wrong.append(f"only {drill.killed} kills: it ended too soon")
    return {
        "seed": seed,
        "entities": entities,
        "kills": drill.killed,
        "runs": drill.runs,
        **books["counts"],
        "seconds": round(time.monotonic() - began, 1),
        "wrong": wrong[:20],
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m chaos.steps", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--entities", type=int, default=1_000)
    parser.add_argument("--seed", type=int, help="repeat the draws of an earlier run")
    parser.add_argument("--calm", action="store_true", help="kills only: the target answers every request")
    parser.add_argument("--ledger", choices=["sqlite", "postgresql"], help="only this one; default: both")
    asked = parser.parse_args()
    seed = secrets.randbelow(1 << 32) if asked.seed is None else asked.seed
    found, well = binaries(), True
    for database in [asked.ledger] if asked.ledger else ["sqlite", "postgresql"]:
        if database == "postgresql" and found is None:
            print("PostgreSQL's server (initdb, pg_ctl) is not installed", file=sys.stderr)
            well = well and asked.ledger is None
            continue
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-steps-")))
            url = f"sqlite:///{folder / 'ledger.db'}"
            if database == "postgresql":
                assert found is not None
                url = stack.enter_context(Cluster.running(found)).url
            told = rehearse(url, folder, entities=asked.entities, kills=asked.kills, seed=seed, calm=asked.calm)
        print(json.dumps({"ledger": database, **told}), flush=True)
        well = well and not told["wrong"]
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())

"""A small route that is stopped at every point in turn and then goes on: ``python crash_scene.py LEDGER FOLDER STEP``.

A point is a step of a task of asyncio, or the moment before or after something becomes durable: a file of staging, the
journal, a transaction of the ledger, a delivery at the target. For every STEP-th point a child process is started that
ends there without any farewell, as SIGKILL ends it; a second one goes on where the scheduler would. Prints one line of
JSON: how many points there are, of which sort, and what was wrong after which.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import create_engine, delete, select
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.pool import NullPool

from airflow_integrations.config.model import Model
from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.push.journal.journal import Journal
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.incoming import Page
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.records import RetryWanted
from airflow_integrations.ledger.storage import tables
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.route import registry
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import Window

CRASHED = 77
POINTS_END = 100_000
WINDOW = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
NOON = WINDOW.end.timestamp()

PAGES: list[list[Any]] = [
    [{"number": n, "version": 1, "status": "open", "quantity": 1} for n in (1, 2, 3, 4, 5, 6)],
    [
        {"number": 7, "version": 1, "status": "draft", "quantity": 1},
        {"number": 8, "version": 1, "status": "open", "quantity": -1},
        {"number": 9, "version": 1, "status": "open", "quantity": 1},
        {"number": 2, "version": 2, "status": "open", "quantity": 5},
        {"number": 10, "version": 1, "status": "open", "quantity": 1},
        {"number": 11, "version": 1, "status": "open", "quantity": 1},
    ],
]
REFUSED, DOUBTFUL, LATE = "9", "4", "10"
FATES = {str(n): "delivered" for n in range(1, 12)} | {"7": "filtered", "8": "rejected", REFUSED: "failed"}
RUNS = (("first", False), ("due", True))
STAGES: dict[str, Callable[..., Any]] = {"fetch": fetch, "transform": transform, "push": push, "settle": settle}


class Points:
    """Counts the points that are passed and ends this process at one of them."""

    last: ClassVar[int] = POINTS_END
    passed: ClassVar[Counter[str]] = Counter()

    @classmethod
    def hit(cls, sort: str) -> None:
        cls.passed[sort] += 1
        if cls.passed.total() == cls.last:
            os._exit(CRASHED)


class Stepped(Coroutine[Any, Any, Any]):
    """A coroutine each step of which is a point."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def send(self, value: Any) -> Any:
        Points.hit("await")
        return self._inner.send(value)

    def throw(self, *error: Any) -> Any:
        Points.hit("await")
        return self._inner.throw(*error)

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Any:
        return self._inner.__await__()


def around(owner: Any, name: str, sort: str) -> None:
    """The moments before and after a method's work are points."""
    inner: Callable[..., Any] = getattr(owner, name)

    def marked(*arguments: Any, **named: Any) -> Any:
        Points.hit(sort)
        result = inner(*arguments, **named)
        Points.hit(sort)
        return result

    setattr(owner, name, marked)


class TwoPages:
    class Config(Model):
        pass

    def __init__(self, config: Config, route: Route) -> None: ...

    async def pages(self, run: Run, services: Services, resume: Any = None) -> AsyncIterator[Page]:
        for number in range(resume or 0, len(PAGES)):
            await asyncio.sleep(0)
            yield Page(PAGES[number], number + 1 if number + 1 < len(PAGES) else None)


class Book:
    """A target that writes what it takes into a file: idempotency key, key and version. It refuses one entity for ever,
    does not tell of another one that it took it, and takes a third one only the second time."""

    class Config(Model):
        pass

    repeatable = True
    path: ClassVar[Path]

    def __init__(self, config: Config, route: Route) -> None: ...

    async def open(self, run: Run, services: Services) -> None: ...

    async def send(self, batch: Sequence[Outbound]) -> list[Result]:
        await asyncio.sleep(0)
        results = [self._take(outbound) for outbound in batch]
        await asyncio.sleep(0)
        return results

    def _take(self, outbound: Outbound) -> Result:
        if outbound.key == REFUSED:
            return Result("failed", reason="blocked", http_status=422)
        known = {line[0] for line in self.lines()}
        if outbound.key == LATE and f"seen {outbound.key}" not in known:
            self._write(f"seen {outbound.key}", "", 0)
            return Result("failed", reason="later", http_status=503)
        if outbound.idempotency_key not in known:
            self._write(outbound.idempotency_key, outbound.key, outbound.value["version"])
            if outbound.key == DOUBTFUL:
                return Result("in_doubt", reason="no answer")
        return Result("delivered", f"T{outbound.key}")

    def _write(self, *entry: Any) -> None:
        Points.hit("target")
        with self.path.open("ab", buffering=0) as book:
            book.write(json.dumps(entry).encode() + b"\n")
        Points.hit("target")

    @classmethod
    def lines(cls) -> list[list[Any]]:
        return [json.loads(line) for line in cls.path.read_bytes().splitlines()] if cls.path.exists() else []

    async def close(self) -> None: ...


class Nothing:
    def endpoint(self, connection: str) -> Any:
        raise AssertionError("no Connection is used here")

    def variable(self, name: str) -> str | None:
        return None


registry._BUILT_IN["incoming"]["two_pages"] = f"{__name__}:TwoPages"
registry._BUILT_IN["outgoing"]["book"] = f"{__name__}:Book"
ROUTE = Route.load(
    {
        "route": "crashing",
        "entity": {"name": "article", "key": "article.number", "version": "article.version"},
        "incoming": {"two_pages": {}},
        "transform": [
            {"filter": 'article.status != "draft"'},
            {"validate": {"schema": {"properties": {"quantity": {"minimum": 0}}}}},
        ],
        "outgoing": {"book": {}},
        "delivery": {"batch": 3, "concurrency": 2},
    }
)


class Scene:
    def __init__(self, ledger: str, folder: Path) -> None:
        self.ledger = Ledger.open(ledger)
        """Closed between the plays, so that no connection crosses a fork; it opens by itself when it is used."""
        self.database = create_engine(ledger, poolclass=NullPool)
        self.folder = folder
        self.finished = folder / "finished"
        """What the scheduler knows: the stages that have succeeded."""

    async def play(self) -> None:
        """Every stage that has not succeeded yet, in order."""
        done = self.finished.read_text().splitlines() if self.finished.exists() else []
        hours = len(done) and 0.01
        with self.ledger:
            for number, (run_id, due) in enumerate(RUNS):
                for stage in STAGES:
                    if f"{run_id} {stage}" not in done:
                        await self._stage(run_id, stage, due=due, now=NOON + (number * 4 + hours) * 3600)
                        with self.finished.open("a") as finished:
                            finished.write(f"{run_id} {stage}\n")

    async def _stage(self, run_id: str, stage: str, *, due: bool, now: float) -> None:
        run = Run(ROUTE, run_id, WINDOW, kind="manual", retry=RetryWanted() if due else None)
        staging = Staging(self.folder / "staging", ROUTE.route, run_id)
        async with Services(Nothing(), ledger=self.ledger, now=lambda: now) as services:
            told = await STAGES[stage](run, services, staging)
            if stage == "settle":
                assert told.balanced, f"{run_id}: {told.counts}"

    def crash(self, last: int) -> bool:
        """Play in a fork of this process that ends at the point ``last``. False where it came to its end before."""
        child = os.fork()
        if not child:
            code = 1
            try:
                Points.last = last
                self.stepped()
                code = 0
            finally:
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code not in (0, CRASHED):
            raise SystemExit(f"it failed at point {last} or before")
        return code == CRASHED

    def stepped(self) -> None:
        """Play, with a point at every step of every task."""
        Points.passed.clear()
        with asyncio.Runner() as runner:
            loop = runner.get_loop()
            loop.set_task_factory(lambda loop, coro, **named: asyncio.Task(Stepped(coro), loop=loop, **named))
            runner.run(self.play())

    def wrong(self) -> list[str]:
        """What is not as it must be in the end."""
        found: list[str] = []
        entity, run = tables.entity.c, tables.run.c
        with self.database.connect() as connection:
            fates = {row.key: row.status for row in connection.execute(select(entity.key, entity.status))}
            books = connection.execute(select(run.run_id, run.finished, run.counts)).all()
            claims = connection.execute(select(tables.claim.c.id)).all()
        if fates != FATES:
            found.append(f"fates {dict(sorted(set(fates.items()) ^ set(FATES.items())))}")
        for run_id, finished, counts in books:
            counted = {name: count for name, count in json.loads(counts).items() if not name.startswith("step.")}
            came = sum(counted.pop(name, 0) for name in ("fetched", "carried_in", "split_added", "deletes_emitted"))
            if finished is None or came != sum(counted.values()) or counted.get("pending") or counted.get("in_flight"):
                found.append(f"the books of {run_id}: {finished} {counts}")
        if len(books) != len(RUNS):
            found.append(f"runs {[row.run_id for row in books]}")
        if claims:
            found.append(f"claims {claims}")
        taken = [(key, version) for _, key, version in Book.lines() if version]
        wanted = {(key, 1) for key, fate in FATES.items() if fate == "delivered"} | {("2", 2)}
        if Counter(taken) != Counter(wanted):
            found.append(f"the target has taken {taken}")
        if [version for key, version in taken if key == "2"] != [1, 2]:
            found.append("2 out of order")
        return found

    def reset(self) -> None:
        for path in sorted(self.folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        with self.database.begin() as connection:
            for table in reversed(tables.metadata.sorted_tables):
                connection.execute(delete(table))


def main(ledger: str, folder: Path, step: int) -> None:
    sys.modules.setdefault("crash_scene", sys.modules["__main__"])
    Book.path = folder / "book"
    for owner, name, sort in (
        (Staging, "write", "staging"),
        (Staging, "clean", "staging"),
        (Journal, "flush", "journal"),
        (DefaultDialect, "do_commit", "commit"),
    ):
        around(owner, name, sort)
    logging.disable()
    scene = Scene(ledger, folder)
    scene.reset()
    scene.stepped()
    passed = Counter(Points.passed)
    wrong = {0: told} if (told := scene.wrong()) else {}
    gc.collect()
    gc.freeze()  # the memory of the children stays that of their parent
    crashes = 0
    for point in range(1, passed.total() + 1, step):
        scene.reset()
        crashes += scene.crash(point)
        try:
            asyncio.run(scene.play())
        except Exception as error:
            wrong[point] = [f"it does not go on: {error!r}"]
        else:
            wrong |= {point: told} if (told := scene.wrong()) else {}
    print(json.dumps({"points": passed, "crashes": crashes, "wrong": wrong}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))

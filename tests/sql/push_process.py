"""A push into a database in a process of its own, which may end without any farewell, as SIGKILL ends it.

``python push_process.py '{…}'``: see :class:`Task`. It prints the counts of what became of the run's entities.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sql_surroundings import WINDOW, Surroundings, route_of

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.outgoing.sql.transaction import BatchWriter
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging


@dataclass
class Task:
    """What a process does."""

    url: str
    folder: str
    config: dict[str, Any]
    """The options of ``outgoing.sql``."""
    count: int = 40
    batch: int = 10
    dies: str | None = None
    """``before`` or ``after`` the commit of the second batch."""


def entities(count: int) -> list[dict[str, Any]]:
    return [{"id": number, "name": f"n{number}", "lines": [{"no": 1}, {"no": 2}]} for number in range(count)]


async def work(task: Task) -> dict[str, Any]:
    """All stages of the run, from where an earlier process left it."""
    route = route_of("outgoing", task.config, delivery={"batch": task.batch, "concurrency": 2})
    run = Run(route, "run-1", WINDOW, entities=tuple(entities(task.count)))
    staging = Staging(Path(task.folder), route.route, run.run_id)
    ledger = Ledger.open(f"sqlite:///{task.folder}/ledger.db")
    async with Services(Surroundings(task.url), ledger=ledger) as services:
        fetched, transformed = staging.manifest("fetch"), staging.manifest("transform")
        if fetched is None or not fetched.complete:
            await fetch(run, services, staging)
        if transformed is None or not transformed.complete:
            await transform(run, services, staging)
        pushed = await push(run, services, staging)
        balance = await settle(run, services, staging)
    ledger.close()
    return {**pushed.counts, "balanced": balance.balanced}


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def deadly(task: Task) -> None:
    """The process ends around the commit of its second batch."""
    written = 0
    write = BatchWriter.write

    def counted(self: BatchWriter, *args: Any) -> Any:
        nonlocal written
        written += 1
        number = written
        if number == 2 and task.dies == "before":
            self._session.connection.commit = die  # type: ignore[method-assign]
        results = write(self, *args)
        if number == 2 and task.dies == "after":
            die()
        return results

    BatchWriter.write = counted  # type: ignore[assignment, method-assign]


if __name__ == "__main__":
    given = Task(**json.loads(sys.argv[1]))
    if given.dies:
        deadly(given)
    print(json.dumps(asyncio.run(work(given))))

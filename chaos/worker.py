"""One stage of one run in a process of its own, as a task of Airflow is; it may be killed at any moment."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from airflow_integrations.engine.disk_space import make_room
from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.fetch.windows import as_fetched
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.errors import IntegrationError
from airflow_integrations.http import Endpoint
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.records import RetryWanted, RunKind
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import Window

__all__ = ["Ear", "Stage", "Task", "perform"]

Stage = Literal["fetch", "transform", "push", "settle"]

READ_TIMEOUT = 2.0
RETRY_BUDGET = 0.3
"""Seconds; short, so that many faults pass the HTTP client and are the engine's to deal with."""


@dataclass(frozen=True)
class Task:
    """What a worker is to do, in plain values: it crosses to another process."""

    stage: Stage
    run_id: str
    window: Window
    route: dict[str, Any]
    servers: str
    ledger: str
    staging: Path
    kind: RunKind = "scheduled"
    retry: bool = False
    """Take over what is due and fetch nothing."""
    final: bool = False
    """Nobody will try again."""
    clock_ahead: float = 0
    """Seconds by which this worker's clock is ahead: what is due later is due now."""
    read_timeout: float = READ_TIMEOUT
    """Seconds until an answer is given up."""


class Ear(Protocol):
    """Who hears how a task goes: the other end of a pipe."""

    def send(self, told: Any, /) -> None: ...


class _Loopback:
    """Both Connections are the servers of the test."""

    def __init__(self, url: str, read_timeout: float) -> None:
        self._url = url
        self._read_timeout = read_timeout

    def endpoint(self, connection: str) -> Endpoint:
        return Endpoint(
            name=connection,
            base_url=self._url,
            read_timeout=self._read_timeout,
            connect_timeout=self._read_timeout,
            retry_budget=RETRY_BUDGET,
        )

    def variable(self, name: str) -> str | None:
        return None


async def _stage(task: Task, tell: Ear) -> dict[str, Any]:
    run = Run(
        Route.load(task.route),
        task.run_id,
        task.window,
        kind=task.kind,
        interval=task.window,
        retry=RetryWanted() if task.retry else None,
    )
    staging = Staging(task.staging, run.route.route, run.run_id)

    def progress(stage: str, counts: Mapping[str, int]) -> None:
        tell.send(("progress", sum(counts.values())))

    def now() -> float:
        return time.time() + task.clock_ahead

    with Ledger.open(task.ledger) as ledger:
        async with Services(
            _Loopback(task.servers, task.read_timeout), progress=progress, ledger=ledger, now=now
        ) as services:
            if task.stage == "fetch":
                await make_room(services, staging)
                return {"counts": (await fetch(run, services, staging)).counts}
            run = as_fetched(run, staging)
            if task.stage == "transform":
                return {"counts": (await transform(run, services, staging)).counts}
            if task.stage == "push":
                return {"counts": (await push(run, services, staging, final=task.final)).counts}
            balance = await settle(run, services, staging)
            return {"counts": balance.counts, "balanced": balance.balanced}


def perform(task: Task, tell: Ear) -> None:
    """Do the task and tell of it: ``("progress", count)`` as it goes, in the end ``("done", result)``, or
    ``("failed", message)`` where Airflow would try again."""
    logging.basicConfig(level=logging.CRITICAL)
    try:
        tell.send(("done", asyncio.run(_stage(task, tell))))
    except (IntegrationError, OSError) as error:
        tell.send(("failed", f"{type(error).__name__}: {error}"))

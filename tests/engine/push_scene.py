"""Runs of one route with one ledger, against a target in memory that answers as a test wants it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from engine_kinds import Clock, MemoryIncoming, MemoryOutgoing, all_delivered

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.balance import Balance
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.errors import OutageError
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging

MakeRun = Callable[..., Run]
REPEATABLE = {"outgoing": {"memory": {"repeatable": True}}}


class Scene:
    """Runs of one route, one after the other or at once, with one ledger."""

    def __init__(self, make_run: MakeRun, services: Services, folder: Path) -> None:
        self.make_run = make_run
        self.services = services
        self.folder = folder
        self.number = 0

    def staging(self, run: Run) -> Staging:
        return Staging(self.folder, "orders", run.run_id)

    async def run(self, *records: Any, route: dict[str, Any] | None = None, **asked: Any) -> Balance:
        self.number += 1
        run = self.make_run(route=route, run_id=f"run-{self.number}", **asked)
        return await self.whole(run, *records)

    async def whole(self, run: Run, *records: Any, final: bool = True) -> Balance:
        staging = self.staging(run)
        MemoryIncoming.pages_to_give = [list(records)]
        fetched = await fetch(run, self.services, staging)
        if fetched.segments:
            await transform(run, self.services, staging)
        await push(run, self.services, staging, final=final)
        return await settle(run, self.services, staging)


_BESIDE = ("fetched", "carried_in", "superseded")
"""What is due of earlier states goes along, and is passed over beside a newer one."""


class Sends:
    """Sends states one run after the other, and remembers what reached the target under which key."""

    def __init__(self, scene: Scene, clock: Clock, route: dict[str, Any] | None) -> None:
        self.scene, self.clock, self.route = scene, clock, route
        self.came: list[tuple[str, str]] = []

    async def state(self, content: str, answer: Any = all_delivered, **more: Any) -> dict[str, int]:
        self.clock.now += 45  # longer than a circuit is open at first

        def noted(batch: Sequence[Outbound]) -> list[Result]:
            self.came += [(outbound.value["state"], outbound.idempotency_key) for outbound in batch]
            found: list[Result] = answer(batch)
            return found

        MemoryOutgoing.answer = noted
        balance = await self.scene.run(order(1, state=content, **more), route=self.route)
        return {name: count for name, count in balance.counts.items() if count and name not in _BESIDE}

    @property
    def states(self) -> list[str]:
        return [state for state, _ in self.came]


def order(number: Any, **fields: Any) -> dict[str, Any]:
    return {"number": number, **fields}


def sent() -> list[str]:
    keys = [outbound.key for batch in MemoryOutgoing.sent for outbound in batch]
    MemoryOutgoing.sent = []
    return keys


def answering(status: Any, **told: Any) -> Callable[[Sequence[Outbound]], list[Result]]:
    return lambda batch: [Result(status, **told) for _ in batch]


def away(batch: Sequence[Outbound]) -> list[Result]:
    raise OutageError("connection refused")

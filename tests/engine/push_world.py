"""A route, its ledger and its target, through runs that are stopped, killed, cleared and run at once."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import random
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine_kinds import Clock, MemoryIncoming, MemoryOutgoing, NoConnections
from push_target import ATTEMPT, Attempt, Target, Visit

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.balance import Balance
from airflow_integrations.engine.settle.recovery import recover
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.errors import OutageError
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.maintenance.due_routes import due_routes
from airflow_integrations.ledger.maintenance.expiry import expire
from airflow_integrations.ledger.records import RetryWanted
from airflow_integrations.ledger.runs.carry_over import lapsed_runs
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import Window

MakeRun = Callable[..., Run]
Contents = dict[str, list[int]]
PUSH_ALONE = {"transform": {"queue": "large"}}
"""Of ``tasks``: transform runs elsewhere, so the tasks of push leave it to one process."""
WINDOW = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))


async def at_once(work: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """For ``asyncio.to_thread``: others come between, and one example always goes the same way."""
    await asyncio.sleep(0)
    return work(*given, **named)


class Killed(Exception):
    """Whatever a dead process still tries."""


class MortalLedger:
    """A ledger as one process has it: after its death nothing reaches it."""

    def __init__(self, ledger: Ledger, attempt: Attempt, loop: asyncio.AbstractEventLoop) -> None:
        self._ledger, self._attempt, self._loop = ledger, attempt, loop

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._ledger, name)
        return functools.partial(self._call, real) if callable(real) else real

    def _call(self, real: Callable[..., Any], *given: Any, **named: Any) -> Any:
        attempt = self._attempt
        if attempt.dead:
            raise Killed
        attempt.calls += 1
        dies = attempt.calls == attempt.visit.dies_at
        if dies and attempt.calls % 2:
            attempt.die(self._loop)
            raise Killed
        result = real(*given, **named)
        if dies:
            attempt.die(self._loop)
            raise Killed
        return result


class World:
    """``contents[key][version - 1]`` is what a state of an entity says."""

    def __init__(
        self,
        make_run: MakeRun,
        ledger: Ledger,
        folder: Path,
        contents: Contents,
        *,
        honours: bool,
        parts: int = 1,
        shares: bool = True,
    ) -> None:
        self.make_run = make_run
        self.shares = shares
        self.parts = parts
        self.folder = folder
        self.contents = contents
        self.clock = Clock()
        self.ledger = ledger
        self.target = Target(honours)
        self.routes: dict[str, Route] = {}
        self.newest: dict[str, int] = {}
        self.settled: dict[str, Balance] = {}
        self.begun: dict[str, Visit] = {}
        self.fetching = asyncio.Lock()
        self.rng = random.Random(1)
        MemoryOutgoing.answer = self.target.answer

    def staging(self, run_id: str) -> Staging:
        return Staging(self.folder, "orders", run_id)

    def run(self, run_id: str, visit: Visit, **asked: Any) -> Run:
        if run_id not in self.routes:
            self.routes[run_id] = self._route(visit)
        return Run(self.routes[run_id], run_id, WINDOW, **asked)

    def _route(self, visit: Visit) -> Route:
        route = {
            "entity": {"name": "order", "key": "order.number", "version": "order.version"},
            "transform": [{"map": {"content": "order.content"}}],
            "tasks": {"spread_above": 0, **({} if self.shares else PUSH_ALONE)},
            "outgoing": {"memory": {"repeatable": self.target.honours}},
            "delivery": {
                "batch": visit.batch,
                "concurrency": visit.concurrency,
                "retry": {"attempts": 4, "delay": "1m", "on": [409]},
            },
        }
        return self.make_run(route=route).route

    def services(self, attempt: Attempt) -> Services:
        ledger: Any = MortalLedger(self.ledger, attempt, asyncio.get_running_loop())
        return Services(NoConnections(), now=self.clock, ledger=ledger, rng=self.rng)

    async def visit(self, run_id: str, visit: Visit, **asked: Any) -> None:
        """A run from its beginning, with the route as it then is; one that was there before is cleared, and its source
        still has what it had. Of a target that must not get anything twice only the push is cleared: whoever lets a run
        fetch again asks for all that it left open."""
        if run_id in self.begun:
            if not self.target.honours:
                await self.send(run_id, visit, **asked)
                return
            visit = replace(visit, states=self.begun[run_id].states + visit.states)
        self.routes.pop(run_id, None)
        run, staging = self.run(run_id, visit, **asked), self.staging(run_id)
        services = self.services(Attempt(Visit()))
        async with self.fetching:
            records = [{"number": k, "version": v, "content": self.contents[k][v - 1]} for k, v in visit.states]
            MemoryIncoming.pages_to_give = [records]
            fetched = await fetch(run, services, staging)
            if fetched.segments:
                await transform(run, services, staging, spread=self.parts)
        self.begun[run_id] = visit
        self.settled.pop(run_id, None)
        for key, version in visit.states:
            self.newest[key] = max(version, self.newest.get(key, 0))
        await self.send(run_id, visit, **asked)

    async def send(self, run_id: str, visit: Visit, **asked: Any) -> None:
        """The push of a run, and its end: also that of one that was pushed before. Parts of it are pushed at the same
        time, and the one dies that has more states."""
        dying = sum(version for _, version in visit.states) % self.parts
        attempts = [
            Attempt(visit if part == dying else replace(visit, dies_at=None), list(visit.answers))
            for part in range(self.parts)
        ]
        ended = await asyncio.gather(
            *(
                asyncio.create_task(self._mortal(attempt, run_id, self.run(run_id, visit, **asked), part))
                for part, attempt in enumerate(attempts)
            )
        )
        if all(ended) and visit.settles:
            await self.settle(run_id, **asked)

    async def settle(self, run_id: str, **asked: Any) -> None:
        run = self.run(run_id, self.begun.get(run_id, Visit()), **asked)
        self.settled[run_id] = await settle(run, self.services(Attempt(Visit())), self.staging(run_id))

    async def _push(self, attempt: Attempt, run: Run, part: int) -> None:
        services, staging = self.services(attempt), self.staging(run.run_id)
        with contextlib.suppress(OutageError):
            await push(run, services, staging, attempt.stop, final=attempt.visit.final, part=part)

    async def _mortal(self, attempt: Attempt, run_id: str, run: Run, part: int) -> bool:
        """Push until it ends or is killed. Of a death nothing but what was on disk then remains."""
        ATTEMPT.set(attempt)
        task = asyncio.create_task(self._push(attempt, run, part))
        dying = asyncio.create_task(attempt.died.wait())
        await asyncio.wait({task, dying}, return_when=asyncio.FIRST_COMPLETED)
        if not attempt.dead:
            dying.cancel()
            await task
            return True
        folder = self.staging(run_id).folder
        kept = {path: path.read_bytes() for path in self._files(folder, part)}
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        for path in self._files(folder, part):
            path.unlink()
        for path, content in kept.items():
            path.write_bytes(content)
        return False

    def _files(self, folder: Path, part: int) -> list[Path]:
        """What the task of this part writes; of a run with one part: all that is there."""
        if self.parts == 1:
            return list(folder.iterdir())
        which = f"p{part}" if part else "0"
        own = [f"{name}-{which}" for name in ("push-exchanges", "transform", "problems-transform", "filtered")]
        own += [f"{name}-p{part}." if part else f"{name}." for name in ("push", "share")]
        return [path for path in folder.iterdir() if path.name.startswith(tuple(own))]

    async def together(self, *works: Coroutine[Any, Any, None]) -> None:
        await asyncio.gather(*(asyncio.create_task(work) for work in works))

    async def maintain(self) -> None:
        """What the maintenance does: runs that died are settled, deadlines pass."""
        expire(self.ledger, self.clock.now)
        services = self.services(Attempt(Visit()))
        for lapsed in lapsed_runs(self.ledger, "orders", self.clock.now):
            run_id = lapsed.run.run_id
            route = self.run(run_id, self.begun[run_id]).route
            balance = await recover(route, lapsed, services, self.staging("any"))
            if balance is not None:
                self.settled[run_id] = balance

    async def calm(self) -> None:
        """The target is well, nobody dies any more: every run ends, and what is due is retried until nothing is."""
        self.clock.now += 7200
        await self.maintain()
        for number, (run_id, visit) in enumerate(self.begun.items()):
            if run_id not in self.settled:
                if number % 2:
                    await self.send(run_id, Visit(batch=visit.batch, concurrency=visit.concurrency))
                else:
                    await self.settle(run_id)
            if self.settled[run_id].counts["pending"]:  # a part did not come through transform: somebody clears it
                await self.send(run_id, Visit(batch=visit.batch, concurrency=visit.concurrency))
        for number in itertools.count():
            self.clock.now += 7200
            await self.maintain()
            if not due_routes(self.ledger, self.clock.now):
                return
            assert number < 12, "something is due for ever"
            await self.visit(f"calm-{number}", Visit(batch=2), retry=RetryWanted())

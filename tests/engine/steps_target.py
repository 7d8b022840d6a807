"""A target that is told of an entity in three requests, and the route that tells it."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from push_target import Attempt, Visit
from push_world import MortalLedger, World

from airflow_integrations.engine.push.push import push
from airflow_integrations.errors import OutageError
from airflow_integrations.formats.json import decode
from airflow_integrations.http import Endpoint
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.simulate.replay_client import ReplayClient

HELD = ("ok", "refuse", "conflict", "away", "throttle", "lost", "kill", "kill_before", "silent")
ANSWERS = (*HELD, "broken")
"""What the target says to a request. ``lost``, ``kill``, ``broken``: it has taken it, and nobody hears of it; ``kill``:
the process dies of it, ``kill_before``: and it was not taken. ``silent``: neither taken nor answered. Besides:
``hang``: taken, and the answer never comes."""

PATHS = ("/first", "/second", "/third")


@dataclass
class Effect:
    content: int
    number: int
    """The target's id of it."""
    seen: Any
    """What the request says of the results before it."""
    keyed: str


class StepTarget:
    """With ``honours`` it answers a request whose idempotency key it knows as it did before, and does nothing."""

    def __init__(self, honours: bool) -> None:
        self.honours = honours
        self.effects: dict[str, dict[str, list[Effect]]] = {path: defaultdict(list) for path in PATHS}
        self.answered: dict[tuple[str, str], Effect] = {}
        self.disturbed: dict[str, dict[str, set[int]]] = {path: defaultdict(set) for path in PATHS}
        """By path and key: behind how many effects other content was sent that might have had one."""
        self.numbers = 0
        self.asked: list[str] = []
        """The paths of all requests."""

    async def handle(self, attempt: Attempt, request: web.BaseRequest) -> web.StreamResponse:
        if attempt.dead:
            await asyncio.Event().wait()
        told = decode(await request.read())
        self.asked.append(request.path)
        answer = attempt.answers.pop(0) if attempt.answers else "ok"
        attempt.batches += 1
        if attempt.batches == attempt.visit.stops_at:
            attempt.stop.set()
        for path in PATHS:
            has = self.effects[path][told["key"]]
            if has and has[-1].content != told["content"]:
                self.disturbed[path][told["key"]].add(len(has))
        if answer in ("refuse", "conflict", "away", "throttle"):
            return web.Response(status={"refuse": 422, "conflict": 409, "away": 503, "throttle": 429}[answer])
        if answer == "kill_before":
            attempt.die(asyncio.get_running_loop())
            await asyncio.Event().wait()
        if answer == "silent":
            return self._cut(request)
        effect = self._take(request.path, told, request.headers.get("Idempotency-Key", ""))
        if answer == "hang":
            await asyncio.Event().wait()
        if answer == "kill":
            attempt.die(asyncio.get_running_loop())
            await asyncio.Event().wait()
        if answer == "lost":
            return self._cut(request)
        if answer == "broken":
            return web.Response(status=500)
        return web.json_response({"id": effect.number})

    def _cut(self, request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    def _take(self, path: str, told: dict[str, Any], keyed: str) -> Effect:
        if self.honours and (known := self.answered.get((path, keyed))) is not None:
            return known
        self.numbers += 1
        effect = Effect(told["content"], self.numbers, told.get("seen"), keyed)
        if path != PATHS[0]:
            before = self.effects[PATHS[PATHS.index(path) - 1]][told["key"]]
            assert before, f"{path} came before the step in front of it"
            assert before[-1].content == told["content"], f"{path} is about other content than the step before it"
            assert before[-1].number == told["seen"], f"{path} has another result than the step before it gave"
        self.effects[path][told["key"]].append(effect)
        self.answered[(path, keyed)] = effect
        return effect


class StepConnections:
    def endpoint(self, connection: str) -> Endpoint:
        return Endpoint(connection, "http://erp.test", retry_budget=0)

    def variable(self, name: str) -> str | None:
        return None


class StepServices(Services):
    def __init__(self, target: StepTarget, attempt: Attempt, **given: Any) -> None:
        super().__init__(StepConnections(), **given)
        self._target, self._attempt = target, attempt

    async def client(self, connection: str) -> Any:
        if connection not in self._clients:
            target, attempt = self._target, self._attempt

            async def handle(request: web.BaseRequest) -> web.StreamResponse:
                return await target.handle(attempt, request)

            client = ReplayClient(
                self.connections.endpoint(connection),
                handle,
                sleep=self.sleep,
                now=self.now,
                rng=self.rng,
                log=self.log,
            )
            self._clients[connection] = await self._stack.enter_async_context(client)
        return self._clients[connection]


def steps(honours: bool) -> list[dict[str, Any]]:
    told = {"key": "order.number", "content": "order.content"}
    return [
        {"name": "first_id", "path": "/first", "body": told, "result": "body.id", "idempotent": honours},
        {
            "name": "second_id",
            "path": "/second",
            "body": {**told, "seen": "first_id"},
            "result": "body.id",
            "idempotent": honours,
        },
        {"path": "/third", "body": {**told, "seen": "second_id"}, "idempotent": honours},
    ]


class StepWorld(World):
    """As :class:`World`, towards a target that is told in steps."""

    def __init__(self, *given: Any, honours: bool) -> None:
        super().__init__(*given, honours=honours)
        self.told: Any = StepTarget(honours)

    def _route(self, visit: Visit) -> Route:
        route = {
            "entity": {"name": "order", "key": "order.number", "version": "order.version"},
            "transform": [{"map": {"number": "order.number", "content": "order.content"}}],
            "outgoing": {"http": {"connection": "erp", "steps": steps(self.target.honours), "target_id": "first_id"}},
            "delivery": {
                "concurrency": visit.concurrency,
                "retry": {"attempts": 6, "delay": "1m", "on": [409]},
            },
        }
        return self.make_run(route=route).route

    def services(self, attempt: Attempt) -> Services:
        ledger: Any = MortalLedger(self.ledger, attempt, asyncio.get_running_loop())

        async def no_time(seconds: float) -> None:
            await asyncio.sleep(0)

        return StepServices(self.told, attempt, now=self.clock, ledger=ledger, rng=random.Random(1), sleep=no_time)

    async def _push(self, attempt: Attempt, run: Run, part: int) -> None:
        services, staging = self.services(attempt), self.staging(run.run_id)
        with contextlib.suppress(OutageError):
            async with services:
                await push(run, services, staging, attempt.stop, final=attempt.visit.final)

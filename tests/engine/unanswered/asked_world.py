"""A service that is asked for orders, and a route's runs, stage after stage."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from engine_kinds import Clock

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.http import Endpoint
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.queries.entities import where
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import Window

WINDOW = Window.parse("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")


class Service:
    """Answers at ``url``; without retries, so that each refusal counts."""

    url = ""

    def endpoint(self, connection: str) -> Endpoint:
        return Endpoint(connection, self.url, retry_budget=0)

    def variable(self, name: str) -> str | None:
        return None

    @asynccontextmanager
    async def answering(
        self, handlers: Mapping[str, Callable[[web.Request], Awaitable[web.Response]]]
    ) -> AsyncIterator[None]:
        app = web.Application()
        for path, handler in handlers.items():
            app.router.add_get(path, handler)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield
        finally:
            await runner.cleanup()


class AskedWorld:
    """Runs of the route ``orders``, whose ``definition`` lacks what all of these tests have in common."""

    def __init__(self, service: Service, url: str, folder: Path) -> None:
        self.service, self.clock, self.ledger, self.folder = service, Clock(), Ledger.open(url), folder
        self.number, self.window = 0, WINDOW
        self.load()

    def load(self, **definition: Any) -> None:
        self.route = Route.load(
            {
                "route": "orders",
                "entity": {"name": "order", "key": "order.id"},
                "schedule": {"every": "1h"},
                "outgoing": {"memory": {}},
                "delivery": {"retry": {"attempts": 5, "delay": "10m", "max_delay": "10m"}},
                **definition,
            }
        )

    def begin(self, number: int | None = None) -> tuple[Run, Staging]:
        self.number = number or self.number + 1
        run = Run(self.route, f"run-{self.number}", self.window, kind="scheduled")
        return run, Staging(self.folder / "staging", "orders", run.run_id)

    def services(self) -> Services:
        return Services(self.service, now=self.clock, ledger=self.ledger)

    async def fetched_run(self, number: int | None = None) -> dict[str, int]:
        """A run, or one more attempt of it: what its balance has."""
        run, staging = self.begin(number)
        self.clock.now += 1
        async with self.services() as services:
            await fetch(run, services, staging)
            await transform(run, services, staging)
            return await self.rest(run, services, staging)

    async def rest(self, run: Run, services: Services, staging: Staging) -> dict[str, int]:
        await push(run, services, staging)
        balance = await settle(run, services, staging)
        assert balance.balanced, balance.lines()
        return {name: count for name, count in balance.counts.items() if count}

    def entity(self, key: str) -> Any:
        return where(self.ledger, "orders", key, self.clock())

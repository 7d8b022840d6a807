"""A source on loopback and everything a fetch needs around it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from airflow_integrations.errors import PostponedError
from airflow_integrations.http import Endpoint
from airflow_integrations.incoming import Page
from airflow_integrations.incoming.http.source import HttpIncoming
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.window import Window

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Source:
    """A server, and fetches from it. Sleeping takes no time."""

    def __init__(self) -> None:
        self.requests: list[web.Request] = []
        self.slept: list[float] = []
        self.options: dict[str, Any] = {"retry_budget": 20.0}
        self.variables = {"plant": "M1"}
        self.url = ""
        self.now = time.time

    def endpoint(self, connection: str) -> Endpoint:
        return Endpoint(connection, self.url, **self.options)

    def variable(self, name: str) -> str | None:
        return self.variables.get(name)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)

    @asynccontextmanager
    async def serving(self, handler: Handler) -> AsyncIterator[None]:
        async def note(request: web.Request) -> web.StreamResponse:
            self.requests.append(request)
            return await handler(request)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", note)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield
        finally:
            await runner.cleanup()

    def run(self, config: dict[str, Any], **more: Any) -> Run:
        """A run of a route with this incoming, over the last day of January."""
        asked = {"path": "/orders", **config}
        if asked["path"] is None:
            del asked["path"]
        route = Route.load(
            {
                "route": "orders",
                "entity": {"name": "order", "key": "order.id"},
                "params": {"shop": "a/b", "nothing": None},
                "incoming": {"http": {"connection": "shop", **asked}},
                "outgoing": {"none": {}},
                **more,
            }
        )
        window = Window(datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
        return Run(route, "manual", window, params=route.params)

    async def pages(self, config: dict[str, Any], *, resume: Any = None, most: int | None = None) -> list[Page]:
        """The pages of a fetch; ``most`` closes it after so many."""
        run = self.run(config)
        incoming = HttpIncoming(run.route.incoming.config, run.route)
        pages: list[Page] = []
        async with (
            Services(self, sleep=self.sleep, now=self.now) as services,
            aclosing(incoming.pages(run, services, resume)) as found,
        ):
            async for page in found:
                pages.append(page)
                if len(pages) == most:
                    break
        return pages

    async def until_postponed(self, config: dict[str, Any], *, resume: Any = None) -> tuple[list[Page], PostponedError]:
        """The pages of a fetch that need not wait for what takes over half a minute, and what it ended with."""
        run = self.run(config)
        incoming = HttpIncoming(run.route.incoming.config, run.route)
        pages: list[Page] = []
        async with Services(self, sleep=self.sleep, now=self.now) as services:
            services.waits_at_most = 30.0
            try:
                async with aclosing(incoming.pages(run, services, resume)) as found:
                    while True:
                        pages.append(await anext(found))
            except PostponedError as error:
                return pages, error

    async def records(self, config: dict[str, Any], **options: Any) -> list[Any]:
        return [record for page in await self.pages(config, **options) for record in page.values()]


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture(scope="session")
def new_source() -> type[Source]:
    return Source

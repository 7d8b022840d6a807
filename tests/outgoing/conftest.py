"""A real target, and an outgoing that is opened towards it."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from outgoing_target import WINDOW, Opening, Surroundings, Target, route_of

from airflow_integrations.outgoing.http.target import HttpOutgoing
from airflow_integrations.run import Run, Services


@pytest.fixture
async def target() -> AsyncIterator[Target]:
    target = Target()
    app = web.Application(client_max_size=1 << 26)
    app.router.add_route("*", "/{tail:.*}", target.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    target.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield target
    await runner.cleanup()


@pytest.fixture
def opened(target: Target) -> Opening:
    """``async with opened({…options}, batch=…) as outgoing``; waits take no time but count against the budget."""

    @asynccontextmanager
    async def open_outgoing(
        options: dict[str, Any],
        *,
        batch: int = 1,
        params: dict[str, Any] | None = None,
        variables: dict[str, str] | None = None,
        **endpoint: Any,
    ) -> AsyncIterator[HttpOutgoing]:
        async def no_time(seconds: float) -> None:
            slept.append(seconds)

        slept: list[float] = []
        route = route_of(batch=batch)
        config = HttpOutgoing.Config.model_validate({"connection": "erp", **options})
        surroundings = Surroundings(target.url, {"retry_budget": 5.0, **endpoint}, variables or {})
        run = Run(route, "run-1", WINDOW, params or {})
        async with Services(surroundings, sleep=no_time, rng=random.Random(1)) as services:
            outgoing = HttpOutgoing(config, route)
            await outgoing.open(run, services)
            try:
                yield outgoing
            finally:
                await outgoing.close()

    return open_outgoing

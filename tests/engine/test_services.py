"""The surroundings of a stage."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from aiohttp import web

from airflow_integrations.http import Endpoint, Request
from airflow_integrations.run import Services


class Counting:
    asked = 0

    def endpoint(self, connection: str) -> Endpoint:
        self.asked += 1
        return Endpoint(connection, "http://127.0.0.1:9")

    def variable(self, name: str) -> str | None:
        return None


async def test_a_connection_has_one_client_whoever_asks_first() -> None:
    """Two would have twice the pace and twice the connections that the Connection allows."""
    connections = Counting()
    async with Services(connections) as services:
        clients = await asyncio.gather(*(services.client("shop") for _ in range(5)), services.client("erp"))
    assert len({id(client) for client in clients}) == 2
    assert connections.asked == 2


async def test_the_log_tells_what_was_asked_of_each_connection_since_it_told_last(
    caplog: pytest.LogCaptureFixture,
) -> None:
    statuses = [503, 200, 200]

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=statuses.pop(0) if statuses else 200, body=b"x" * 1000)

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"

    class One:
        def endpoint(self, connection: str) -> Endpoint:
            return Endpoint(connection, url)

        def variable(self, name: str) -> str | None:
            return None

    async def at_once(seconds: float) -> None:
        await asyncio.sleep(0)

    told: list[Any] = []
    try:
        async with Services(One(), sleep=at_once) as services:
            client = await services.client("shop")
            with caplog.at_level(logging.INFO, "airflow_integrations"):
                for asked in (2, 1, 0):
                    for _ in range(asked):
                        await client.send(Request("GET", "/"))
                    caplog.clear()
                    services.log_traffic()
                    told.append(caplog.messages[:])
    finally:
        await runner.cleanup()
    (first,), (second,), third = told
    assert first.startswith("Connection shop: 3 requests, 1 retry, 3.0 KB received, ")
    assert first.endswith(" s waited")
    assert second.startswith("Connection shop: 1 request, 1.0 KB received, ")
    assert third == []

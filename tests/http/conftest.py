"""Real servers on loopback, and a clock that only moves when somebody sleeps."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from airflow_integrations.http import Endpoint, HttpClient

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Clock:
    """Sleeping takes no time and is written down."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
        await asyncio.sleep(0)

    def now(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[Handler], Awaitable[str]]]:
    """Starts a server for one handler and returns its URL."""
    runners = []

    async def start(handler: Handler) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def wire() -> AsyncIterator[Callable[..., Awaitable[str]]]:
    """Starts a server that answers each connection with the next of some raw bytes and then hangs up.

    ``None`` hangs up without a byte; an Ellipsis says nothing and stays.
    """
    servers = []
    ends = asyncio.Event()

    async def start(*scripts: object) -> str:
        left = list(scripts)

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            script = left.pop(0) if len(left) > 1 else left[0]
            head = await reader.readuntil(b"\r\n\r\n")
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    await reader.readexactly(int(line.split(b":")[1]))
            if script is ...:
                await ends.wait()
            elif isinstance(script, bytes):
                writer.write(script)
                await writer.drain()
            writer.close()

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    yield start
    ends.set()
    for server in servers:
        server.close()
        await server.wait_closed()


@pytest.fixture
async def connect(clock: Clock) -> AsyncIterator[Callable[..., Awaitable[HttpClient]]]:
    """Opens a client with the test's clock and fixed dice."""
    clients = []

    async def start(url: str, **options: object) -> HttpClient:
        client = HttpClient(Endpoint("shop", url, **options), sleep=clock.sleep, now=clock.now, rng=random.Random(7))  # type: ignore[arg-type]
        clients.append(await client.__aenter__())
        return client

    yield start
    for client in clients:
        await client.__aexit__(None, None, None)

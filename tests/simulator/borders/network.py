"""The network: what the HTTP client's session asks arrives at a server of this world, or does not, or twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from airflow_integrations.http.endpoint import Endpoint
from simulator.borders.process import Process, reach

__all__ = ["Asked", "Network", "Reply", "Server", "WorldConnections"]


@dataclass(slots=True)
class Asked:
    """A request as it arrives."""

    method: str
    url: URL
    headers: CIMultiDict[str]
    body: bytes


@dataclass(slots=True)
class Reply:
    """What a server answers, ``delay`` seconds after it has done what was asked. ``broken``: how the connection ends
    before the whole answer is there."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    broken: str | None = None
    """``reset``, ``silent``, ``cut``, or ``kill``: whoever asked dies."""


Server = Callable[[Asked], Reply]


_ENDPOINTS = {
    name: Endpoint(name, f"http://{name}", read_timeout=10.0, retry_budget=20.0)
    for name in ("source", "target", "source-of-customers", "target-of-customers", "target-of-feed")
}


class WorldConnections:
    """Those of a world; it has no Variables."""

    def endpoint(self, connection: str) -> Endpoint:
        return _ENDPOINTS[connection]

    def variable(self, name: str) -> str | None:
        return None


class Network:
    """Servers by host name. ``outside`` is the context of the world, in which nothing dies."""

    def __init__(self, servers: dict[str, Server], latency: Callable[[], float], outside: Context) -> None:
        self.servers = servers
        self.latency = latency
        self.outside = outside
        self.unreachable: set[str] = set()

    def open_session(self, endpoint: Endpoint) -> Any:
        """Stands for :func:`airflow_integrations.http.session.open_session`."""
        return _Session(self, endpoint)


class _Session:
    def __init__(self, network: Network, endpoint: Endpoint) -> None:
        self._network = network
        self._endpoint = endpoint
        self._headers = dict(endpoint.headers)

    async def close(self) -> None:
        return None

    async def request(self, method: str, url: URL, *, body: bytes | None, headers: dict[str, str]) -> _Response:
        network, loop = self._network, asyncio.get_running_loop()
        process = reach("request")
        await asyncio.sleep(network.latency())
        host = url.host or ""
        if host in network.unreachable:
            raise aiohttp.ConnectionTimeoutError("nobody listens there")
        asked = Asked(method, url, CIMultiDict({**self._headers, **headers}), body or b"")
        heard: asyncio.Future[Reply] = loop.create_future()

        def arrive() -> None:
            reply = network.servers[host](asked)
            if reply.broken == "kill" and process is not None and process.alive:
                process.die("when its request had arrived")
                return
            pause = network.latency() + reply.delay
            loop.call_later(pause, answer, reply, context=network.outside)

        def answer(reply: Reply) -> None:
            if not heard.done():
                heard.set_result(reply)

        loop.call_later(network.latency(), arrive, context=network.outside)
        try:
            async with asyncio.timeout(self._endpoint.read_timeout):
                reply = await heard
                if reply.broken == "silent":
                    await loop.create_future()
        except TimeoutError:
            raise aiohttp.SocketTimeoutError("no answer") from None
        if reply.broken == "reset":
            raise aiohttp.ServerDisconnectedError
        return _Response(method, url, reply, process)


class _Response:
    """What the client reads of aiohttp's."""

    def __init__(self, method: str, url: URL, reply: Reply, process: Process | None) -> None:
        self.method = method
        self.url = url
        self.status = reply.status
        self.headers = CIMultiDict({"Content-Type": "application/json", **reply.headers})
        self.content_length = len(reply.body)
        self.content = self
        self.closed = False
        self._reply = reply
        self._process = process
        if process is not None:
            process.opened += 1

    def is_eof(self) -> bool:
        return self._reply.broken is None

    def read_nowait(self) -> bytes:
        return self._reply.body

    async def iter_any(self) -> AsyncIterator[bytes]:
        await asyncio.sleep(0)
        if self._reply.broken == "cut":
            yield self._reply.body[: len(self._reply.body) // 2]
            raise aiohttp.ClientPayloadError("the answer ended in the middle")
        yield self._reply.body

    def release(self) -> None:
        if not self.closed and self._process is not None:
            self._process.opened -= 1
        self.closed = True

    close = release

"""An HTTP server that is reached without a socket: aiohttp's own client and server, joined in memory.

So a route test drives the real client (retries, redirects, paging, decoding), and nothing leaves the process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.client_proto import ResponseHandler

__all__ = ["Handler", "MemoryConnector"]

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class _Pipe(asyncio.Transport):
    """One end of a connection: what is written here arrives at the protocol of the other end."""

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: asyncio.Protocol) -> None:
        super().__init__({"peername": ("memory", 0), "sockname": ("memory", 0)})
        self._loop = loop
        self._protocol = protocol
        self._closing = False
        self.other: _Pipe

    def write(self, data: Any) -> None:
        if not self._closing:
            self._loop.call_soon(self.other._arrive, bytes(data))

    def _arrive(self, data: bytes) -> None:
        if not self._closing:
            self._protocol.data_received(data)

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._loop.call_soon(self._protocol.connection_lost, None)
            self._loop.call_soon(self.other.close)

    abort = close

    def is_closing(self) -> bool:
        return self._closing

    def can_write_eof(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is ever buffered here."""

    def pause_reading(self) -> None:
        """Bodies in tests are small: the reader's own buffer takes them."""

    def resume_reading(self) -> None:
        """See :meth:`pause_reading`."""


def _request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
    """A request whose body may be as large as the route likes."""
    return web.BaseRequest(
        message, payload, protocol, writer, task, asyncio.get_running_loop(), client_max_size=1 << 40
    )


class MemoryConnector(aiohttp.BaseConnector):
    """Give it to an ``aiohttp.ClientSession``: every request, of whatever host, is answered by ``handler``, which is
    cancelled where nobody waits for its answer any more."""

    def __init__(self, handler: Handler) -> None:
        super().__init__(force_close=True)
        self._server = web.Server(handler, request_factory=_request, access_log=None, handler_cancellation=True)

    async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> ResponseHandler:  # noqa: ASYNC109
        loop = asyncio.get_running_loop()
        client, server = ResponseHandler(loop=loop), self._server()
        near, far = _Pipe(loop, client), _Pipe(loop, server)
        near.other, far.other = far, near
        server.connection_made(far)
        client.connection_made(near)
        return client

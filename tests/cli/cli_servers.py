"""A shop and a warehouse over real HTTP, in a thread: the commands under test run an event loop of their own."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

PASSWORD = "s3cret-pa55word"
TOKEN = "t0p-secret-token"


@dataclass
class Heard:
    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Systems:
    """``orders`` are paged two at a time; whatever is POSTed to ``/documents`` is kept."""

    orders: list[dict[str, Any]] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    documents: list[Any] = field(default_factory=list)
    status: int = 201
    head_status: int = 200
    date: str | None = None
    delay: float = 0.0
    said: str | None = None
    """What requests for orders are answered with 400, and documents with ``status``; None: they get what they ask."""
    failing: int = 0
    """So many of the next requests for orders are answered 503."""
    port: int = 0

    def __enter__(self) -> Self:
        ready = threading.Event()
        self._loop = asyncio.new_event_loop()

        def serve() -> None:
            asyncio.set_event_loop(self._loop)
            runner = web.AppRunner(self._app(), access_log=None)
            self._loop.run_until_complete(runner.setup())
            site = web.TCPSite(runner, "127.0.0.1", 0)
            self._loop.run_until_complete(site.start())
            self.port = runner.addresses[0][1]
            ready.set()
            self._loop.run_forever()
            self._loop.run_until_complete(runner.cleanup())
            self._loop.close()

        self._thread = threading.Thread(target=serve, daemon=True)
        self._thread.start()
        assert ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("HEAD", "/", self._head)
        app.router.add_get("/orders", self._orders, allow_head=False)
        app.router.add_post("/documents", self._document)
        return app

    async def _keep(self, request: web.Request) -> Any:
        body = await request.json() if request.can_read_body else None
        self.heard.append(Heard(request.method, request.path_qs, dict(request.headers), body))
        return body

    async def _head(self, request: web.Request) -> web.Response:
        await self._keep(request)
        return web.Response(status=self.head_status, headers={"Date": self.date} if self.date else {})

    async def _orders(self, request: web.Request) -> web.Response:
        await self._keep(request)
        if self.failing:
            self.failing -= 1
            return web.Response(status=503)
        if self.said is not None:
            return web.Response(status=400, text=self.said)
        first = int(request.query.get("cursor", 0))
        more = first + 2 < len(self.orders)
        page = {"orders": self.orders[first : first + 2], "next_cursor": str(first + 2) if more else None}
        return web.json_response(page, headers={"Set-Cookie": "session=cookie-secret"})

    async def _document(self, request: web.Request) -> web.Response:
        body = await self._keep(request)
        await asyncio.sleep(self.delay)
        self.documents.append(body)
        if self.status == 422 and self.said is not None:
            return web.Response(status=422, text=self.said)
        return web.json_response({"id": len(self.documents)}, status=self.status)

"""A whole route between two real servers on loopback, and what became of everything."""

from __future__ import annotations

import asyncio
import io
import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from airflow_integrations.config.file_reference import Folder
from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.segment_lines import Problem
from airflow_integrations.engine.settle.balance import Balance
from airflow_integrations.engine.settle.settle import problems, settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.errors import SetupError
from airflow_integrations.formats.json import decode, encode
from airflow_integrations.http import Auth, Endpoint
from airflow_integrations.http.endpoint import MIB
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import Window

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

WINDOW = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))


def page(content: bytes, content_type: str = "application/json", **headers: str) -> Handler:
    """A handler that always answers this."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=content, headers={"Content-Type": content_type, **headers})

    return answer


def orders(*values: Any) -> Handler:
    return page(encode({"orders": list(values)}))


def status(code: int, content: bytes = b"", **headers: str) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=code, body=content, headers=headers)

    return answer


async def reset(request: web.Request) -> web.Response:
    """The connection breaks off before an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def silence(request: web.Request) -> web.Response:
    await asyncio.sleep(30)
    return web.Response()


async def half(request: web.Request) -> web.StreamResponse:
    """The head of an answer and a part of what it announces."""
    response = web.StreamResponse(headers={"Content-Length": "1000", "Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(b'{"orders": [{"number": 1}, {"num')
    assert request.transport is not None
    request.transport.close()
    return response


async def no_http(request: web.Request) -> web.StreamResponse:
    """Something that speaks another protocol."""
    assert request.transport is not None
    request.transport.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
    request.transport.close()
    return web.Response()


@dataclass
class Outcome:
    """What a run left behind. ``received`` is what the target was sent and took, entity by entity."""

    balance: Balance
    error: Exception | None
    """What ended the run before settle, if anything did."""
    stage: str | None
    problems: list[Problem]
    received: list[Any]
    log: str

    @property
    def counts(self) -> dict[str, int]:
        return {name: count for name, count in self.balance.counts.items() if count}

    @property
    def text(self) -> str:
        """Everything a person is told."""
        told = [str(self.error or ""), *(problem.reason for problem in self.problems), *self.balance.lines()]
        return "\n".join(told)


class Target:
    """Takes single entities and arrays of them."""

    def __init__(self) -> None:
        self.received: list[Any] = []
        self.requests: list[web.Request] = []

    async def take(self, request: web.Request) -> list[Any]:
        body = decode(await request.read())
        entities = body if isinstance(body, list) else [body]
        self.received.extend(entities)
        return entities

    async def good(self, request: web.Request) -> web.StreamResponse:
        await self.take(request)
        return web.Response(status=201)


class Scene:
    """``run`` takes a route through all stages; sleeping takes no time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.target = Target()
        self.options: dict[str, Any] = {"retry_budget": 0.0, "read_timeout": 20.0, "max_answer_bytes": 4 * MIB}
        self.auth: dict[str, Auth] = {}
        self.urls: dict[str, str] = {}
        self.silent: set[str] = set()
        """Connections that nothing is heard of: they are not waited for long."""
        self.source_requests: list[web.Request] = []
        self.staging = Staging(folder / "staging", "orders", "run-1")
        self.log = io.StringIO()

    # Connections

    def endpoint(self, connection: str) -> Endpoint:
        if connection not in self.urls:
            raise SetupError(f"there is no Connection {connection!r}; add it")
        options = self.options | ({"read_timeout": 0.3} if connection in self.silent else {})
        return Endpoint(connection, self.urls[connection], auth=self.auth.get(connection), **options)

    def variable(self, name: str) -> str | None:
        return None

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)

    def route(self, definition: Mapping[str, Any] | None = None) -> Route:
        given = dict(definition or {})
        incoming = {"connection": "shop", "path": "/orders", "records": "body.orders", **given.pop("incoming", {})}
        outgoing = {"connection": "erp", **given.pop("outgoing", {})}
        if "upsert" not in outgoing:
            outgoing.setdefault("path", "/in")
        return Route.load(
            {
                "route": "orders",
                "entity": {"name": "order", "key": "order.number"},
                "incoming": {"http": incoming},
                "outgoing": {"http": outgoing},
                **given,
            },
            folder=Folder(self.folder, self.folder),
        )

    @asynccontextmanager
    async def serving(self, source: Handler, target: Handler | None = None) -> AsyncIterator[None]:
        async def note(request: web.Request) -> web.StreamResponse:
            self.source_requests.append(request)
            return await source(request)

        async def note_target(request: web.Request) -> web.StreamResponse:
            self.target.requests.append(request)
            return await (target or self.target.good)(request)

        runners = [await serve_on_loopback(note), await serve_on_loopback(note_target)]
        for name, runner in zip(("shop", "erp"), runners, strict=True):
            self.urls[name] = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield
        finally:
            for runner in runners:
                await runner.cleanup()

    async def run(
        self,
        source: Handler,
        target: Handler | None = None,
        *,
        again: bool = False,
        without: tuple[str, ...] = (),
        **definition: Any,
    ) -> Outcome:
        """One run, its stages in turn until one fails; ``again`` does it a second time, as Airflow's retry."""
        self.silent = {name for name, handler in (("shop", source), ("erp", target)) if handler is silence}
        run = Run(self.route(definition), "run-1", WINDOW)
        error: Exception | None = None
        failed: str | None = None
        with self._logging() as log, Ledger.temporary() as ledger:
            async with self.serving(source, target):
                for name in without:
                    del self.urls[name]
                for _ in range(2 if again else 1):
                    error = failed = None
                    for stage in (fetch, transform, push):
                        try:
                            async with Services(self, log=log, sleep=self.sleep, ledger=ledger) as services:
                                await stage(run, services, self.staging)
                        except Exception as found:
                            error, failed = found, stage.__name__
                            log.error("".join(traceback.format_exception(found)))
                            break
                async with Services(self, log=log, ledger=ledger) as services:
                    balance = await settle(run, services, self.staging)
        return Outcome(balance, error, failed, list(problems(self.staging)), self.target.received, self.log.getvalue())

    @contextmanager
    def _logging(self) -> Iterator[logging.Logger]:
        """Everything that anybody logs, down to DEBUG, goes to ``self.log``."""
        handler, root = logging.StreamHandler(self.log), logging.getLogger()
        before = root.level
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        try:
            yield logging.getLogger("airflow_integrations.bad_input")
        finally:
            root.removeHandler(handler)
            root.setLevel(before)


async def serve_on_loopback(handler: Handler) -> web.AppRunner:
    """A server for every path; ``addresses`` says its port, ``cleanup`` stops it."""
    app = web.Application(client_max_size=256 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner

"""Shared by both demo servers: a token bucket, faults on purpose, exact JSON, and running until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import math
import random
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from airflow_integrations.formats.json import encode

__all__ = ["Strain", "add_server_arguments", "answer", "application", "problem", "serve", "strain_of"]


@dataclass(frozen=True, slots=True)
class Strain:
    """How hard a demo server makes it for its clients."""

    requests_per_second: float = 0
    """Above this (with a burst of as many) it answers 429 with Retry-After; 0 never does."""
    fault_rate: float = 0
    """The share of requests answered 503 before anything was done."""
    lost_answer_rate: float = 0
    """The share of requests that take effect and whose connection then breaks without an answer."""
    latency: float = 0
    """Seconds that every request takes longer."""
    away: float = 0
    """From the first request on, everything is answered 503 for so many seconds."""


def answer(document: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """JSON with exact numbers."""
    return web.Response(body=encode(document), status=status, headers=headers, content_type="application/json")


def problem(status: int, title: str, **more: Any) -> web.Response:
    """An error in the form of RFC 9457."""
    return web.Response(
        body=encode({"title": title, "status": status, **more}), status=status, content_type="application/problem+json"
    )


class _Bucket:
    def __init__(self, rate: float, now: Callable[[], float]) -> None:
        self.rate, self.now = rate, now
        self.level, self.at = rate, now()

    def take(self) -> bool:
        moment = self.now()
        self.level = min(self.rate, self.level + (moment - self.at) * self.rate)
        self.at = moment
        if self.level < 1:
            return False
        self.level -= 1
        return True

    def headers(self) -> dict[str, str]:
        remaining, reset = int(self.level), math.ceil((self.rate - self.level) / self.rate)
        return {
            "RateLimit-Policy": f'"second";q={self.rate:g};w=1',
            "RateLimit": f'"second";r={remaining};t={reset}',
            "X-RateLimit-Limit": f"{self.rate:g}",
            "X-RateLimit-Remaining": str(remaining),
        }


def application(
    refuse: Callable[[web.Request], web.Response | None],
    strain: Strain,
    *,
    rng: random.Random,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> web.Application:
    """An application whose requests pass, in this order: ``refuse`` (credentials), the outage, the rate limit, the
    faults.

    ``refuse`` gives the answer to a request without good credentials, or None. ``/health`` passes always, and ``/``
    says that they are good.
    """
    bucket = _Bucket(strain.requests_per_second, now) if strain.requests_per_second else None
    back: float | None = None

    @web.middleware
    async def strained(request: web.Request, handler: Handler) -> web.StreamResponse:
        nonlocal back
        if request.path == "/health":
            return await handler(request)
        refused = refuse(request)
        if refused is not None:
            return refused
        back = now() + strain.away if back is None else back
        if now() < back:
            return problem(503, "away on purpose, as --away asks")
        if bucket is not None and not bucket.take():
            limited = problem(429, "too many requests")
            limited.headers.update({"Retry-After": "1", **bucket.headers()})
            return limited
        if strain.latency:
            await sleep(strain.latency)
        if rng.random() < strain.fault_rate:
            return problem(503, "out of order on purpose, as --fault-rate asks")
        given = await handler(request)
        if rng.random() < strain.lost_answer_rate and request.transport is not None:
            request.transport.abort()
        if bucket is not None:
            given.headers.update(bucket.headers())
        if not isinstance(given, web.Response) or given.body is not None:  # a 204 has nothing to compress
            given.enable_compression()
        return given

    async def health(request: web.Request) -> web.Response:
        return answer({"status": "healthy"})

    async def root(request: web.Request) -> web.Response:
        return answer({"status": "you are welcome"})

    app = web.Application(middlewares=[strained], client_max_size=16 * 1024 * 1024)
    app.router.add_get("/health", health)
    app.router.add_get("/", root)
    return app


async def serve(
    app: web.Application, *, host: str, port: int, port_file: Path | None, announce: Callable[[str], None]
) -> None:
    """Serve until SIGTERM or SIGINT. ``port`` 0 takes a free one, told in ``port_file``."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    try:
        await web.TCPSite(runner, host, port, shutdown_timeout=1).start()
        taken = runner.addresses[0][1]
        announce(f"http://{host}:{taken}")
        if port_file is not None:
            aside = port_file.with_suffix(".tmp")
            aside.write_text(str(taken))
            aside.replace(port_file)
        await ended.wait()
    finally:
        await runner.cleanup()


def add_server_arguments(parser: argparse.ArgumentParser, *, rate: float) -> None:
    """Where to listen, and how hard to make it; ``rate`` is the default rate limit."""
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (default: this machine only)")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument("--port-file", type=Path, help="write the port that was taken into this file")
    parser.add_argument(
        "--rate-limit", type=float, default=rate, help=f"requests a second before 429 (default {rate:g}; 0: no limit)"
    )
    parser.add_argument("--fault-rate", type=float, default=0, help="share of requests answered 503 (default 0)")
    parser.add_argument(
        "--lost-answer-rate", type=float, default=0, help="share of requests done but not answered (default 0)"
    )
    parser.add_argument("--latency", type=float, default=0, help="seconds added to each request (default 0)")
    parser.add_argument(
        "--away",
        type=float,
        default=0,
        help="seconds of 503 from the first request on (default 0: there from the start)",
    )


def strain_of(options: argparse.Namespace) -> Strain:
    """What :func:`add_server_arguments` read."""
    return Strain(options.rate_limit, options.fault_rate, options.lost_answer_rate, options.latency, options.away)

"""Look-ups for the lines of orders: how many lines a second go through transform, by each way to ask.

``python -m bench.lookups TOTAL``: so many orders of five lines, with 2,000 products between them, on a loopback server
and a SQLite ledger. Prints one line of JSON: lines a second and requests by way.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.http import Endpoint
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.records import Outcome
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.ledger.runs.runs import begin_run
from airflow_integrations.ledger.store import NewValue, write_values
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import EPOCH, Window

LINES = 5
PRODUCTS = 2_000
SINGLE: dict[str, Any] = {"http": {"connection": "pim", "path": "/products/{{ item.sku }}"}}
TOGETHER: dict[str, Any] = {
    "where": {"sku": "item.sku"},
    "http": {
        "connection": "pim",
        "path": "/search",
        "body": {"skus": "ids"},
        "records": "body.items",
        "batch": {"size": 100},
    },
}
WAYS: dict[str, dict[str, Any]] = {
    "one_by_one": SINGLE,
    "together": TOGETHER,
    "together_without_cache": {**TOGETHER, "cache": "none"},
    "route": {"route": "products", "key": "item.sku"},
    "store": {"store": "products", "key": "item.sku"},
}


class Catalogue:
    """The products, by sku; it counts what it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def one(self, request: web.Request) -> web.Response:
        self.asked += 1
        return web.json_response({"sku": request.match_info["sku"], "id": 7})

    async def many(self, request: web.Request) -> web.Response:
        self.asked += 1
        return web.json_response({"items": [{"sku": sku, "id": 7} for sku in (await request.json())["skus"]]})


class Loopback:
    def __init__(self, port: int) -> None:
        self._port = port

    def endpoint(self, connection: str) -> Endpoint:
        return Endpoint(connection, f"http://127.0.0.1:{self._port}", concurrency=16)

    def variable(self, name: str) -> str | None:
        return None


def orders(total: int) -> tuple[dict[str, Any], ...]:
    return tuple(
        {"number": number, "lines": [{"sku": f"S-{(number * LINES + line) * 7 % PRODUCTS}"} for line in range(LINES)]}
        for number in range(total)
    )


def fill(ledger: Ledger) -> None:
    """The products, delivered by another route, and stored."""
    skus = [f"S-{number}" for number in range(PRODUCTS)]
    window, now = Window(EPOCH, EPOCH), time.time()
    ref = begin_run(ledger, "products", "r", kind="cli", window=window, route_hash="", staging="", now=now)
    conclude(ledger, ref, [Outcome(key=sku, status="delivered", hash="0" * 32, target_id="7") for sku in skus], now=now)
    values = [NewValue(sku, b'{"target_id":"7"}') for sku in skus]
    write_values(ledger, "products", values, route="products", run_id="r", now=now)


async def measured(way: str, total: int, port: int, ledger: Ledger, folder: Path) -> float:
    """Seconds of transform."""
    definition = {
        "route": "orders",
        "entity": {"name": "order", "key": "order.number"},
        "schedule": {"every": "1h"},
        "incoming": {"none": {}},
        "transform": [{"lookup": {"name": "products", "each": "order.lines", **WAYS[way]}}],
        "outgoing": {"none": {}},
    }
    run = Run(Route.load(definition), way, Window(EPOCH, datetime.now(UTC)), entities=orders(total))
    staging = Staging(folder, "orders", way)
    async with Services(Loopback(port), ledger=ledger) as services:
        await fetch(run, services, staging)
        begun = time.perf_counter()
        passed = await transform(run, services, staging)
        seconds = time.perf_counter() - begun
    if passed.entities != total:
        raise SystemExit(f"{way}: {passed.entities} of {total} orders came through")
    return seconds


async def main(total: int) -> dict[str, Any]:
    catalogue, app = Catalogue(), web.Application()
    app.router.add_get("/products/{sku}", catalogue.one)
    app.router.add_post("/search", catalogue.many)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    told: dict[str, Any] = {"orders": total, "lines": total * LINES, "products": PRODUCTS}
    with tempfile.TemporaryDirectory() as folder, Ledger.open(f"sqlite:///{folder}/ledger.db") as ledger:
        fill(ledger)
        for way in WAYS:
            catalogue.asked = 0
            seconds = await measured(way, total, runner.addresses[0][1], ledger, Path(folder))
            told[way] = {"lines_per_second": round(total * LINES / seconds), "requests": catalogue.asked}
    await runner.cleanup()
    return told


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(int(sys.argv[1])))))

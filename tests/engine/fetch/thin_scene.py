"""A shop whose events hold only an id, and a route that asks for the rest: in runs, or by a consumer."""

from __future__ import annotations

import json
import random
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web
from engine_kinds import Clock, MemoryOutgoing

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.live.consumer import Consumer
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.balance import Balance
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.http import Endpoint
from airflow_integrations.ledger.inbox.event_rows import NewEvent
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.queries.entities import where
from airflow_integrations.ledger.queries.overview import runs
from airflow_integrations.outgoing import Outbound
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import Window


class Shop:
    """A shop that knows orders, and what it has been asked for."""

    def __init__(self) -> None:
        self.orders: dict[str, dict[str, Any]] = {}
        self.asked: Counter[str] = Counter()
        self.listed: list[str] = []
        self.when_asked: Callable[[], Any] = lambda: None
        self.statuses: dict[str, int] = {}
        self.url = ""

    async def all_orders(self, request: web.Request) -> web.Response:
        return web.json_response({"orders": [{"number": int(name)} for name in self.listed or self.orders]})

    async def order(self, request: web.Request) -> web.Response:
        name = request.match_info["id"]
        self.asked[name] += 1
        self.when_asked()
        if (status := self.statuses.get(name, self.statuses.get("*"))) is not None:
            return web.Response(status=status, text="cannot")
        if name not in self.orders:
            return web.Response(status=404)
        return web.json_response({"order": {"number": int(name), **self.orders[name]}})

    def endpoint(self, connection: str) -> Endpoint:
        return Endpoint(connection, self.url, retry_budget=0)

    def variable(self, name: str) -> str | None:
        return None


DETAILS = {"path": "/orders/{{ item.number }}", "record": "body.order", "missing": "delete", "events": True}


class Whole:
    """Each run is a DAG run's four stages."""

    low = False

    def __init__(
        self, shop: Shop, url: str, folder: Path, schedule: Any = None, trigger: Any = None, **options: Any
    ) -> None:
        self.shop = shop
        self.clock = Clock()
        self.ledger = Ledger.open(url)
        self.base = str(folder / "staging")
        self.number = 0
        self.route = Route.load(
            {
                "route": "orders",
                "entity": {"name": "order", "key": "order.number"},
                "incoming": {
                    "http": {
                        "connection": "shop",
                        "details": {**DETAILS, **({"missing": options.pop("missing")} if "missing" in options else {})},
                        **options,
                    }
                },
                "trigger": {"latency": "low", **(trigger or {})},
                **({"schedule": schedule} if schedule else {}),
                "outgoing": {"memory": {}},
                "delivery": {"retry": {"attempts": 2, "delay": "10m", "max_delay": "10m"}},
            }
        )

    def put(self, *records: Any, wanted: bool = False) -> str:
        name = uuid.uuid4().hex
        body = json.dumps(list(records)).encode()
        event = NewEvent(route="orders", event_id=name, body=body, source="webhook", wanted=wanted)
        self.ledger.inbox.put([event], self.clock())
        self.clock.now += 0.5
        return name

    def services(self) -> Services:
        return Services(self.shop, now=self.clock, ledger=self.ledger, rng=random.Random(1))

    async def work(self, **asked: Any) -> Balance:
        self.clock.now += 60
        self.number += 1
        run = Run(
            self.route,
            f"run-{self.number}",
            Window.parse("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
            **{"events": True, "kind": "event", **asked},
        )
        staging = Staging(self.base, "orders", run.run_id)
        async with self.services() as services:
            try:
                await fetch(run, services, staging)
                await transform(run, services, staging)
                await push(run, services, staging)
            finally:
                balance = await settle(run, services, staging)
        assert balance.balanced, balance.lines()
        return balance

    def status(self, key: str) -> str | None:
        found = where(self.ledger, "orders", key, self.clock())
        return found.status if found else None

    def message(self, key: str) -> str:
        found = where(self.ledger, "orders", key, self.clock())
        return (found.message if found else None) or ""

    @property
    def waiting(self) -> int:
        return sum(one.events for one in self.ledger.inbox.waiting(self.clock()))

    def close(self) -> None:
        self.ledger.close()


class Live(Whole):
    """A consumer that takes what waits, once: until there is nothing more to do."""

    low = True

    async def work(self, **asked: Any) -> Balance:
        self.clock.now += 60
        async with self.services() as services:
            consumer = Consumer(self.route, services, self.base, "c")
            await consumer._hold()
            try:
                while await consumer._work_to_do(self.clock()):
                    pass
            finally:
                await consumer._close()
        for books in runs(self.ledger, "orders", limit=100).runs:
            assert books.finished
        counts: Counter[str] = consumer.counts
        return Balance(dict(counts), None, None)


def sent() -> list[Any]:
    return [json.loads(outbound.encoded) for batch in MemoryOutgoing.sent for outbound in batch if not outbound.deleted]


def deleted() -> list[Outbound]:
    return [outbound for batch in MemoryOutgoing.sent for outbound in batch if outbound.deleted]


def counts(balance: Balance) -> dict[str, int]:
    return {name: count for name, count in balance.counts.items() if count}

"""A route whose orders wait for a table of customers, run by run."""

from __future__ import annotations

import json
import random
from datetime import datetime
from pathlib import Path
from typing import Any

from engine_kinds import Clock, MemoryIncoming, MemoryOutgoing, NoConnections

from airflow_integrations.config.file_reference import Folder
from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.balance import Balance
from airflow_integrations.engine.settle.failure_summary import gather
from airflow_integrations.engine.settle.settle import problems, settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.queries.entities import where
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import Window

__all__ = ["ORDER", "World", "sent", "split", "went"]


class Longest(random.Random):
    """Dice by which each pause is as long as it may be: how often something is due is then a matter of the clock."""

    def random(self) -> float:
        return 1 - 2**-53


class World:
    """A route with a table of customers, run by run; its clock is moved on by the test."""

    def __init__(self, url: str, folder: Path) -> None:
        self.clock = Clock()
        self.ledger = Ledger.open(url)
        self.folder = folder
        self.customers({})
        self.number = 0
        definition = {
            "route": "orders",
            "entity": {"name": "order", "key": "order.number"},
            "incoming": {"memory": {}},
            "schedule": {"every": "1h"},
            "trigger": {"latency": "low"},
            "transform": [
                {
                    "lookup": {
                        "name": "customer",
                        "file": "customers.json",
                        "where": {"id": "order.customer"},
                        "missing": "retry",
                    }
                },
                {"map": {"number": "order.number", "erp": "customer.value"}},
            ],
            "outgoing": {"memory": {}},
            "delivery": {"retry": {"attempts": 3, "delay": "10m", "max_delay": "10m"}},
        }
        self.route = Route.load(definition, folder=Folder(folder, folder))

    def customers(self, table: dict[str, str]) -> None:
        (self.folder / "customers.json").write_text(json.dumps(table))

    def services(self) -> Services:
        return Services(NoConnections(), now=self.clock, ledger=self.ledger, rng=Longest())

    async def run(self, *records: Any, **asked: Any) -> Balance:
        """A run that fetches these."""
        self.number += 1
        MemoryIncoming.pages_to_give = [list(records)]
        window = Window(datetime.fromisoformat("2026-01-01T00:00Z"), datetime.fromisoformat("2026-01-02T00:00Z"))
        self.asked = run = Run(self.route, f"run-{self.number}", window, **asked)
        self.staging = Staging(self.folder / "staging", "orders", run.run_id)
        async with self.services() as services:
            await fetch(run, services, self.staging)
        return await self.again()

    async def again(self) -> Balance:
        """The stages of the last run behind its fetch, once more."""
        run = self.asked
        async with self.services() as services:
            await transform(run, services, self.staging)
            await push(run, services, self.staging)
            self.troubles = gather(problems(self.staging))
            return await settle(run, services, self.staging)

    def entity(self, key: str) -> Any:
        return where(self.ledger, "orders", key, self.clock())


def sent() -> list[Any]:
    return [json.loads(outbound.encoded) for batch in MemoryOutgoing.sent for outbound in batch]


def went(balance: Balance) -> dict[str, int]:
    assert balance.balanced
    return {name: count for name, count in balance.counts.items() if count}


def split(world: World, *before: Any) -> None:
    """From now on each line of an order is an entity of its own, which has to know the customer."""
    key = "[order.number, item.line]"
    mapped = {"number": "order.number", "line": "item.line", "customer": "order.customer"}
    steps = [*before, {"split": {"each": "order.lines", "key": key, "map": mapped}}]
    found = {"name": "customer", "file": "customers.json", "where": {"id": "order.customer"}, "missing": "retry"}
    last = {"map": {"number": "order.number", "line": "order.line", "erp": "customer.value"}}
    definition = {
        "route": "orders",
        "entity": {"name": "order", "key": "order.number"},
        "incoming": {"memory": {}},
        "transform": [*steps, {"lookup": found}, last],
        "outgoing": {"memory": {}},
        "delivery": {"retry": {"attempts": 3, "delay": "10m", "max_delay": "10m"}},
    }
    world.route = Route.load(definition, folder=Folder(world.folder, world.folder))


ORDER = {"number": 2, "customer": "b", "lines": [{"line": 1}, {"line": 2}]}

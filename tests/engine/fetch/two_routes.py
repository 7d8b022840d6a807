"""A route that fetches and one that reads its fetches, with one ledger, through runs that fail, die and are cleared."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine_kinds import Clock, MemoryIncoming, MemoryOutgoing, NoConnections, all_delivered

from airflow_integrations.engine.disk_space import forget
from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.fetch.windows import as_fetched
from airflow_integrations.engine.next_stages import anything
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.balance import Balance
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.maintenance.due_routes import due_routes
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.route.definition import Route
from airflow_integrations.route.retention import Retention
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest
from airflow_integrations.window import Window

WINDOW = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
SOURCE: dict[str, Any] = {
    "route": "products",
    "entity": {"name": "product", "key": "product.sku"},
    "incoming": {"memory": {}},
    "outgoing": {"none": {}},
}
READER: dict[str, Any] = {
    "route": "prices",
    "entity": {"name": "price", "key": "price.sku"},
    "incoming": {"route": "products"},
    "transform": [{"map": {"sku": "price.sku", "state": "price.state"}}],
    "outgoing": {"memory": {"repeatable": True}},
}


class Died(Exception):
    """A process ended in the middle of its work."""


class TwoRoutes:
    """``products`` fetches what a test gives it; ``prices`` reads that and sends it to :attr:`received`."""

    def __init__(
        self,
        ledger: Ledger,
        folder: Path,
        *,
        source: dict[str, Any] | None = None,
        reader: dict[str, Any] | None = None,
    ) -> None:
        self.ledger = ledger
        self.folder = folder
        self.clock = Clock()
        self.source = Route.load(SOURCE | (source or {}))
        self.reader = Route.load(READER | (reader or {}))
        self.rng = random.Random(1)
        self.received: list[tuple[str, Any]] = []
        """Key and state, in the order in which the target took them."""
        self.runs = 0
        self.dies_at_batch: int | None = None
        MemoryOutgoing.answer = self._answer

    def _answer(self, batch: Sequence[Outbound]) -> list[Result]:
        if self.dies_at_batch is not None:
            self.dies_at_batch -= 1
            if self.dies_at_batch < 0:
                raise Died
        self.received += [(outbound.key, json.loads(outbound.encoded)["state"]) for outbound in batch]
        return all_delivered(batch)

    def services(self, *, pages: int | None = None) -> Services:
        """Of a process that dies when it has taken so many ``pages``."""
        left = pages

        def taken(stage: str, counts: Any) -> None:
            nonlocal left
            if left is not None and stage == "fetch":
                left -= 1
                if left < 0:
                    raise Died

        return Services(NoConnections(), now=self.clock, ledger=self.ledger, rng=self.rng, progress=taken)

    def staging(self, run: Run) -> Staging:
        return Staging(self.folder, run.route.route, run.run_id)

    def run(self, route: Route, run_id: str | None = None, **asked: Any) -> Run:
        self.runs += 1
        return Run(route, run_id or f"run-{self.runs}", asked.pop("window", WINDOW), **asked)

    async def fetched(self, *pages: Iterable[Any], run_id: str | None = None, **asked: Any) -> Run:
        """A whole run of the source: its pages hold ``(sku, state)``."""
        self.clock.now += 1
        run = self.run(self.source, run_id, **asked)
        MemoryIncoming.pages_to_give = [[{"sku": sku, "state": state} for sku, state in page] for page in pages]
        await self.whole(run)
        return run

    async def read(self, run_id: str | None = None, **asked: Any) -> Balance:
        """A whole run of the reader."""
        self.clock.now += 1
        return await self.whole(self.run(self.reader, run_id, **asked))

    async def whole(self, run: Run, services: Services | None = None) -> Balance:
        """The stages as the operators of a DAG run them."""
        services, staging = services or self.services(), self.staging(run)
        manifest = await fetch(run, services, staging)
        if not anything(manifest):
            balance = await settle(as_fetched(run, staging), services, staging)
            if not manifest.earlier:
                staging.clean()
            return balance
        run = as_fetched(run, staging)
        await transform(run, services, staging)
        await push(run, services, staging, final=True)
        return await settle(run, services, staging)

    def manifest(self, run: Run) -> Manifest:
        found = self.staging(run).manifest("fetch")
        assert found is not None
        return found

    def forget(self, **retention: Any) -> None:
        """What the maintenance does once an hour."""
        kept = Retention.model_validate({"payloads": "0s", "runs": 1, "history": "0s"} | retention)
        forget(self.ledger, str(self.folder), {"products": kept, "prices": kept}, self.clock.now)

    async def calm(self) -> None:
        """Nothing fails any more: the reader runs until nothing is due, and nothing unread."""
        self.dies_at_batch = None
        for _ in range(12):
            self.clock.now += 7200
            waits = due_routes(self.ledger, self.clock.now) + list(self.ledger.fetches.behind(self.clock.now))
            if "prices" not in waits:
                return
            await self.read()
        raise AssertionError("something waits for ever")

    @property
    def position(self) -> int | None:
        return self.ledger.fetches.position("prices", "products")

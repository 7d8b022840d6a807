"""A route whose target is a file, and a process that works on it until it is killed:
``python recovery_scene.py LEDGER ROUTES STAGING RUN_ID``."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from airflow_integrations.config.model import Model
from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.balance import Balance
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.incoming import Page
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.route import registry
from airflow_integrations.route.definition import Route
from airflow_integrations.route_files.load import read_route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import Window

WINDOW = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
KEYS = tuple("12345678")
HANGS = "4"
ROUTE = """\
entity: {name: order, key: order.number}
incoming: {list: {file: %s}}
outgoing: {book: {file: %s, hang: %s}}
delivery: {in_doubt: %s, concurrency: 1, retry: {delay: 1m}}
"""


class Listed:
    """The numbers in a file."""

    class Config(Model):
        file: str

    def __init__(self, config: Config, route: Route) -> None:
        self.file = Path(config.file)

    async def pages(self, run: Run, services: Services, resume: Any = None) -> AsyncIterator[Page]:
        yield Page([{"number": number} for number in json.loads(self.file.read_text())])


class Book:
    """Writes what it takes into a file: key and idempotency key. Of one entity it never says so, where it is told to
    ``hang``; or it refuses all for the moment."""

    class Config(Model):
        file: str
        hang: str = "no"

    repeatable = True
    later: ClassVar[bool] = False

    def __init__(self, config: Config, route: Route) -> None:
        self.file, self.hang = Path(config.file), config.hang == "yes"

    async def open(self, run: Run, services: Services) -> None: ...

    async def send(self, batch: Sequence[Outbound]) -> list[Result]:
        if self.later:
            return [Result("failed", reason="not now", http_status=503) for _ in batch]
        with self.file.open("a") as book:
            for outbound in batch:
                book.write(json.dumps([outbound.key, outbound.idempotency_key]) + "\n")
        if self.hang and HANGS in {outbound.key for outbound in batch}:
            await asyncio.sleep(600)
        return [Result("delivered", f"T{outbound.key}") for outbound in batch]

    async def close(self) -> None: ...


class Nothing:
    def endpoint(self, connection: str) -> Any:
        raise AssertionError("no Connection is used here")

    def variable(self, name: str) -> str | None:
        return None


KINDS: dict[registry.Part, dict[str, str]] = {
    "incoming": {"list": f"{__name__}:Listed"},
    "outgoing": {"book": f"{__name__}:Book"},
}


async def run(ledger: Ledger, routes: Path, staging: str, run_id: str, now: float | None = None) -> Balance:
    """One whole run of the route; ``now`` is what its clock says."""
    clock: dict[str, Any] = {} if now is None else {"now": lambda: now}
    asked = Run(read_route(routes, "crashed").route, run_id, WINDOW)
    folder = Staging(staging, "crashed", run_id)
    async with Services(Nothing(), ledger=ledger, **clock) as services:
        fetched = await fetch(asked, services, folder)
        if fetched.segments:
            await transform(asked, services, folder)
        await push(asked, services, folder, final=True)
        return await settle(asked, services, folder)


if __name__ == "__main__":
    for part, kinds in KINDS.items():
        registry._BUILT_IN[part].update(kinds)
    url, routes, staging, run_id = sys.argv[1:]
    with Ledger.open(url) as ledger:
        asyncio.run(run(ledger, Path(routes), staging, run_id))

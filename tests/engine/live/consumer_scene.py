"""What tests of consumers look at: one route, its ledger, and as many consumers as a test begins."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine_kinds import MemoryOutgoing, NoConnections

from airflow_integrations.engine.live.consumer import Consumer
from airflow_integrations.ledger.inbox.event_rows import NewEvent
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.queries.entities import where
from airflow_integrations.ledger.queries.overview import runs
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services

MakeRun = Callable[..., Run]


class Scene:
    """One route, its ledger, and as many consumers as a test begins, each with a ledger of its own."""

    def __init__(self, route: Route, url: str, folder: Path) -> None:
        self.route = route
        self.url = url
        self.base = str(folder / "staging")
        self.ledger = Ledger.open(url)
        self.tasks: dict[asyncio.Task[None], asyncio.Event] = {}
        self.consumers: list[Consumer] = []

    async def put(self, *records: Any, wanted: bool = False) -> int:
        body = json.dumps(list(records)).encode()
        event = NewEvent(route="orders", event_id=uuid.uuid4().hex, body=body, source="webhook", wanted=wanted)
        return (await asyncio.to_thread(self.ledger.inbox.put, [event], time.time()))[0].number

    def begin(self, seconds: float = 120.0) -> asyncio.Task[None]:
        stop = asyncio.Event()
        task = asyncio.create_task(self._work(seconds, stop))
        self.tasks[task] = stop
        return task

    async def _work(self, seconds: float, stop: asyncio.Event) -> None:
        with Ledger.open(self.url) as ledger:
            async with Services(NoConnections(), ledger=ledger) as services:
                consumer = Consumer(self.route, services, self.base, f"c{len(self.consumers)}")
                self.consumers.append(consumer)
                await consumer.work(time.time() + seconds, stop)

    async def end(self, task: asyncio.Task[None]) -> Counter[str]:
        """Ask it to end, and wait for it."""
        at = list(self.tasks).index(task)
        self.tasks[task].set()
        await asyncio.wait_for(task, 30)
        return self.consumers[at].counts

    async def until(self, condition: Callable[[], Any], seconds: float = 20.0) -> None:
        end = time.monotonic() + seconds
        while True:
            begun = time.monotonic()
            if condition():
                return
            for task in self.tasks:
                if task.done() and not task.cancelled() and task.exception() is not None:
                    raise AssertionError("a consumer ended") from task.exception()
            assert time.monotonic() < end, sent()
            # The consumer shares this loop: it gets at least as much of it as the condition took.
            await asyncio.sleep(max(0.01, time.monotonic() - begun))

    def status(self, key: str) -> str | None:
        found = where(self.ledger, "orders", key, time.time())
        return found.status if found else None

    def left_open(self) -> list[Any]:
        """Books of dead runs that nobody has closed yet: all but the newest run's, which is the consumer's own. One
        that ends before the time of whoever adopted them is over leaves them to the next one, or the maintenance."""
        return [books for books in self.books()[1:] if not books.finished]

    def books(self) -> list[Any]:
        return list(runs(self.ledger, "orders", limit=1000).runs)

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.ledger.close()


def sent() -> list[Any]:
    return [json.loads(outbound.encoded) for batch in MemoryOutgoing.sent for outbound in batch]


def numbers() -> list[int]:
    return [record["number"] for record in sent()]

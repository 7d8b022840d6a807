"""An incoming and an outgoing in memory, so that engine tests decide exactly what happens when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, ClassVar

from airflow_integrations.config.model import Model
from airflow_integrations.incoming import Page
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services


class MemoryIncoming:
    """Pages from a list; ``before`` is called with each page's number and may raise."""

    class Config(Model):
        pass

    pages_to_give: ClassVar[list[list[Any]]] = []
    before: ClassVar[Callable[[int], None]] = lambda number: None
    asked: ClassVar[list[int]] = []

    def __init__(self, config: Config, route: Route) -> None: ...

    async def pages(self, run: Run, services: Services, resume: Any = None) -> AsyncIterator[Page]:
        kind = type(self)
        for number in range(resume or 0, len(kind.pages_to_give)):
            kind.before(number)
            kind.asked.append(number)
            yield Page(kind.pages_to_give[number], number + 1 if number + 1 < len(kind.pages_to_give) else None)


class MemoryOutgoing:
    """Remembers what it was sent; ``answer`` decides what becomes of a batch and may raise."""

    deletes = True

    class Config(Model):
        repeatable: bool = False

    sent: ClassVar[list[list[Outbound]]] = []
    answer: ClassVar[Callable[[Sequence[Outbound]], Any]]
    under_way: ClassVar[int] = 0
    most_under_way: ClassVar[int] = 0

    def __init__(self, config: Config, route: Route) -> None:
        self.repeatable = config.repeatable

    async def open(self, run: Run, services: Services) -> None: ...

    async def send(self, batch: Sequence[Outbound]) -> list[Result]:
        kind = type(self)
        kind.under_way += 1
        kind.most_under_way = max(kind.under_way, kind.most_under_way)
        try:
            await asyncio.sleep(0)
            results = kind.answer(batch)
            if asyncio.iscoroutine(results):
                results = await results
            kind.sent.append(list(batch))
            return results
        finally:
            kind.under_way -= 1

    async def close(self) -> None: ...


def all_delivered(batch: Sequence[Outbound]) -> list[Result]:
    return [Result("delivered", f"T-{outbound.key}") for outbound in batch]


class NoConnections:
    def endpoint(self, connection: str) -> Any:
        raise AssertionError("no Connection is used here")

    def variable(self, name: str) -> str | None:
        return None


class Clock:
    """The time of day as a test wants it."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

"""A source in memory that is fetched in partitions, and the stages of a run that several tasks fetch."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, ClassVar, Literal

from engine_kinds import MemoryOutgoing

from airflow_integrations.config.model import Model
from airflow_integrations.engine.fetch.partitions.plan import fetch_or_plan
from airflow_integrations.engine.fetch.partitions.reading import fetch_partitions
from airflow_integrations.engine.next_stages import anything
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.incoming import Page
from airflow_integrations.route.definition import Route
from airflow_integrations.route.incremental import Cursor, Partitions
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest

TASKS = 2
PLACES = ["madrid", "paris", "berlin"]


class PartedIncoming:
    """Pages by the value of a partition; ``before`` is called with that and the page's number, and may raise."""

    class Config(Model):
        partitions: Partitions
        cursor: Cursor | None = None
        cursor_reading: Literal["ordered", "pages", "apart"] = "apart"

    pages_of: ClassVar[dict[Any, list[list[Any]]]] = {}
    before: ClassVar[Callable[[Any, int], None]]
    asked: ClassVar[list[tuple[Any, int]]] = []

    def __init__(self, config: Config, route: Route) -> None: ...

    async def pages(self, run: Run, services: Services, resume: Any = None) -> AsyncIterator[Page]:
        kind = type(self)
        assert run.partition is not None
        place = run.partition.value
        pages = kind.pages_of.get(place, [[]])
        for number in range(resume or 0, len(pages)):
            kind.before(place, number)
            kind.asked.append((place, number))
            more = number + 1 < len(pages)
            yield Page(pages[number], number + 1 if more else None, urgent=more)


class Parted:
    """One run after the other, of a route with three partitions and two tasks for them, with one ledger."""

    def __init__(self, make_run: Callable[..., Run], services: Services, folder: Path) -> None:
        self.make, self.services, self.folder = make_run, services, folder

    def run(self, run_id: str = "run-1", *, incoming: dict[str, Any] | None = None, **asked: Any) -> Run:
        incoming = {"partitions": {"list": PLACES}, **(incoming or {})}
        route = {"incoming": {"parted": incoming}, **asked.pop("route", {})}
        return self.make(route=route, run_id=run_id, **asked)

    def staging(self, run: Run) -> Staging:
        return Staging(self.folder, "orders", run.run_id)

    async def plan(self, run: Run) -> Manifest:
        return await fetch_or_plan(run, self.services, self.staging(run), tasks=TASKS)

    async def fetch(self, run: Run, task: int) -> list[Manifest]:
        return await fetch_partitions(run, self.services, self.staging(run), task=task)

    async def finish(self, run: Run) -> list[str]:
        """The stages behind fetch; the lines of the books."""
        staging = self.staging(run)
        transformed = await transform(run, self.services, staging)
        if transformed.entities or anything(transformed):
            await push(run, self.services, staging, final=True)
        return await self.books(run)

    async def books(self, run: Run) -> list[str]:
        return (await settle(run, self.services, self.staging(run))).lines()

    async def whole(self, run: Run) -> list[str]:
        await self.plan(run)
        for task in range(TASKS):
            await self.fetch(run, task)
        return await self.finish(run)


def delivered() -> list[tuple[str, Any]]:
    """Key and state of all that the target was sent since this was last asked."""
    found = [(outbound.key, outbound.value.get("state")) for batch in MemoryOutgoing.sent for outbound in batch]
    MemoryOutgoing.sent = []
    return found

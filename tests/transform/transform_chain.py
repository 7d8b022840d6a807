"""A chain of transformers with its books, as the engine keeps them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pydantic import TypeAdapter

from airflow_integrations.config.file_reference import Folder
from airflow_integrations.entity import Entity
from airflow_integrations.ledger.records import RunKind
from airflow_integrations.route.stage import Stage, TransformStage
from airflow_integrations.run import Run, Services
from airflow_integrations.transform import Place
from airflow_integrations.window import Window


class Books:
    """Counts what becomes of entities and remembers the rejected ones by key."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.reasons: dict[str, str] = {}
        self.waits: dict[str, tuple[tuple[str, str], ...]] = {}
        self.fields: dict[str, str | None] = {}
        self.merged_values: list[Any] = []
        self.filtered_keys: list[str] = []

    def filtered(self, entity: Entity) -> None:
        self.counts["filtered"] += 1
        self.filtered_keys.append(entity.key)

    def rejected(self, entity: Entity, reason: str, *, field: str | None = None) -> None:
        self.counts["rejected"] += 1
        self.reasons[entity.key] = reason
        self.fields[entity.key] = field

    def missing(self, entity: Entity, reason: str, *, waits: tuple[tuple[str, str], ...] = ()) -> None:
        self.counts["missing"] += 1
        self.waits[entity.key] = waits
        self.reasons[entity.key] = reason

    def merged(self, entity: Entity) -> None:
        self.counts["merged"] += 1
        self.merged_values.append(entity.value)

    def split(self, added: int) -> None:
        self.counts["split_added"] += added


class NoConnections:
    """Variables from a dictionary; endpoints as a test gives them."""

    def __init__(self, endpoints: dict[str, Any] | None = None) -> None:
        self.endpoints = endpoints or {}

    def endpoint(self, connection: str) -> Any:
        return self.endpoints[connection]

    def variable(self, name: str) -> str | None:
        return {"region": "EU"}.get(name)


class Chain:
    """Transformers as a route file writes them, over entities called ``order``."""

    def __init__(
        self,
        steps: list[dict[str, Any]],
        *,
        folder: Path,
        batch: int = 3,
        endpoints: dict[str, Any] | None = None,
        kind: RunKind = "manual",
        now: Callable[[], float] = time.time,
        before_batch: Callable[[int], None] = lambda first: None,
    ) -> None:
        context = Folder(folder, folder)
        self.stages = [parse(step, context) for step in steps]
        self.batch = batch
        self.books = Books()
        self.connections = NoConnections(endpoints)
        self.warnings: list[str] = []
        self.kind: RunKind = kind
        self.now = now
        self.before_batch = before_batch

    async def entities(self, entities: list[Entity]) -> list[Entity]:
        """Everything that comes out, batch by batch as the engine does it, flushes included."""
        run: Run = Run(
            route=SimpleNamespace(transform=self.stages, schedule=None),  # type: ignore[arg-type]
            run_id="test",
            window=Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)),
            params={"limit": 10},
            kind=self.kind,
            events=self.kind in ("event", "live"),
        )
        out: list[Entity] = []
        async with Services(self.connections, now=self.now) as services:
            steps = [
                stage.component()(stage.config, Place(index, stage.kind, "order"))
                for index, stage in enumerate(self.stages)
            ]
            try:
                for step in steps:
                    await step.open(run, services)
                for start in range(0, len(entities), self.batch):
                    self.before_batch(start)
                    out += await self._through(steps, entities[start : start + self.batch])
                for index, step in enumerate(steps):
                    async for held in step.flush(self.books):
                        out += await self._through(steps[index + 1 :], held)
                    step.finished()
                self.warnings = [warning for step in steps for warning in step.warnings()]
            finally:
                for step in steps:
                    await step.close()
        return out

    async def _through(self, steps: list[Any], batch: list[Entity]) -> list[Entity]:
        for step in steps:
            if batch:
                batch = await step.apply(batch, self.books)
        return batch

    async def values(self, *values: Any) -> list[Any]:
        """As :meth:`entities`, for values with the keys ``0``, ``1``, …"""
        return [
            entity.value
            for entity in await self.entities([Entity(str(index), value) for index, value in enumerate(values)])
        ]


def parse(step: dict[str, Any], context: Folder | None = None) -> Stage:
    adapter: TypeAdapter[Stage] = TypeAdapter(TransformStage)
    return adapter.validate_python(step, context=context)

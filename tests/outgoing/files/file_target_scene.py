"""A route that writes files, and its pushes as the scheduler would do them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.records import RetryWanted
from airflow_integrations.ledger.storage import tables
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import Window

WINDOW = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
STAGES: tuple[Callable[..., Any], ...] = (fetch, transform, push, settle)


class Nothing:
    def __init__(self, places: dict[str, Any]) -> None:
        self._places = places

    def endpoint(self, connection: str) -> Any:
        raise AssertionError("no HTTP here")

    def variable(self, name: str) -> str | None:
        return None

    def broker(self, connection: str) -> Any:
        return self._places[connection]


class Scene:
    def __init__(self, folder: Path, places: dict[str, Any] | None = None, **outgoing: Any) -> None:
        self.folder, self.out = folder, folder / "out"
        folder.mkdir(parents=True, exist_ok=True)
        self.outgoing = {"path": f"{self.out}/orders.jsonl", **outgoing}
        self.more: dict[str, Any] = {}
        self.ledger = Ledger.open(f"sqlite:///{folder / 'ledger.db'}")
        self.places, self.now = Nothing(places or {}), WINDOW.end.timestamp()

    @property
    def route(self) -> Route:
        return Route.load(
            {
                "route": "orders",
                "entity": {"name": "order", "key": "order.id"},
                "incoming": {"none": {}},
                "outgoing": {"files": self.outgoing},
                "delivery": {"batch": 2},
                **self.more,
            }
        )

    def services(self) -> Services:
        async def no_time(seconds: float) -> None:
            return None

        return Services(self.places, ledger=self.ledger, now=lambda: self.now, sleep=no_time)

    def make_run(self, run_id: str, entities: Sequence[Any] | None) -> Run:
        """``entities`` None: only what earlier runs left open."""
        if entities is None:
            return Run(self.route, run_id, WINDOW, retry=RetryWanted())
        return Run(self.route, run_id, WINDOW, entities=tuple(entities))

    def stage(self, stage: Callable[..., Any], run: Run) -> Any:
        async def play() -> Any:
            async with self.services() as services:
                return await stage(run, services, Staging(self.folder / "staging", "orders", run.run_id))

        return asyncio.run(play())

    def run(self, run_id: str, entities: Sequence[Any] | None) -> None:
        run = self.make_run(run_id, entities)
        for stage in STAGES:
            told = self.stage(stage, run)
        assert told.balanced
        self.now += 3600

    def begin(self, run_id: str, entities: Sequence[Any]) -> Run:
        """Everything before push."""
        run = self.make_run(run_id, entities)
        self.stage(fetch, run)
        self.stage(transform, run)
        return run

    def files(self) -> dict[str, bytes]:
        """What a consumer sees."""
        if not self.out.exists():
            return {}
        return {path.name: path.read_bytes() for path in sorted(self.out.iterdir()) if path.is_file()}

    def hidden(self) -> list[str]:
        folder = self.out / ".integrations" / "orders"
        return sorted(path.name.partition("-")[2] for path in folder.iterdir()) if folder.exists() else []

    def lines(self) -> list[Any]:
        return [json.loads(line) for content in self.files().values() for line in content.splitlines()]

    def statuses(self) -> dict[str, str]:
        entity = tables.entity.c
        with self.ledger.read() as connection:
            return {row.key: row.status for row in connection.execute(select(entity.key, entity.status))}

"""A route that fetches files, and its runs as the scheduler would do them."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.segment_lines import Problem, read_entities
from airflow_integrations.engine.settle.balance import Balance
from airflow_integrations.engine.settle.settle import problems, settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.storage import tables
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest
from airflow_integrations.window import EPOCH, Window

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
STAGES: dict[str, Callable[..., Any]] = {"fetch": fetch, "transform": transform, "push": push, "settle": settle}


class Places:
    """In place of Airflow's Connections."""

    def __init__(self, places: Mapping[str, Any] | None = None) -> None:
        self._places = dict(places or {})

    def endpoint(self, connection: str) -> Any:
        raise AssertionError("no HTTP here")

    def variable(self, name: str) -> str | None:
        return None

    def broker(self, connection: str) -> Any:
        return self._places[connection]


class Scene:
    """Runs of one route over files. ``now`` is noon, an hour later with each run."""

    def __init__(self, folder: Path, places: Mapping[str, Any] | None = None, **incoming: Any) -> None:
        self.folder, self.inbox = folder, folder / "in"
        self.inbox.mkdir(parents=True, exist_ok=True)
        self.incoming = {"path": f"{self.inbox}/*.csv", **incoming}
        self.more: dict[str, Any] = {}
        self.ledger = Ledger.open(f"sqlite:///{folder / 'ledger.db'}")
        self.places, self.runs, self.now = Places(places), 0, NOON
        self.slept: list[float] = []
        self.meanwhile: Callable[[], None] = lambda: None
        """What happens while a run waits."""

    @property
    def route(self) -> Route:
        return Route.load(
            {
                "route": "prices",
                "entity": {"name": "price", "key": "price.sku"},
                "incoming": {"files": self.incoming},
                "outgoing": {"none": {}},
                **self.more,
            }
        )

    def put(self, name: str, *rows: str, minutes: float = -10, header: str = "sku,price") -> Path:
        """A file of CSV that was changed so many minutes from now."""
        path = self.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join((header, *rows)) + "\n" if header else "\n".join(rows))
        self.age(path, minutes)
        return path

    def age(self, path: Path, minutes: float) -> None:
        moment = (self.now + timedelta(minutes=minutes)).timestamp()
        os.utime(path, (moment, moment))

    def staging(self, run_id: str) -> Staging:
        return Staging(self.folder / "staging", "prices", run_id)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.meanwhile()

    async def _stage(self, stage: str, run: Run) -> Any:
        log = logging.getLogger("airflow_integrations")
        async with Services(
            self.places, ledger=self.ledger, now=self.now.timestamp, sleep=self._sleep, log=log
        ) as services:
            return await STAGES[stage](run, services, self.staging(run.run_id))

    def stage(self, stage: str, run: Run) -> Any:
        return asyncio.run(self._stage(stage, run))

    def new_run(self, **more: Any) -> Run:
        self.runs += 1
        window = Window(EPOCH, self.now)
        return Run(self.route, f"run{self.runs}", **{"window": window, "kind": "manual", **more})

    def run(self, **more: Any) -> list[str]:
        """A whole run; the keys that it fetched, in order of their segments."""
        run = self.new_run(**more)
        fetched: Manifest = self.stage("fetch", run)
        self.stage("transform", run)
        self.stage("push", run)
        balance: Balance = self.stage("settle", run)
        assert balance.balanced
        assert fetched.complete
        self.now += timedelta(hours=1)
        return self.keys(run.run_id)

    def keys(self, run_id: str) -> list[str]:
        staging = self.staging(run_id)
        manifest = staging.manifest("fetch")
        assert manifest is not None
        broken: list[str] = []
        blocks = read_entities(staging.blocks(manifest.segments), lambda entity, why: broken.append(why))
        found = [entity.key for block in blocks for entity in block]
        assert not broken
        return found

    def problems(self, run_id: str) -> list[Problem]:
        return list(problems(self.staging(run_id)))

    def names(self) -> list[str]:
        return sorted(str(path.relative_to(self.inbox)) for path in self.inbox.rglob("*") if path.is_file())

    def statuses(self) -> dict[str, str]:
        entity = tables.entity.c
        with self.ledger.read() as connection:
            return dict(connection.execute(select(entity.key, entity.status)).all())

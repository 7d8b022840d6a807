"""A route that fetches files in partitions, and its runs as the scheduler would do them, with two tasks that fetch."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

from acknowledging_scene import Answering
from files_scene import STAGES, Scene
from sqlalchemy import select

from airflow_integrations.engine.fetch.partitions.plan import fetch_or_plan
from airflow_integrations.engine.fetch.partitions.reading import fetch_partitions
from airflow_integrations.ledger.storage import tables
from airflow_integrations.run import Run, Services

TASKS = 2
ALL = ("fetch", "fetch_2", "fetch_1", "transform", "push", "settle")
"""The later partitions are fetched first."""


class PartedFiles(Scene):
    """Each file is a partition, unless ``partitions`` says otherwise."""

    def __init__(self, folder: Path, **incoming: Any) -> None:
        super().__init__(folder, **{"partitions": {"files": 1}, **incoming})
        self.books: list[str] = []
        """Of the last run."""

    async def _stage(self, stage: str, run: Run) -> Any:
        log = logging.getLogger("airflow_integrations")
        async with Services(
            self.places, ledger=self.ledger, now=self.now.timestamp, sleep=self._sleep, log=log
        ) as services:
            staging = self.staging(run.run_id)
            if stage == "fetch":
                return await fetch_or_plan(run, services, staging, tasks=TASKS)
            if stage.startswith("fetch_"):
                planned = staging.manifest("fetch")
                if planned is None or (planned.complete and not planned.partitions):
                    return []  # fetch has done it all, and Airflow skips this task
                return await fetch_partitions(run, services, staging, task=int(stage[-1]) - 1)
            return await STAGES[stage](run, services, staging)

    def whole(self, run: Run, *stages: str) -> list[str]:
        """These stages of a run, or all; the keys that it fetched, in the order in which they go on."""
        for stage in stages or ALL:
            result = self.stage(stage, run)
        self.books = result.lines() if stage == "settle" else []
        return self.keys(run.run_id)

    def run(self, **more: Any) -> list[str]:
        keys = self.whole(self.new_run(**more))
        self.now += timedelta(hours=1)
        return keys

    def write_into(self) -> None:
        """The run's entities go into files in their order: into another one where a key comes again."""
        self.more["outgoing"] = {"files": {"path": f"{self.folder}/sent.jsonl", "if_exists": "number"}}

    def sent(self) -> list[tuple[str, str]]:
        paths = sorted(self.folder.glob("sent*.jsonl"), key=lambda path: (len(path.name), path.name))
        lines = [line for path in paths for line in path.read_text().splitlines()]
        return [(one["sku"], one["price"]) for one in map(json.loads, lines)]


class PartedInterchanges(PartedFiles, Answering):
    """Each file of interchanges is a partition, and each interchange is answered."""

    def acknowledged(self) -> list[str]:
        """The references of the interchanges, in the order of their answers."""
        answer = tables.acknowledgement.c
        with self.ledger.read() as connection:
            found = connection.scalars(select(answer.content).order_by(answer.number))
            return [json.loads(each)["interchange"]["reference"] for each in found]

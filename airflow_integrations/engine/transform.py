"""transform: fetched segments go through the route's transformers and become the segments that push sends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from airflow_integrations.engine.absorb import absorb
from airflow_integrations.engine.collector import fewer_collections
from airflow_integrations.engine.grouped_log import GroupedProblems
from airflow_integrations.engine.records import (
    NOT_JSON,
    Problem,
    encode_problem,
    encode_staged,
    read_entities,
    why_not_json,
)
from airflow_integrations.engine.rejections import note_rejections
from airflow_integrations.engine.run_ref import run_ref
from airflow_integrations.entity import Entity
from airflow_integrations.ledger.records import Outcome, RunRef
from airflow_integrations.route import Route
from airflow_integrations.route_check import names_needed_by_outgoing
from airflow_integrations.route_hash import route_hash
from airflow_integrations.run import Run, Services
from airflow_integrations.staging import Manifest, SegmentWriter, Staging
from airflow_integrations.transform import Place, Transformer

__all__ = ["transform"]

NOTED_AT_ONCE = 4_000
"""Filtered entities that are written to the ledger together: bounds memory."""


async def transform(run: Run, services: Services, staging: Staging) -> Manifest:
    """Take the fetched entities through the transformers, in order, and return the finished manifest.

    Always starts over: it has no effect outside staging. Raises RunError where fetch has not finished or was done by
    another definition of the route.
    """
    started = time.monotonic()
    digest = route_hash(run.route)
    fetched = staging.completed("fetch", route_hash=digest)
    ref = await run_ref(run, services, staging)
    await absorb(run, ref, services, staging)
    await asyncio.to_thread(services.ledger.restart_push, ref)
    staging.clear("transform", "push")
    stage = _Transform(run, services, staging, ref, fetched.version)
    with fewer_collections():
        await stage.work(fetched)
    manifest = Manifest(
        route=run.route.route,
        run_id=run.run_id,
        stage="transform",
        route_hash=digest,
        window=fetched.window,
        complete=True,
        entities=stage.out,
        counts={
            "filtered": stage.filtered_count,
            "merged": stage.merged_count,
            "rejected": stage.problems.total,
            "split_added": stage.split_added,
        },
        passed=stage.passed,
        segments=stage.writer.segments,
        problems=stage.problem_writer.segments,
        saved_at=services.now(),
        seconds=time.monotonic() - started,
        warnings=stage.warnings,
    )
    if not run.dry_run:
        await note_rejections(ref, services, staging, manifest)
    staging.save(manifest)
    stage.log(manifest)
    return manifest


class _Transform:
    """The chain at work; it is also the ``Fates`` that transformers report to."""

    def __init__(self, run: Run, services: Services, staging: Staging, ref: RunRef, version: str | None) -> None:
        self.run = run
        self.ref = ref
        self.version = version
        self.services = services
        self.staging = staging
        self.writer = SegmentWriter(staging, "transform")
        self.problem_writer = SegmentWriter(staging, "problems-transform")
        self.problems = GroupedProblems()
        self.keep = _keeper(run.route)
        self.chain: list[Transformer] = [
            stage.component()(stage.config, Place(index, stage.kind, run.route.entity.name))
            for index, stage in enumerate(run.route.transform)
        ]
        self.passed = [0] * len(self.chain)
        self.left: list[Outcome] = []
        self.noted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.noted.set_result(None)
        self.filtered_count = self.merged_count = self.split_added = self.out = 0
        self.warnings: list[str] = []

    async def work(self, fetched: Manifest) -> None:
        opened: list[Transformer] = []
        try:
            for step in self.chain:
                await step.open(self.run, self.services)
                opened.append(step)
            for batch in read_entities(self.staging.blocks(fetched.segments), self.rejected):
                await self._through(batch, 0)
            for index, step in enumerate(self.chain):
                async for batch in step.flush(self):
                    self.passed[index] += len(batch)
                    await self._through(batch, index + 1)
            self.writer.close_segment()
            self.problem_writer.close_segment()
            await self._note_left()
            await self.noted
            self._tell()
            if fetched.entities:
                self.warnings = [warning for step in self.chain for warning in getattr(step, "warnings", list)()]
        finally:
            await asyncio.gather(self.noted, return_exceptions=True)
            for step in opened:
                await step.close()

    async def _through(self, batch: list[Entity], first: int) -> None:
        """Through the steps from ``first`` on, and into a segment."""
        for index in range(first, len(self.chain)):
            if not batch:
                return
            batch = await self.chain[index].apply(batch, self)
            self.passed[index] += len(batch)
        writer, keep = self.writer, self.keep
        before = self.problems.total
        for entity in batch:
            try:
                writer.add(encode_staged(entity, keep))
            except NOT_JSON as error:
                self.rejected(entity, why_not_json(error))
        self.out += len(batch) - (self.problems.total - before)
        if writer.full:
            writer.close_segment()
        if len(self.left) >= NOTED_AT_ONCE:
            await self._note_left()
        self._tell()

    async def _note_left(self) -> None:
        """Tell the ledger which entities the route does not want, while the work goes on."""
        left, self.left = self.left, []
        await self.noted
        if left and not self.run.dry_run:
            note = partial(self.services.ledger.conclude, self.ref, left, now=self.services.now())
            # at once: a task would wait until the event loop turns, which it does not while there are records
            self.noted = asyncio.get_running_loop().run_in_executor(None, note)

    def _tell(self) -> None:
        if self.services.progress:
            self.services.progress(
                "transform", {"transformed": self.out, "filtered": self.filtered_count, "rejected": self.problems.total}
            )

    # Fates

    def filtered(self, entity: Entity) -> None:
        self.filtered_count += 1
        self.left.append(Outcome(key=entity.key, status="filtered", version=entity.version or self.version))

    def merged(self, entity: Entity) -> None:  # its key goes on with another state: the ledger hears of that one
        self.merged_count += 1

    def split(self, added: int) -> None:
        self.split_added += added

    def rejected(self, entity: Entity, reason: str, *, field: str | None = None) -> None:
        self.problems.add(entity.key, reason)
        source = None if entity.source is entity.value else entity.source
        problem = Problem(
            entity.key, "transform", "rejected", reason, field, entity.value, source, version=entity.version
        )
        self.problem_writer.add(encode_problem(problem))
        if self.problem_writer.full:
            self.problem_writer.close_segment()

    def log(self, manifest: Manifest) -> None:
        log = self.services.log
        told = ", ".join(f"{count} {name}" for name, count in manifest.counts.items() if count)
        log.info("transformed: %d go on%s in %.1f s", manifest.entities, f", {told}" if told else "", manifest.seconds)
        self.problems.log(log, "rejected")
        for warning in self.warnings:
            log.warning("%s", warning)


def _keeper(route: Route) -> Callable[[Entity], tuple[Any, Any]] | None:
    """What outgoing reads besides the entity itself travels with it; nothing else does."""
    needed = names_needed_by_outgoing(route)
    if not needed:
        return None
    source, lookups = "source" in needed, needed - {"source"}

    def keep(entity: Entity) -> tuple[Any, Any]:
        found = (
            {name: entity.found[name] for name in lookups if name in entity.found} if lookups and entity.found else None
        )
        return (entity.source if source else None), found

    return keep

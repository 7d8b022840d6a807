"""transform: fetched segments go through the route's transformers and become the segments that push sends."""

from __future__ import annotations

import asyncio
from functools import partial

from airflow_integrations.engine.fetch.start import run_ref
from airflow_integrations.engine.gc_tuning import fewer_collections
from airflow_integrations.engine.push.journal.replay import absorb
from airflow_integrations.engine.push.parts import counts_of, repeats_batches
from airflow_integrations.engine.segment_lines import read_entities
from airflow_integrations.engine.settle.rejections import note_rejections
from airflow_integrations.engine.transform.chain import Chain
from airflow_integrations.engine.transform.contract_of_run import contract_of
from airflow_integrations.ledger.records import RunRef
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.ledger.runs.runs import restart_push
from airflow_integrations.route.hash import data_hash
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest
from airflow_integrations.staging.segment_writer import SegmentWriter

__all__ = ["transform"]

NOTED_AT_ONCE = 4_000
"""Filtered entities that are written to the ledger together: bounds memory."""


async def transform(run: Run, services: Services, staging: Staging, *, spread: int = 1) -> Manifest:
    """Take the fetched entities through the transformers, in order, and return the finished manifest.

    ``spread``: how many tasks send them. What they send is divided where there are more than ``tasks.spread_above``.

    Always starts over: it has no effect outside staging. Raises RunError where fetch has not finished or was done by
    another definition of the route, and AnswerError where the source breaks a contract that says so.
    """
    started = services.monotonic()
    digest = data_hash(run.route)
    fetched = staging.completed("fetch", route_hash=digest)
    ref = await run_ref(run, services, staging)
    await absorb(run, ref, services, staging)
    await asyncio.to_thread(restart_push, services.ledger, ref)
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
        entities=stage.chain.out,
        counts=stage.chain.counts,
        parts=_parts(run, services, staging, fetched, stage, spread),
        passed=stage.chain.passed,
        segments=stage.writer.segments,
        problems=stage.problem_writer.segments,
        filtered=stage.filtered_writer.segments,
        saved_at=services.now(),
        seconds=services.monotonic() - started,
        warnings=[*stage.chain.warnings(), *stage.differences] if fetched.entities else [],
    )
    if not run.dry_run:
        await note_rejections(ref, services, staging, manifest)
    staging.save(manifest)
    stage.log(manifest)
    return manifest


def _parts(
    run: Run, services: Services, staging: Staging, fetched: Manifest, stage: _Transform, spread: int
) -> list[int]:
    """How many entities each part of push has; empty where it is not divided."""
    total = stage.chain.out + sum(segment.entities for segment in fetched.carried)
    own = any(segment.entities for segment in fetched.segments)  # else push does not ask for this manifest
    if spread == 1 or total <= run.route.tasks.spread_above or not own:
        return []
    if repeats_batches(staging.blocks(fetched.carried)):
        services.log.info(
            "push is not spread: batches that an earlier run sent, and nobody answered, go again as they were"
        )
        return []
    counts = counts_of(staging.blocks([*stage.writer.segments, *fetched.carried]), spread)
    services.log.info("push is spread over %d tasks: %s entities", spread, " + ".join(map(str, counts)))
    return counts


class _Transform:
    """The chain at work on what fetch has staged; the ledger hears of what is left on the way."""

    def __init__(self, run: Run, services: Services, staging: Staging, ref: RunRef, version: str | None) -> None:
        self.run = run
        self.ref = ref
        self.services = services
        self.staging = staging
        self.writer = SegmentWriter(staging, "transform")
        self.problem_writer = SegmentWriter(staging, "problems-transform")
        self.filtered_writer = SegmentWriter(staging, "filtered")
        self.chain = Chain(run.route, self.writer, self.problem_writer, version, filtered_writer=self.filtered_writer)
        self.differences: list[str] = []
        """Of the source's fields from what was learned, for people."""
        self.noted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.noted.set_result(None)

    async def work(self, fetched: Manifest) -> None:
        chain = self.chain
        contract = await contract_of(self.run, self.services)
        if contract is not None and contract.may_fail:
            await contract.rehearse(read_entities(self.staging.blocks(fetched.segments), lambda *_: None))
        try:
            await chain.open(self.run, self.services)
            retried = len(fetched.retried)
            for again, segments in ((True, fetched.segments[:retried]), (False, fetched.segments[retried:])):
                for batch in read_entities(self.staging.blocks(segments), chain.rejected):
                    admitted = batch if contract is None else contract.admit(batch, chain.rejected)
                    await chain.through(admitted, again=again)
                    await self._passed()
            async for _ in chain.flush():
                await self._passed()
            self.writer.close_segment()
            self.problem_writer.close_segment()
            self.filtered_writer.close_segment()
            await self._note_left()
            await self.noted
            if contract is not None:
                self.differences = await contract.end()
            self._tell()
        finally:
            await asyncio.gather(self.noted, return_exceptions=True)
            await chain.close()

    async def _passed(self) -> None:
        if self.writer.full:
            self.writer.close_segment()
        if len(self.chain.left) >= NOTED_AT_ONCE:
            await self._note_left()
        self._tell()

    async def _note_left(self) -> None:
        """Tell the ledger which entities the route does not want, while the work goes on."""
        left, self.chain.left = self.chain.left, []
        await self.noted
        if left and not self.run.dry_run:
            note = partial(conclude, self.services.ledger, self.ref, left, now=self.services.now())
            # at once: a task would wait until the event loop turns, which it does not while there are records
            self.noted = asyncio.get_running_loop().run_in_executor(None, note)

    def _tell(self) -> None:
        if self.services.progress:
            chain = self.chain
            told = {"transformed": chain.out, "filtered": chain.filtered_count, "rejected": chain.problems.total}
            self.services.progress("transform", told)

    def log(self, manifest: Manifest) -> None:
        log = self.services.log
        told = ", ".join(f"{count} {name}" for name, count in manifest.counts.items() if count)
        log.info("transformed: %d go on%s in %.1f s", manifest.entities, f", {told}" if told else "", manifest.seconds)
        self.services.log_traffic()
        self.chain.problems.log(log, "rejected")
        for warning in manifest.warnings:
            log.warning("%s", warning)

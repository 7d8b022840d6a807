"""The steps of a route at work on fetched entities: of a whole run, or of one part's share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from airflow_integrations.engine.push.parts import WHOLE, Part
from airflow_integrations.engine.segment_lines import read_entities
from airflow_integrations.engine.transform.chain import Chain
from airflow_integrations.engine.transform.contract_of_run import contract_of
from airflow_integrations.ledger.records import RunRef
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.plurals import counted
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest, SegmentRef
from airflow_integrations.staging.segment_writer import SegmentWriter

__all__ = ["StepsAtWork"]

NOTED_AT_ONCE = 4_000
"""Filtered entities that are written to the ledger together: bounds memory."""


class StepsAtWork:
    """The chain at work on what fetch has staged; the ledger hears of what is left on the way.

    ``version`` is that of entities without one. ``part``: whose share it is; its segments have names of their own.
    """

    def __init__(
        self, run: Run, services: Services, staging: Staging, ref: RunRef, version: str | None, part: Part = WHOLE
    ) -> None:
        self.run = run
        self.ref = ref
        self.services = services
        which = f"-p{part.number}" if part.number else ""
        self.writer = SegmentWriter(staging, f"transform{which}")
        self.problem_writer = SegmentWriter(staging, f"problems-transform{which}")
        self.filtered_writer = SegmentWriter(staging, f"filtered{which}")
        self.chain = Chain(
            run.route,
            self.writer,
            self.problem_writer,
            version,
            filtered_writer=self.filtered_writer,
            first_filtered=part.first,
        )
        self.differences: list[str] = []
        """Of the source's fields from what was learned, for people."""
        self.noted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.noted.set_result(None)

    async def work(
        self,
        fetched: Manifest,
        blocks: Callable[[list[SegmentRef]], Iterator[bytes]],
        passed: Callable[[], None] = lambda: None,
    ) -> None:
        """Take what was fetched through the steps. ``blocks`` gives the lines of segments that are to be taken;
        ``passed`` is called after each block, and what it raises ends the work."""
        chain = self.chain
        contract = await contract_of(self.run, self.services)
        if contract is not None and contract.may_fail:
            await contract.rehearse(read_entities(blocks(fetched.segments), lambda *_: None))
        try:
            await chain.open(self.run, self.services)
            retried = len(fetched.retried)
            for again, segments in ((True, fetched.segments[:retried]), (False, fetched.segments[retried:])):
                for batch in read_entities(blocks(segments), chain.rejected):
                    admitted = batch if contract is None else contract.admit(batch, chain.rejected)
                    await chain.through(admitted, again=again)
                    await self._passed()
                    passed()
            async for _ in chain.flush():
                await self._passed()
                passed()
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

    def put_into(self, manifest: Manifest) -> None:
        """Say in a stage's manifest what was done."""
        chain = self.chain
        manifest.entities = chain.out
        manifest.counts = chain.counts
        manifest.passed = chain.passed
        manifest.segments = self.writer.segments
        manifest.problems = self.problem_writer.segments
        manifest.filtered = self.filtered_writer.segments
        manifest.warnings = [*chain.warnings(), *self.differences]

    def log(self, manifest: Manifest, warnings: Iterable[str], which: str = "") -> None:
        """``which``: of which part, for people."""
        log = self.services.log
        told = ", ".join(f"{count} {name}" for name, count in manifest.counts.items() if count)
        log.info(
            "transformed%s: %s%s in %.1f s",
            which,
            counted(manifest.entities, "goes on", "go on"),
            f", {told}" if told else "",
            manifest.seconds,
        )
        self.services.log_traffic()
        self.chain.problems.log(log, "rejected")
        for warning in warnings:
            log.warning("%s", warning)

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

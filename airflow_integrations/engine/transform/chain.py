"""The transformers of a route in their order, and what becomes of the entities that they leave on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from airflow_integrations.engine.grouped_log import GroupedProblems
from airflow_integrations.engine.push.retry_policy import next_attempt
from airflow_integrations.engine.segment_lines import (
    Later,
    Problem,
    encode_problem,
    encode_staged,
    encode_staged_together,
)
from airflow_integrations.entity import Entity, older
from airflow_integrations.formats.json import NOT_JSON
from airflow_integrations.ledger.records import NOT_FOUND, Known, Outcome, PayloadStage
from airflow_integrations.ledger.runs.claims import decided_in, known_entities
from airflow_integrations.masking.mask import Mask
from airflow_integrations.masking.reasons import Hiding
from airflow_integrations.plurals import times
from airflow_integrations.route.check import names_needed_by_outgoing
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.segment_writer import SegmentWriter
from airflow_integrations.transform import Place, Transformer, TransformerBase

__all__ = ["Chain"]


class Chain:
    """The chain at work, for one run. It is also the ``Fates`` that transformers report to.

    What goes on is written with ``writer``, what is rejected with ``problem_writer``; whoever owns them closes their
    segments. ``version`` is that of entities without one, ``told`` hears of each problem. What a step leaves out is
    written with ``filtered_writer``, where there is one, so that people can see why; the place of the first of them is
    ``first_filtered``.
    """

    def __init__(
        self,
        route: Route,
        writer: SegmentWriter,
        problem_writer: SegmentWriter,
        version: str | None,
        told: Callable[[Problem], None] | None = None,
        filtered_writer: SegmentWriter | None = None,
        first_filtered: int = 0,
    ) -> None:
        self._writer = writer
        self._problem_writer = problem_writer
        self._version = version
        self._told = told
        self._filtered_writer = filtered_writer
        self._first_filtered = first_filtered
        self._step = 0
        """The index of the step that is at work."""
        self._keep = _keeper(route)
        self._route = route.route
        self._retry = route.delivery.retry
        self._late: list[tuple[Entity, str, tuple[tuple[str, str], ...]]] = []
        """For which a lookup of the step that is at work found nothing."""
        self._hiding = Hiding(Mask(route.mask, entity=route.entity.name))
        self.steps: list[Transformer] = [
            stage.component()(stage.config, Place(index, stage.kind, route.entity.name))
            for index, stage in enumerate(route.transform)
        ]
        self._conditions = [(stage.kind, _condition(stage.config)) for stage in route.transform]
        holding = [getattr(type(step), "flush", None) is not TransformerBase.flush for step in self.steps]
        self._splits_late = any(kind == "split" and any(holding[:at]) for at, (kind, _) in enumerate(self._conditions))
        """Whether a split comes behind a step that holds entities back, such as a merge."""
        self._held_again = set[str]()
        """Then the keys of what the run took over and the source has not given once more."""
        self._opened: list[Transformer] = []
        self.passed = [0] * len(self.steps)
        """How many entities came out of each step."""
        self.problems = GroupedProblems()
        self.left: list[Outcome] = []
        """Entities that the route does not want, for the ledger: whoever tells it takes them away."""
        self.filtered_count = self.merged_count = self.split_added = self.retrying_count = self.out = 0

    async def open(self, run: Run, services: Services) -> None:
        """Call :meth:`close` also where this raises."""
        self._services, self._run_id = services, run.run_id
        for step in self.steps:
            await step.open(run, services)
            self._opened.append(step)

    async def close(self) -> None:
        opened, self._opened = self._opened, []
        for step in opened:
            await step.close()

    async def through(self, batch: list[Entity], *, behind: int = 0, again: bool = False) -> None:
        """Take entities through the steps, the first ``behind`` of them left out. ``again``: they were taken over from
        earlier runs as the records that they were made of."""
        for index in range(behind, len(self.steps)):
            if not batch:
                return
            self._step = index
            if self._splits_late and (again or self._held_again):
                keys = [entity.key for entity in batch]
                (self._held_again.update if again else self._held_again.difference_update)(keys)
            batch = await self.steps[index].apply(batch, self)
            if again and batch and self._conditions[index][0] == "split":
                batch = await self._taken_over(batch)
            if self._late:
                await self._put_off()
            self.passed[index] += len(batch)
        writer, keep = self._writer, self._keep
        if batch and keep is None and (block := encode_staged_together(batch)) is not None:
            writer.add_block(block, len(batch))
            self.out += len(batch)
            return
        before = self.problems.total
        for entity in batch:
            try:
                writer.add(encode_staged(entity, keep))
            except NOT_JSON as error:
                from airflow_integrations.formats.unwritable_json import why_not_json

                self.rejected(entity, why_not_json(error, entity.value, "the entity"))
        self.out += len(batch) - (self.problems.total - before)

    async def flush(self) -> AsyncIterator[None]:
        """The last batch has passed: what steps held back goes on, a batch at a time."""
        for index, step in enumerate(self.steps):
            self._step = index
            async for batch in step.flush(self):
                self.passed[index] += len(batch)
                for again, some in groupby(batch, lambda entity: entity.key in self._held_again):
                    await self.through(list(some), behind=index + 1, again=again)
                self._step = index
                yield
            getattr(step, "finished", _nothing)()

    def add(self, earlier: Chain) -> None:
        """Go on with the counts of a chain that this one takes the place of."""
        self.problems.total += earlier.problems.total
        self.filtered_count += earlier.filtered_count
        self.merged_count += earlier.merged_count
        self.split_added += earlier.split_added
        self.retrying_count += earlier.retrying_count
        self.out += earlier.out
        self.passed = [sum(both) for both in zip(self.passed, earlier.passed, strict=True)]
        self.left[:0] = earlier.left

    def warnings(self) -> list[str]:
        return [warning for step in self.steps for warning in getattr(step, "warnings", list)()]

    @property
    def counts(self) -> dict[str, int]:
        return {
            "filtered": self.filtered_count,
            "merged": self.merged_count,
            "rejected": self.problems.total,
            "split_added": self.split_added,
            **({"retrying": self.retrying_count} if self.retrying_count else {}),
        }

    async def _taken_over(self, parts: list[Entity]) -> list[Entity]:
        """Those that the run took over, or nobody knows, of what a record was split into once more. Another part has
        its fate, of this state or a newer one: it was delivered, rejected or skipped, or is due later."""
        keys = [part.key for part in parts]
        ledger = self._services.ledger
        known = await asyncio.to_thread(known_entities, ledger, self._route, keys)
        before = await asyncio.to_thread(decided_in, ledger, self._route, self._run_id, keys)
        going = []
        for part in parts:
            found, version = known.get(part.key), part.version or self._version
            if found is None or found.status == "pending" or part.key in before or not _is_settled(found, version):
                going.append(part)
            else:
                self.merged(part)
        return going

    async def _put_off(self) -> None:
        """Those for which nothing was found come again after a pause, and are rejected after the last attempt."""
        late, self._late = self._late, []
        keys = [entity.key for entity, *_ in late]
        ledger = self._services.ledger
        known = await asyncio.to_thread(known_entities, ledger, self._route, keys)
        before = await asyncio.to_thread(decided_in, ledger, self._route, self._run_id, keys)
        now = self._services.now()
        for entity, reason, waits in late:
            found = known.get(entity.key)
            early = _is_early(found, entity, now)
            attempts, since = self._attempts(found, entity, now, again=early is not None or entity.key in before)
            due = early or next_attempt(
                self._retry, attempts=attempts, since=since, now=now, retry_after=None, rng=self._services.rng
            )
            if due is None:
                began = datetime.fromtimestamp(since, UTC).isoformat(" ", "seconds")
                self.rejected(entity, f"{reason}; looked {times(attempts)} since {began} (delivery.retry)")
            else:
                self.retrying_count += 1
                self._keep_problem(entity, "retrying", reason, None, Later(attempts, since, due, waits))

    def _attempts(self, known: Known | None, entity: Entity, now: float, *, again: bool) -> tuple[int, float]:
        """How often this state of the entity has been looked for, this time included, and since when. ``again``: this
        time does not count, or has been counted.

        Without ``entity.version`` each fetch makes a state of its own. Were it another one, what a source gives with
        every fetch would be looked for as if it were new, for ever.
        """
        same = known is not None and known.error_class == NOT_FOUND
        if known is None or not same or known.version != (entity.version or known.version):
            return 1, now
        return known.attempts + (not again), now if known.since is None else known.since

    # Fates

    def filtered(self, entity: Entity) -> None:
        stage: PayloadStage | None = None
        at: int | None = None
        if (writer := self._filtered_writer) is not None:
            source = None if entity.source is entity.value else entity.source
            kind, text = self._conditions[self._step]
            line = Problem(entity.key, "transform", "filtered", text, kind, entity.value, source, ordinal=self._step)
            writer.add(encode_problem(line))
            if writer.full:
                writer.close_segment()
            stage, at = "filtered", self._first_filtered + self.filtered_count
        self.filtered_count += 1
        self.left.append(
            Outcome(
                key=entity.key,
                status="filtered",
                version=entity.version or self._version,
                payload_stage=stage,
                payload_at=at,
            )
        )

    def merged(self, entity: Entity) -> None:  # its key goes on with another state: the ledger hears of that one
        self.merged_count += 1

    def split(self, added: int) -> None:
        self.split_added += added

    def missing(self, entity: Entity, reason: str, *, waits: tuple[tuple[str, str], ...] = ()) -> None:
        self._late.append((entity, reason, waits))

    def rejected(self, entity: Entity, reason: str, *, field: str | None = None) -> None:
        self.problems.add(entity.key, self._keep_problem(entity, "rejected", reason, field))

    def _keep_problem(
        self, entity: Entity, status: str, reason: str, field: str | None, later: Later | None = None
    ) -> str:
        """Stage the entity with its reason, and return the reason as people may see it."""
        reason = self._hiding.reason(reason, entity.source, entity.value)
        source = None if entity.source is entity.value else entity.source
        problem = Problem(
            entity.key, "transform", status, reason, field, entity.value, source, version=entity.version, later=later
        )
        self._problem_writer.add(encode_problem(problem))
        if self._problem_writer.full:
            self._problem_writer.close_segment()
        if self._told is not None:
            self._told(problem)
        return reason


def _is_settled(known: Known, version: str | None) -> bool:
    """Whether what is known is about the state of this version, or a newer one."""
    if known.version is None or version is None:
        return known.version == version
    return known.version == version or older(version, known.version)


def _nothing() -> None:
    """What a step without ``finished`` does then."""


def _condition(config: Any) -> str:
    """The text of a step that is one expression, as ``filter`` is."""
    return str(getattr(getattr(config, "root", None), "text", ""))


def _keeper(route: Route) -> Callable[[Entity], tuple[Any, Any]] | None:
    """What outgoing reads besides the entity itself travels with it, and the source where the route has a mask."""
    needed = names_needed_by_outgoing(route)
    if not needed and not route.mask:
        return None
    asked, lookups = "source" in needed, needed - {"source"}
    source = asked or bool(route.mask)  # what the source gave says what is hidden under another name

    def keep(entity: Entity) -> tuple[Any, Any]:
        found = (
            {name: entity.found[name] for name in lookups if name in entity.found} if lookups and entity.found else None
        )
        return (entity.source if source and (asked or entity.source is not entity.value) else None), found

    return keep


def _is_early(known: Known | None, entity: Entity, now: float) -> float | None:
    """When an entity is due that a fetch has brought before that, in no version of its own."""
    if known is None or entity.version is not None or known.status != "retrying" or known.error_class != NOT_FOUND:
        return None
    return known.next_attempt if known.next_attempt is not None and known.next_attempt > now else None

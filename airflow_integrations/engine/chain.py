"""The transformers of a route in their order, and what becomes of the entities that they leave on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from airflow_integrations.engine.grouped_log import GroupedProblems
from airflow_integrations.engine.hiding import Hiding
from airflow_integrations.engine.records import NOT_JSON, Problem, encode_problem, encode_staged, why_not_json
from airflow_integrations.entity import Entity
from airflow_integrations.ledger.records import Outcome
from airflow_integrations.route import Route
from airflow_integrations.route_check import names_needed_by_outgoing
from airflow_integrations.run import Run, Services
from airflow_integrations.staging import SegmentWriter
from airflow_integrations.transform import Place, Transformer

__all__ = ["Chain"]


class Chain:
    """The chain at work, for one run. It is also the ``Fates`` that transformers report to.

    What goes on is written with ``writer``, what is rejected with ``problem_writer``; whoever owns them closes their
    segments. ``version`` is that of entities without one, ``told`` hears of each problem.
    """

    def __init__(
        self,
        route: Route,
        writer: SegmentWriter,
        problem_writer: SegmentWriter,
        version: str | None,
        told: Callable[[Problem], None] | None = None,
    ) -> None:
        self._writer = writer
        self._problem_writer = problem_writer
        self._version = version
        self._told = told
        self._keep = _keeper(route)
        self._hiding = Hiding(route)
        self.steps: list[Transformer] = [
            stage.component()(stage.config, Place(index, stage.kind, route.entity.name))
            for index, stage in enumerate(route.transform)
        ]
        self._opened: list[Transformer] = []
        self.passed = [0] * len(self.steps)
        """How many entities came out of each step."""
        self.problems = GroupedProblems()
        self.left: list[Outcome] = []
        """Entities that the route does not want, for the ledger: whoever tells it takes them away."""
        self.filtered_count = self.merged_count = self.split_added = self.out = 0

    async def open(self, run: Run, services: Services) -> None:
        """Call :meth:`close` also where this raises."""
        for step in self.steps:
            await step.open(run, services)
            self._opened.append(step)

    async def close(self) -> None:
        opened, self._opened = self._opened, []
        for step in opened:
            await step.close()

    async def through(self, batch: list[Entity], *, behind: int = 0) -> None:
        """Take entities through the steps, the first ``behind`` of them left out."""
        for index in range(behind, len(self.steps)):
            if not batch:
                return
            batch = await self.steps[index].apply(batch, self)
            self.passed[index] += len(batch)
        writer, keep = self._writer, self._keep
        before = self.problems.total
        for entity in batch:
            try:
                writer.add(encode_staged(entity, keep))
            except NOT_JSON as error:
                self.rejected(entity, why_not_json(error))
        self.out += len(batch) - (self.problems.total - before)

    async def flush(self) -> AsyncIterator[None]:
        """The last batch has passed: what steps held back goes on, a batch at a time."""
        for index, step in enumerate(self.steps):
            async for batch in step.flush(self):
                self.passed[index] += len(batch)
                await self.through(batch, behind=index + 1)
                yield

    def add(self, earlier: Chain) -> None:
        """Go on with the counts of a chain that this one takes the place of."""
        self.problems.total += earlier.problems.total
        self.filtered_count += earlier.filtered_count
        self.merged_count += earlier.merged_count
        self.split_added += earlier.split_added
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
        }

    # Fates

    def filtered(self, entity: Entity) -> None:
        self.filtered_count += 1
        self.left.append(Outcome(key=entity.key, status="filtered", version=entity.version or self._version))

    def merged(self, entity: Entity) -> None:  # its key goes on with another state: the ledger hears of that one
        self.merged_count += 1

    def split(self, added: int) -> None:
        self.split_added += added

    def rejected(self, entity: Entity, reason: str, *, field: str | None = None) -> None:
        reason = self._hiding.reason(reason, entity.source, entity.value)
        self.problems.add(entity.key, reason)
        source = None if entity.source is entity.value else entity.source
        problem = Problem(
            entity.key, "transform", "rejected", reason, field, entity.value, source, version=entity.version
        )
        self._problem_writer.add(encode_problem(problem))
        if self._problem_writer.full:
            self._problem_writer.close_segment()
        if self._told is not None:
            self._told(problem)


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

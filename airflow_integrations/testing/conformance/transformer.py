"""Conformance suite for kinds of transformers; a third party derives from it and gives one fixture.

class TestMine(TransformerSuite):
    @pytest.fixture
    def step(self):
        return Step(kind="mine", config={…}, entities=[{"id": 1}], expected=[{"id": 1, "more": 2}])
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from airflow_integrations.entity import Entity
from airflow_integrations.testing.conformance.suite_run import OneKind
from airflow_integrations.transform import Place, Transformer

__all__ = ["Seen", "Step", "TransformerSuite"]

STRANGE: tuple[Any, ...] = (
    {},
    {"id": None},
    {"id": [], "lines": {"a": 1}},
    {"id": 10**40, "amount": Decimal("1e-30"), "text": "\x00\ud7ff"},
    {"id": {"id": {"id": {}}}},
    [],
    "text",
    7,
    True,
)
"""Entities that nobody has thought of: a transformer rejects them or lets them pass, and never breaks."""


@dataclass(slots=True)
class Seen:
    """Keeps what a transformer reports."""

    filtered_keys: list[str] = field(default_factory=list)
    merged_keys: list[str] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    rejections: int = 0
    added: int = 0

    def filtered(self, entity: Entity) -> None:
        self.filtered_keys.append(entity.key)

    def merged(self, entity: Entity) -> None:
        self.merged_keys.append(entity.key)

    def rejected(self, entity: Entity, reason: str, *, field: str | None = None) -> None:
        self.reasons[entity.key] = reason
        self.rejections += 1

    def missing(self, entity: Entity, reason: str, *, waits: tuple[tuple[str, str], ...] = ()) -> None:
        self.rejected(entity, reason)

    def split(self, added: int) -> None:
        self.added += added

    @property
    def gone(self) -> int:
        return len(self.filtered_keys) + len(self.merged_keys) + self.rejections


@dataclass(kw_only=True)
class Step(OneKind):
    """A step that makes ``expected`` of ``entities``, in this order."""

    entities: list[Any]
    """Objects with an ``id``, which becomes the key."""
    expected: list[Any]
    filtered: Sequence[str] = ()
    rejected: Sequence[str] = ()
    merged: Sequence[str] = ()

    def __post_init__(self) -> None:
        self.part = "transform"

    def make(self) -> Transformer:
        """A new instance of the kind, at the head of the chain."""
        stage = self.load().transform[0]
        made: Transformer = stage.component()(stage.config, Place(0, stage.kind, self.entity))
        return made

    def batch(self, values: Sequence[Any] | None = None) -> list[Entity]:
        given = copy.deepcopy(list(self.entities if values is None else values))
        return [
            Entity(str(value["id"]) if values is None else f"strange-{number}", value, version="1")
            for number, value in enumerate(given)
        ]

    async def through(self, *batches: list[Entity]) -> tuple[list[Entity], Seen]:
        """What comes out of these batches, held-back entities included, and what was reported."""
        seen, out, step = Seen(), list[Entity](), self.make()
        async with self.services() as services:
            await step.open(self.run(), services)
            try:
                for batch in batches:
                    out += await step.apply(batch, seen)
                async for batch in step.flush(seen):
                    out += batch
            finally:
                await step.close()
        return out, seen


class TransformerSuite:
    """Derive from it, call the class ``Test…``, and override ``step``."""

    @pytest.fixture
    def step(self) -> Step:
        pytest.fail("override the fixture `step`: it returns a Step")

    def test_makes_of_entities_what_is_expected(self, step: Step) -> None:
        out, seen = asyncio.run(step.through(step.batch()))
        assert [entity.value for entity in out] == step.expected
        assert sorted(seen.filtered_keys) == sorted(step.filtered)
        assert sorted(seen.merged_keys) == sorted(step.merged)
        assert sorted(seen.reasons) == sorted(step.rejected)

    def test_accounts_for_every_entity(self, step: Step) -> None:
        out, seen = asyncio.run(step.through(step.batch()))
        assert len(step.entities) + seen.added == len(out) + seen.gone

    def test_the_size_of_batches_changes_nothing(self, step: Step) -> None:
        whole, _ = asyncio.run(step.through(step.batch()))
        single, _ = asyncio.run(step.through(*([entity] for entity in step.batch())))
        assert [(entity.key, entity.value) for entity in single] == [(entity.key, entity.value) for entity in whole]

    def test_an_empty_batch_gives_nothing(self, step: Step) -> None:
        out, seen = asyncio.run(step.through([]))
        assert out == []
        assert seen.gone == 0

    def test_what_was_fetched_stays_as_it_was(self, step: Step) -> None:
        batch = step.batch()
        before = [copy.deepcopy(entity.source) for entity in batch]
        sources = [entity.source for entity in batch]
        asyncio.run(step.through(batch))
        assert sources == before

    def test_entities_that_go_on_keep_key_and_version(self, step: Step) -> None:
        out, seen = asyncio.run(step.through(step.batch()))
        if not seen.added:
            given = {entity.key for entity in step.batch()}
            assert all(entity.key in given and entity.version == "1" for entity in out)

    def test_strange_entities_are_their_own_matter(self, step: Step) -> None:
        strange = step.batch(STRANGE)
        out, seen = asyncio.run(step.through(strange, step.batch()))
        assert len(STRANGE) + len(step.entities) + seen.added == len(out) + seen.gone
        good = [entity.value for entity in out if not entity.key.startswith("strange-")]
        assert good == step.expected

    def test_every_rejection_says_why(self, step: Step) -> None:
        _, seen = asyncio.run(step.through(step.batch(STRANGE), step.batch()))
        assert all(reason.strip() for reason in seen.reasons.values())

    def test_refuses_options_that_it_does_not_know(self, step: Step) -> None:
        if step.free_form or not isinstance(step.config, Mapping):
            pytest.skip("this kind has no options of fixed names")
        with pytest.raises(ValidationError):
            step.load(extra={"no_such_option": 1})

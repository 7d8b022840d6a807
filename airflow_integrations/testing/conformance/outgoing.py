"""Conformance suite for kinds of outgoing; a third party derives from it and gives one fixture.

class TestMine(OutgoingSuite):
    @pytest.fixture
    def target(self):
        return Target(kind="mine", config={"connection": "x"}, entities=[{"id": 1}, {"id": 2}], received=…)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from airflow_integrations.errors import OutageError
from airflow_integrations.formats.json import encode
from airflow_integrations.outgoing import Outbound, Outgoing, Result, ResultStatus
from airflow_integrations.run import Services
from airflow_integrations.testing.conformance.suite_run import OneKind
from airflow_integrations.testing.sockets import no_network

__all__ = ["OutgoingSuite", "Target"]


@dataclass(kw_only=True)
class Target(OneKind):
    """A target that takes every one of ``entities``."""

    entities: list[Any]
    """Objects with an ``id``, which becomes the key; at least two."""
    batch: int = 1
    """``delivery.batch``"""
    received: Callable[[], list[Any]] | None = None
    """Every entity that the target has by now, in any order, as often as it got it. None where it cannot be asked."""
    refused: Any = None
    """An entity that the target refuses, where there is one: it must have an ``id`` too."""
    away: Callable[[], Services] | None = None
    """Surroundings in which the target cannot be reached."""
    deleted: Callable[[], Collection[str]] | None = None
    """The keys of entities that the target was told are gone. None where it cannot be told, or asked."""
    keys: Callable[[], list[str]] | None = None
    """The idempotency keys that the target was sent, in order. None where it gets none."""
    waiting: Any = None
    """An entity of which the target says later what became of it, where there is one: it must have an ``id`` too."""
    verifies: bool = False
    """Whether it can be asked, as configured here, for what is in doubt: it has a method ``verify``."""

    def __post_init__(self) -> None:
        self.part = "outgoing"
        self.route = {"delivery": {"batch": self.batch}, **self.route}

    def make(self) -> Outgoing:
        route = self.load()
        made: Outgoing = route.outgoing.component()(route.outgoing.config, route)
        return made

    def outbound(self, entities: Sequence[Any] | None = None) -> list[Outbound]:
        given = self.entities if entities is None else entities
        return [Outbound(str(entity["id"]), encode(entity), route="suite") for entity in given]

    def deletions(self) -> list[Outbound]:
        """A deletion of every entity, under the id that the target is taken to have for it: its key."""
        return [
            Outbound(o.key, o.encoded, route="suite", generation=1, deleted=True, target_id=o.key)
            for o in self.outbound()
        ]

    async def send(self, batch: list[Outbound], services: Callable[[], Services] | None = None) -> list[Result]:
        """The results of sending in batches of the route's size."""
        results: list[Result] = []
        async with self.opened(services) as outgoing:
            for first in range(0, len(batch), self.batch):
                results += await outgoing.send(batch[first : first + self.batch])
        return results

    @asynccontextmanager
    async def opened(self, services: Callable[[], Services] | None = None) -> AsyncIterator[Outgoing]:
        """One that has been opened; it is closed at the end."""
        outgoing = self.make()
        async with (services or self.services)() as surroundings:
            await outgoing.open(self.run(), surroundings)
            try:
                yield outgoing
            finally:
                await outgoing.close()


class OutgoingSuite:
    """Derive from it, call the class ``Test…``, and override ``target``."""

    @pytest.fixture
    def target(self) -> Target:
        pytest.fail("override the fixture `target`: it returns a Target")

    def test_gives_one_result_for_each_entity(self, target: Target) -> None:
        results = asyncio.run(target.send(target.outbound()))
        assert len(results) == len(target.entities)
        assert {result.status for result in results} <= set(get_args(ResultStatus))

    def test_delivers_every_entity_once(self, target: Target) -> None:
        results = asyncio.run(target.send(target.outbound()))
        if target.received is None:
            pytest.skip("the target cannot be asked what it has")
        assert {result.status for result in results} == {"delivered"}
        assert sorted(map(encode, target.received())) == sorted(map(encode, target.entities))

    def test_a_refused_entity_fails_alone_and_in_its_place(self, target: Target) -> None:
        if target.refused is None:
            pytest.skip("the target refuses nothing")
        middle = len(target.entities) // 2
        entities = [*target.entities[:middle], target.refused, *target.entities[middle:]]
        results = asyncio.run(target.send(target.outbound(entities)))
        assert [result.status for result in results] == ["delivered"] * middle + ["failed"] + ["delivered"] * (
            len(target.entities) - middle
        )
        assert results[middle].reason

    def test_a_target_that_is_away_is_an_outage(self, target: Target) -> None:
        if target.away is None:
            pytest.skip("the target is never away")
        try:
            results = asyncio.run(target.send(target.outbound(), target.away))
        except OutageError:
            return
        assert {result.status for result in results} <= {"pending"}

    def test_deletes_and_deleting_again_is_no_error(self, target: Target) -> None:
        if target.deleted is None:
            pytest.skip("deletes nothing")
        for _ in range(2):
            results = asyncio.run(target.send(target.deletions()))
            assert {result.status for result in results} == {"delivered"}
            assert len(results) == len(target.entities)
        assert set(target.deleted()) == {outbound.key for outbound in target.outbound()}

    def test_deletions_between_others_keep_their_place(self, target: Target) -> None:
        if target.deleted is None or target.received is None or target.refused is None:
            pytest.skip("needs a target that deletes, refuses, and can be asked")
        first, *others = target.entities
        batch = target.outbound([target.refused, *others])
        batch.insert(1, target.deletions()[0])
        results = asyncio.run(target.send(batch))
        assert [result.status for result in results] == ["failed", "delivered", *["delivered"] * len(others)]
        assert set(target.deleted()) == {str(first["id"])}
        assert sorted(map(encode, target.received())) == sorted(map(encode, others))

    def test_a_retry_keeps_its_key_and_a_later_state_has_another(self, target: Target) -> None:
        if target.keys is None:
            pytest.skip("sends no idempotency keys")
        for generation in (0, 0, 1):
            (outbound,) = target.outbound(target.entities[:1])
            outbound.generation = generation
            asyncio.run(target.send([outbound]))
        first, retry, later = target.keys()
        assert first == retry != later

    def test_what_waits_says_for_how_long(self, target: Target) -> None:
        if target.waiting is None:
            pytest.skip("the target decides at once")
        (result,) = asyncio.run(target.send(target.outbound([target.waiting])))
        assert result.status == "waiting"
        assert result.deadline is not None
        assert result.deadline > 0

    def test_verifying_finds_what_was_delivered_and_nothing_else(self, target: Target) -> None:
        if not target.verifies:
            pytest.skip("cannot be asked for what is in doubt")

        async def verified() -> list[Result | None]:
            (outbound,) = target.outbound(target.entities[:1])
            async with target.opened() as outgoing:
                verify = outgoing.verify  # type: ignore[attr-defined]  # optional in the protocol
                before = await verify(outbound)
                await outgoing.send([outbound])
                return [before, await verify(outbound)]

        before, after = asyncio.run(verified())
        assert before is None
        assert after is not None
        assert after.status == "delivered"

    def test_what_went_wrong_has_a_cause(self, target: Target) -> None:
        if target.refused is None:
            pytest.skip("the target refuses nothing")
        (result,) = asyncio.run(target.send(target.outbound([target.refused])))
        assert result.cause

    def test_opening_sends_nothing(self, target: Target) -> None:
        asyncio.run(target.send([]))
        assert target.received is None or target.received() == []

    def test_making_one_touches_no_network(self, target: Target) -> None:
        with no_network():
            assert isinstance(target.make().repeatable, bool)

    def test_can_be_closed_without_having_been_opened(self, target: Target) -> None:
        asyncio.run(target.make().close())

    def test_refuses_options_that_it_does_not_know(self, target: Target) -> None:
        if target.free_form or not isinstance(target.config, Mapping):
            pytest.skip("this kind has no options of fixed names")
        with pytest.raises(ValidationError):
            target.load(extra={"no_such_option": 1})

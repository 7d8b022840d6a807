"""What every kind of outgoing has to keep to; a third party derives from it and gives one fixture.

class TestMine(OutgoingSuite):
    @pytest.fixture
    def target(self):
        return Target(kind="mine", config={"connection": "x"}, entities=[{"id": 1}, {"id": 2}], received=…)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from airflow_integrations.errors import OutageError
from airflow_integrations.formats.json import encode
from airflow_integrations.outgoing import Outbound, Outgoing, Result, ResultStatus
from airflow_integrations.run import Services
from airflow_integrations.testing.sockets import no_network
from airflow_integrations.testing.suite_run import OneKind

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

    async def send(self, batch: list[Outbound], services: Callable[[], Services] | None = None) -> list[Result]:
        """The results of sending in batches of the route's size."""
        outgoing, results = self.make(), list[Result]()
        async with (services or self.services)() as opened:
            await outgoing.open(self.run(), opened)
            try:
                for first in range(0, len(batch), self.batch):
                    results += await outgoing.send(batch[first : first + self.batch])
            finally:
                await outgoing.close()
        return results


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

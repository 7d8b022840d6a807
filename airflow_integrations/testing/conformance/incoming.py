"""Conformance suite for kinds of incoming; a third party derives from it and gives one fixture.

class TestMine(IncomingSuite):
    @pytest.fixture
    def source(self):
        return Source(kind="mine", config={"connection": "x"}, records=[{"id": 1}, {"id": 2}], services=…)
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import ValidationError

from airflow_integrations.discovery import Bounds, Discovery
from airflow_integrations.errors import IntegrationError
from airflow_integrations.formats.json import decode, encode
from airflow_integrations.incoming import Incoming, Page
from airflow_integrations.testing.conformance.suite_run import OneKind
from airflow_integrations.testing.sockets import no_network

__all__ = ["IncomingSuite", "Source"]


@dataclass(kw_only=True)
class Source(OneKind):
    """A source that gives ``records``, all of them, in this order, on at least two pages."""

    records: list[Any]
    place: str | None = None
    """Of a kind with ``discover``: what it is asked about; None for everything."""

    def __post_init__(self) -> None:
        self.part = "incoming"

    def make(self) -> Incoming:
        """A new instance of the kind."""
        route = self.load()
        made: Incoming = route.incoming.component()(route.incoming.config, route)
        return made

    async def discovered(self, bounds: Bounds) -> Discovery | str | None:
        """What ``discover`` tells of the configuration's Connection; None where the kind has none, or cannot ask."""
        kind = self.load().incoming.component()
        if not hasattr(kind, "discover") or "connection" not in self.config:
            return None
        async with self.services() as services:
            try:
                found: Discovery | str = await kind.discover(self.config["connection"], self.place, services, bounds)
            except IntegrationError:
                return None
        return found

    async def pages(self, resume: Any = None) -> list[Page]:
        """All pages from ``resume`` on, from a new instance in new surroundings."""
        async with self.services() as services, aclosing(self.make().pages(self.run(), services, resume)) as pages:
            return [page async for page in pages]


class IncomingSuite:
    """Derive from it, call the class ``Test…``, and override ``source``."""

    @pytest.fixture
    def source(self) -> Source:
        pytest.fail("override the fixture `source`: it returns a Source")

    def test_gives_every_record_once_and_in_order(self, source: Source) -> None:
        pages = asyncio.run(source.pages())
        assert [record for page in pages for record in page.values()] == source.records

    def test_has_more_than_one_page(self, source: Source) -> None:
        assert len(asyncio.run(source.pages())) > 1, "give the Source enough records for two pages: one proves nothing"

    def test_only_the_last_page_has_no_place_to_go_on_from(self, source: Source) -> None:
        *before, last = asyncio.run(source.pages())
        assert last.resume is None
        assert all(page.resume is not None for page in before)

    def test_goes_on_behind_any_page_without_loss_or_repetition(self, source: Source) -> None:
        pages = asyncio.run(source.pages())
        for number, page in enumerate(pages[:-1]):
            passed = sum(len(earlier.records) for earlier in pages[: number + 1])
            later = asyncio.run(source.pages(decode(encode(page.resume))))
            assert [record for each in later for record in each.values()] == source.records[passed:], (
                f"behind page {number}"
            )

    def test_the_place_to_go_on_from_is_json(self, source: Source) -> None:
        for page in asyncio.run(source.pages()):
            assert decode(encode(page.resume)) == page.resume

    def test_comes_out_the_same_twice(self, source: Source) -> None:
        first, second = asyncio.run(source.pages()), asyncio.run(source.pages())
        assert [page.values() for page in first] == [page.values() for page in second]

    def test_can_be_left_after_the_first_page(self, source: Source) -> None:
        async def first() -> Page:
            async with source.services() as services, aclosing(source.make().pages(source.run(), services)) as pages:
                return await anext(pages)

        page = asyncio.run(first())
        assert page.values() == source.records[: len(page.records)]

    def test_tells_what_there_is_within_bounds(self, source: Source) -> None:
        found = asyncio.run(source.discovered(Bounds(most=1, fields=3)))
        if found is None:
            pytest.skip("this kind does not tell what there is, or its system cannot be asked here")
        if isinstance(found, str):
            assert found, "a system of another kind is told with the reason"
            return
        kind = source.load().incoming.component()
        assert isinstance(kind.discovers, frozenset)
        assert len(found.collections) <= 1
        for each in found.collections:
            assert len(each.fields) <= 3
            if each.incoming is not None:
                kind.Config.model_validate({"connection": source.config["connection"], **each.incoming})

    def test_making_one_touches_no_network(self, source: Source) -> None:
        with no_network():
            source.make()

    def test_refuses_options_that_it_does_not_know(self, source: Source) -> None:
        if source.free_form or not isinstance(source.config, Mapping):
            pytest.skip("this kind has no options of fixed names")
        with pytest.raises(ValidationError):
            source.load(extra={"no_such_option": 1})

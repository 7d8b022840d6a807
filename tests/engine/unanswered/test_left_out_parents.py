"""``for_each``: a parent whose children the source cannot give holds up no other, and nothing is taken for read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from asked_world import AskedWorld, Service
from engine_kinds import MemoryOutgoing

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.segment_lines import read_problems
from airflow_integrations.errors import AnswerError, IntegrationError, OutageError, SetupError
from airflow_integrations.ledger.runs.runs import route_state
from airflow_integrations.window import Window

NEXT = Window.parse("2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z")


class Shop(Service):
    """Eight places, four on a page, with two pages of one order each. ``bad``: what a place answers instead, from its
    first page on, or from its second one where the place is in ``late``."""

    def __init__(self) -> None:
        self.places: list[Any] = [{"id": number} for number in range(1, 9)]
        self.bad: dict[str, int | str] = {}
        self.late: set[str] = set()
        self.recovers_after: int | None = None
        self.asked: Counter[str] = Counter()

    async def list(self, request: web.Request) -> web.Response:
        page = int(request.query.get("after", "0"))
        more = page + 4 if page + 4 < len(self.places) else None
        return web.json_response({"places": self.places[page : page + 4], "next": more})

    async def orders(self, request: web.Request) -> web.Response:
        place, after = request.match_info["place"], request.query.get("after")
        self.asked[place] += 1
        if self.asked[place] == self.recovers_after:
            self.bad = {}
        how = self.bad.get(place)
        if how is not None and (place not in self.late or after):
            if isinstance(how, int):
                return web.Response(status=how, text="not this place")
            return web.Response(text=how, content_type="text/html")
        number = int(place) * 10 + bool(after)
        return web.json_response({"orders": [{"id": number, "at": number}], "next": None if after else "1"})


class World(AskedWorld):
    service: Shop

    def load(self, for_each: Any = None, **options: Any) -> None:
        paging = {"style": "cursor", "next": "body.next", "param": "after"}
        listed = {
            "connection": "shop",
            "for_each": {
                "path": "/places",
                "records": "body.places",
                "name": "place",
                "pagination": paging,
                **(for_each or {}),
            },
            "path": "/places/{{ place.id }}/orders",
            "records": "body.orders",
            "pagination": paging,
            **({"cursor": options.pop("cursor")} if "cursor" in options else {}),
        }
        super().load(incoming={"http": listed}, **options)

    @property
    def mark(self) -> Any:
        return route_state(self.ledger, "orders").mark

    async def problems(self, number: int) -> list[str]:
        _, staging = self.begin(number)
        manifest = staging.manifest("fetch")
        assert manifest is not None
        return [problem.reason for problem in read_problems(staging.blocks(manifest.problems))]


@pytest.fixture
async def world(ledger_url: str, tmp_path: Path) -> AsyncIterator[World]:
    MemoryOutgoing.sent.clear()
    shop = Shop()
    async with shop.answering({"/places": shop.list, "/places/{place}/orders": shop.orders}):
        made = World(shop, ledger_url, tmp_path)
        yield made
        made.ledger.close()


def sent() -> list[int]:
    return sorted(json.loads(one.encoded)["id"] for batch in MemoryOutgoing.sent for one in batch if not one.deleted)


def deleted() -> list[str]:
    return sorted(one.key for batch in MemoryOutgoing.sent for one in batch if one.deleted)


def all_but(*places: int) -> list[int]:
    return sorted(place * 10 + n for place in range(1, 9) if place not in places for n in (0, 1))


@pytest.mark.parametrize("how", [500, 422, 403, "<html>Sorry"])
@pytest.mark.parametrize("place", [1, 3, 8])
async def test_the_others_go_on_and_it_comes_with_the_run_that_can_read_it(world: World, how: Any, place: int) -> None:
    world.service.bad = {str(place): how}
    for _ in range(2):
        found = await world.fetched_run()
        assert (found["fetched"], found["rejected"]) == (15, 1)
        assert sent() == all_but(place)
        assert world.mark is None
        assert world.service.asked[str(place)] == 2  # once more, behind all others
        world.service.asked.clear()
    (why,) = await world.problems(1)
    assert f"the children of place '{place}' could not be read" in why
    assert "not this place" in why or "HTML" in why
    world.service.bad = {}
    assert await world.fetched_run() == {"fetched": 16, "delivered": 2, "unchanged": 14}
    assert sent() == all_but()
    assert world.mark is not None


async def test_where_it_answers_the_second_time_nothing_is_missing(world: World) -> None:
    world.service.bad, world.service.recovers_after = {"3": 500}, 2
    assert await world.fetched_run() == {"fetched": 16, "delivered": 16}
    assert world.mark is not None


async def test_what_came_of_its_children_before_goes_out_once(world: World) -> None:
    world.service.bad, world.service.late = {"3": 500}, {"3"}
    assert await world.fetched_run() == {"fetched": 16, "delivered": 15, "rejected": 1}
    assert sent() == sorted([*all_but(3), 30])
    assert world.service.asked["3"] == 3  # the second page is asked for again, not the first


@pytest.mark.parametrize("options", [{"missing": "emit"}, {"cursor": {"field": "at", "param": "since"}}])
async def test_neither_mark_nor_cursor_move_and_nothing_is_deleted(world: World, options: Any) -> None:
    world.load(**options)
    assert await world.fetched_run() == {"fetched": 16, "delivered": 16}
    before = route_state(world.ledger, "orders")
    world.window = NEXT
    world.service.places = [*world.service.places[1:], {"id": 9}]
    world.service.bad = {"3": 500}
    assert await world.fetched_run() == {"fetched": 15, "delivered": 2, "unchanged": 12, "rejected": 1}
    after = route_state(world.ledger, "orders")
    assert (after.mark, after.cursor) == (before.mark, before.cursor)
    assert not deleted()
    world.service.bad = {}
    await world.fetched_run()
    assert route_state(world.ledger, "orders").mark == NEXT.end
    assert deleted() == (["10", "11"] if "missing" in options else [])


async def test_a_window_that_is_done_is_read_again_as_a_whole(world: World) -> None:
    """An old run was cleared: what it leaves out would be in no later run's window."""
    assert await world.fetched_run(1) == {"fetched": 16, "delivered": 16}
    world.service.bad = {"3": 500}
    with pytest.raises(OutageError, match="places/3"):
        await world.fetched_run(2)


async def test_more_than_three_in_a_row_where_the_source_answers_others(world: World) -> None:
    world.service.bad = dict.fromkeys("23456", 500)
    found = await world.fetched_run()
    assert (found["delivered"], found["rejected"]) == (6, 5)
    assert sent() == all_but(2, 3, 4, 5, 6)


@pytest.mark.parametrize(
    ("how", "error"), [(500, OutageError), (403, SetupError), (401, SetupError), ("<html>", AnswerError)]
)
async def test_where_none_answers_the_source_is_to_blame(world: World, how: Any, error: type[Exception]) -> None:
    world.service.bad = dict.fromkeys("12345678", how)
    with pytest.raises(error):
        await world.fetched_run(1)
    world.service.bad = {}
    assert await world.fetched_run(1) == {"fetched": 16, "delivered": 16}


@pytest.mark.parametrize("how", [401, 404, 429])
async def test_what_is_no_parents_own_matter_ends_the_fetch(world: World, how: int) -> None:
    world.service.bad = {"3": how}
    with pytest.raises(IntegrationError, match=str(how)):
        await world.fetched_run(1)


async def test_a_source_that_goes_away_in_the_middle_loses_nothing(world: World) -> None:
    """And the one that was set aside before is not forgotten."""
    world.service.bad = {"2": 500, **dict.fromkeys("5678", 503)}
    world.service.late = {"6"}
    orders = world.service.orders

    async def leaves(request: web.Request) -> web.Response:
        if request.match_info["place"] == "5":
            world.service.bad |= dict.fromkeys("1234", 503)
        return await orders(request)

    world.service.orders = leaves  # type: ignore[method-assign]
    async with world.service.answering({"/places": world.service.list, "/places/{place}/orders": leaves}):
        with pytest.raises(OutageError, match="503"):
            await world.fetched_run(1)
    assert world.mark is None
    world.service.bad = {"2": 500}
    async with world.service.answering({"/places": world.service.list, "/places/{place}/orders": orders}):
        assert await world.fetched_run(1) == {"fetched": 15, "delivered": 14, "rejected": 1}
    assert sent() == all_but(2)
    assert world.mark is None


@pytest.mark.parametrize("change", [{"explicit": True}, {"kind": "backfill"}, {"limit": 100}, {"dry_run": True}])
async def test_a_window_that_no_later_run_asks_for_again_is_read_as_a_whole(world: World, change: Any) -> None:
    world.service.bad = {"3": 500}
    run, staging = world.begin()
    async with world.services() as services:
        with pytest.raises(OutageError, match="places/3"):
            await fetch(replace(run, **change), services, staging)


async def test_a_parent_of_which_no_request_can_be_made(world: World) -> None:
    world.service.places[2] = {"name": "no id"}
    found = await world.fetched_run()
    assert (found["delivered"], found["rejected"]) == (14, 1)
    assert "place" in (await world.problems(1))[0]

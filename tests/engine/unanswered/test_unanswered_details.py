"""Listed items whose details the source cannot give: each waits or is rejected alone, and is not lost."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from asked_world import AskedWorld, Service
from engine_kinds import MemoryOutgoing

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.errors import AnswerError, IntegrationError, OutageError, SetupError
from airflow_integrations.ledger.runs.runs import route_state


class Shop(Service):
    """Lists orders, four on a page, and answers for the details of those in ``bad`` as that says."""

    def __init__(self) -> None:
        self.listed = list(range(1, 9))
        self.bad: dict[int, Any] = {}
        self.asked: Counter[int] = Counter()
        self.before_page: Callable[[int], None] = lambda page: None
        self.size = 4
        self.asks_again: Callable[[], web.Response] | None = None
        """What the list answers once details were asked for."""

    async def list(self, request: web.Request) -> web.Response:
        page = int(request.query["page"])
        self.before_page(page)
        if self.asks_again is not None and self.asked:
            return self.asks_again()
        hour, size = request.query.get("hour"), self.size
        there = [number for number in self.listed if hour in (None, f"{number:02}")]
        found = there[page * size - size : page * size]
        return web.json_response({"orders": [{"id": number, "at": f"2026-01-01T0{number}"} for number in found]})

    async def order(self, request: web.Request) -> web.Response:
        number = int(request.match_info["id"])
        self.asked[number] += 1
        how = self.bad.get(number)
        if how == "reset":
            assert request.transport is not None
            request.transport.abort()
        if how == "html":
            return web.Response(text="<html>Sorry", content_type="text/html")
        if isinstance(how, int):
            return web.Response(status=how, text="not this one")
        return web.json_response({"id": number, "at": f"2026-01-01T0{number}", "total": number * 10})


class World(AskedWorld):
    service: Shop

    def load(self, entity: Any = None, http: Any = None, **options: Any) -> None:
        listed = {
            "connection": "shop",
            "path": "/orders",
            "records": "body.orders",
            "pagination": {"style": "page", "size": 4},
            "details": {"path": "/orders/{{ item.id }}"},
        }
        entity = {"name": "order", "key": "order.id", **(entity or {})}
        super().load(entity=entity, incoming={"http": {**listed, **(http or {})}}, **options)

    @property
    def shop(self) -> Shop:
        return self.service

    async def run(self, number: int | None = None) -> dict[str, int]:
        return await self.fetched_run(number)


@pytest.fixture
async def world(ledger_url: str, tmp_path: Path) -> AsyncIterator[World]:
    MemoryOutgoing.sent.clear()
    shop = Shop()
    async with shop.answering({"/orders": shop.list, "/orders/{id}": shop.order}):
        made = World(shop, ledger_url, tmp_path)
        yield made
        made.ledger.close()


def sent() -> list[int]:
    found = [
        json.loads(outbound.encoded) for batch in MemoryOutgoing.sent for outbound in batch if not outbound.deleted
    ]
    assert all(record["total"] == record["id"] * 10 for record in found)  # never the thin record
    return sorted(record["id"] for record in found)


def deleted() -> list[str]:
    return [outbound.key for batch in MemoryOutgoing.sent for outbound in batch if outbound.deleted]


@pytest.mark.parametrize("how", [500, "reset"])
async def test_it_comes_when_the_source_recovers_though_it_is_listed_no_more(world: World, how: Any) -> None:
    world.shop.bad = {3: how}
    assert await world.run() == {"fetched": 8, "delivered": 7, "retrying": 1}
    assert sent() == [1, 2, 4, 5, 6, 7, 8]
    assert (world.entity("3").status, world.entity("3").attempts) == ("retrying", 1)
    assert route_state(world.ledger, "orders").mark is not None
    world.shop.listed, world.shop.bad = [9], {}
    assert await world.run() == {"fetched": 1, "delivered": 1}  # it is not due yet
    world.clock.now += 601
    world.shop.listed = []
    assert await world.run() == {"carried_in": 1, "delivered": 1}
    assert sent() == list(range(1, 10))
    assert world.entity("3").status == "delivered"


async def test_one_that_never_comes_is_rejected_in_the_end(world: World) -> None:
    """It is asked for by itself each time: nobody can tell whether the source is away, and no attempt is counted."""
    world.load(delivery={"retry": {"attempts": 5, "delay": "10m", "max_delay": "10m", "age": "1h"}})
    world.shop.bad = {3: 500}
    await world.run()
    world.shop.listed = []
    found = []
    for _ in range(8):
        world.clock.now += 601
        found.append(await world.run())
    waits = {"carried_in": 1, "retrying": 1}
    last = found.index({"carried_in": 1, "rejected": 1})
    assert found == [waits] * last + [{"carried_in": 1, "rejected": 1}] + [{}] * (7 - last)
    assert "500 Internal Server Error" in world.entity("3").message
    assert sent() == [1, 2, 4, 5, 6, 7, 8]


@pytest.mark.parametrize("bad", [{9: 500}, {9: "html"}, dict.fromkeys(range(5, 10), 500)])
async def test_where_a_page_brings_nothing_it_is_looked_whether_the_source_is_there(world: World, bad: Any) -> None:
    world.shop.listed = list(range(1, 10))
    world.shop.bad = bad
    fate = "rejected" if "html" in bad.values() else "retrying"
    assert await world.run() == {"fetched": 9, "delivered": 9 - len(bad), fate: len(bad)}
    assert world.entity("9").status == fate
    assert sum(world.shop.asked.values()) == 9 + (2 if len(bad) > 1 else 1)  # once for each page without answers


async def test_it_is_listed_again_while_it_waits(world: World) -> None:
    world.shop.bad = {3: 500}
    await world.run()
    world.shop.listed, world.shop.bad = [3, 9], {}
    assert await world.run() == {"fetched": 2, "delivered": 2}
    world.clock.now += 601
    world.shop.listed = []
    assert await world.run() == {}
    assert sent() == list(range(1, 10))


async def test_with_a_version_of_its_own_as_well(world: World) -> None:
    world.load(entity={"version": "order.at"})
    world.shop.bad = {3: 500}
    await world.run()
    world.shop.listed, world.shop.bad = [3, 9], {}
    assert await world.run() == {"fetched": 2, "delivered": 2}
    assert sent() == list(range(1, 10))


@pytest.mark.parametrize("how", ["html", 403, 422])
async def test_what_cannot_be_read_is_rejected_alone_and_can_be_tried_again(world: World, how: Any) -> None:
    world.shop.bad = {3: how}
    assert await world.run() == {"fetched": 8, "delivered": 7, "rejected": 1}
    assert world.entity("3").status == "rejected"
    assert "GET /orders/3" in world.entity("3").message
    world.shop.bad = {}
    assert await world.run() == {"fetched": 8, "delivered": 1, "unchanged": 7}
    assert sent() == list(range(1, 9))


@pytest.mark.parametrize(
    ("how", "error"), [(500, OutageError), (403, SetupError), (401, SetupError), ("html", AnswerError)]
)
async def test_where_none_is_answered_the_source_is_to_blame(world: World, how: Any, error: type[Exception]) -> None:
    world.shop.bad = dict.fromkeys(range(1, 9), how)
    for _ in range(2):
        with pytest.raises(error):
            await world.run(1)
    assert world.entity("1") is None
    world.shop.bad = {}
    assert await world.run(1) == {"fetched": 8, "delivered": 8}


@pytest.mark.parametrize("bad", [[1], [1, 2, 3]])
@pytest.mark.parametrize("how", [500, "reset"])
async def test_the_first_ones_hold_up_no_other(world: World, bad: list[int], how: Any) -> None:
    """Nothing was answered before them, but the list comes when it is asked for again."""
    world.load(http={"pagination": {"style": "page", "size": 1}})
    world.service.size = 1
    world.shop.bad = dict.fromkeys(bad, how)
    assert await world.run() == {"fetched": 8, "delivered": 8 - len(bad), "retrying": len(bad)}
    world.shop.bad, world.shop.listed = {}, []
    world.clock.now += 601
    assert await world.run() == {"carried_in": len(bad), "delivered": len(bad)}
    assert sent() == list(range(1, 9))


REFUSALS = [400, 403, 422, "html"]


@pytest.mark.parametrize("bad", [[1], [1, 2, 3]])
@pytest.mark.parametrize("how", REFUSALS)
async def test_the_first_ones_that_are_refused_hold_up_no_other(world: World, bad: list[int], how: Any) -> None:
    """Until others are answered it may be the matter of who asks: what is put right then goes by itself."""
    world.load(http={"pagination": {"style": "page", "size": 1}})
    world.service.size = 1
    world.shop.bad = dict.fromkeys(bad, how)
    assert await world.run() == {"fetched": 8, "delivered": 8 - len(bad), "retrying": len(bad)}
    assert f"GET /orders/{bad[-1]}: " in world.entity(str(bad[-1])).message
    world.shop.bad, world.shop.listed = {}, []
    world.clock.now += 601
    assert await world.run() == {"carried_in": len(bad), "delivered": len(bad)}
    assert sent() == list(range(1, 9))


@pytest.mark.parametrize("how", REFUSALS)
async def test_one_that_is_refused_whenever_it_is_asked_for_is_rejected_in_the_end(world: World, how: Any) -> None:
    """Each time counts, since the source is there; others go on meanwhile."""
    world.load(delivery={"retry": {"attempts": 3, "delay": "10m", "max_delay": "10m", "age": "9d"}})
    world.shop.bad, world.shop.listed = {1: how}, [1]
    assert await world.run() == {"fetched": 1, "retrying": 1}
    fates = []
    for other in (2, 3):
        world.clock.now += 601
        world.shop.listed = [other]
        fates.append(await world.run())
    assert fates == [
        {"carried_in": 1, "retrying": 1, "fetched": 1, "delivered": 1},
        {"carried_in": 1, "rejected": 1, "fetched": 1, "delivered": 1},
    ]
    assert "GET /orders/1: " in world.entity("1").message
    assert "asked 3 times since" in world.entity("1").message


async def test_many_that_are_refused_again_have_their_own_words_and_hold_up_no_other(world: World) -> None:
    world.load(http={"pagination": {"style": "page", "size": 1}})
    world.service.size = 1
    world.shop.bad = dict.fromkeys([1, 2, 3], 403)
    assert await world.run() == {"fetched": 8, "delivered": 5, "retrying": 3}
    world.shop.listed, world.shop.bad = [9], {**world.shop.bad, 9: 403}
    assert await world.run() == {"fetched": 1, "retrying": 1}
    world.clock.now += 601
    world.shop.listed = [10]
    assert await world.run() == {"carried_in": 4, "retrying": 4, "fetched": 1, "delivered": 1}
    for number in (1, 2, 3, 9):
        assert f"GET /orders/{number}: 403 Forbidden" in world.entity(str(number)).message


@pytest.mark.parametrize(("how", "error"), [(403, SetupError), (422, AnswerError), ("html", AnswerError)])
async def test_where_more_are_refused_before_any_was_answered_it_is_who_asks(
    world: World, how: Any, error: type[Exception]
) -> None:
    """A permission is missing, or details are asked for in a wrong way: the fetch fails, and nothing is rejected."""
    world.load(http={"pagination": {"style": "page", "size": 1}})
    world.service.size = 1
    world.shop.bad = dict.fromkeys(range(1, 9), how)
    with pytest.raises(error):
        await world.run(1)
    world.shop.bad = {}
    assert await world.run(1) == {"fetched": 8, "delivered": 5, "retrying": 3}
    world.clock.now += 601
    world.shop.listed = []
    assert await world.run() == {"carried_in": 3, "delivered": 3}
    assert sent() == list(range(1, 9))


@pytest.mark.parametrize(("how", "error"), [(403, SetupError), (422, AnswerError)])
async def test_one_that_is_refused_is_not_to_blame_where_the_list_is_refused_as_well(
    world: World, how: int, error: type[Exception]
) -> None:
    world.shop.bad, world.shop.listed = {3: how}, [3]
    world.shop.asks_again = lambda: web.Response(status=403)
    with pytest.raises(error):
        await world.run(1)
    assert world.entity("3") is None
    world.shop.bad, world.shop.asks_again = {}, None
    assert await world.run(1) == {"fetched": 1, "delivered": 1}


async def test_what_is_refused_and_has_no_key_ends_the_fetch(world: World) -> None:
    """Nobody could ask for it again, and nothing may be passed over."""
    world.load(entity={"key": "order.total"})
    world.shop.bad, world.shop.listed = {3: 422}, [3]
    with pytest.raises(AnswerError, match="422"):
        await world.run(1)


async def test_one_that_is_all_there_is_waits_alone(world: World) -> None:
    world.shop.bad, world.shop.listed = {3: 500}, [3]
    assert await world.run() == {"fetched": 1, "retrying": 1}
    assert route_state(world.ledger, "orders").mark is not None


async def test_one_that_is_all_there_is_is_not_to_blame_where_the_list_is_away_as_well(world: World) -> None:
    world.shop.bad, world.shop.listed = {3: 500}, [3]
    world.shop.asks_again = lambda: web.Response(status=503)
    with pytest.raises(OutageError):
        await world.run(1)
    assert world.entity("3") is None
    world.shop.bad, world.shop.asks_again = {}, None
    assert await world.run(1) == {"fetched": 1, "delivered": 1}


@pytest.mark.parametrize("how", [500, *REFUSALS])
async def test_a_slice_of_a_window_that_has_only_bad_ones_does_not_hold_up_the_next(world: World, how: Any) -> None:
    world.load(window={"slice": "1h", "mode": "gapless"}, http={"query": {"hour": "{{ window.start | format('HH') }}"}})
    world.shop.bad = {1: how, 2: how}
    assert await world.run() == {"fetched": 8, "delivered": 6, "retrying": 2}


async def test_a_source_that_goes_away_between_two_pages_loses_nothing(world: World) -> None:
    def away(page: int) -> None:
        if page == 2:
            world.shop.bad = dict.fromkeys(range(1, 9), 503)

    world.shop.before_page = away
    run, staging = world.begin()
    async with world.services() as services:
        with pytest.raises(OutageError):
            await fetch(run, services, staging)
    world.shop.before_page, world.shop.bad = lambda page: None, {}
    assert await world.run(1) == {"fetched": 8, "delivered": 8}
    assert sent() == list(range(1, 9))


async def test_a_fetch_that_breaks_off_behind_it_counts_it_once(world: World) -> None:
    """The next attempt goes on behind the page, and the page behind it is read."""

    def away(page: int) -> None:
        if page == 2:
            world.shop.bad = dict.fromkeys(range(1, 9), 503)

    world.shop.before_page, world.shop.bad = away, {3: 500}
    run, staging = world.begin()
    async with world.services() as services:
        with pytest.raises(OutageError):
            await fetch(run, services, staging)
    world.shop.before_page, world.shop.bad = lambda page: None, {}
    assert await world.run(1) == {"fetched": 8, "delivered": 7, "retrying": 1}
    world.clock.now += 601
    world.shop.listed = []
    assert await world.run() == {"carried_in": 1, "delivered": 1}
    assert sent() == list(range(1, 9))


async def test_what_was_listed_was_seen(world: World) -> None:
    """``missing: emit`` deletes what the source no longer lists, and nothing else."""
    world.load(missing="emit")
    await world.run()
    world.shop.bad, world.shop.listed = {3: 500, 4: "html"}, [1, 2, 3, 4, 5, 6, 7]
    assert await world.run() == {
        "fetched": 7,
        "unchanged": 5,
        "rejected": 1,
        "retrying": 1,
        "deletes_emitted": 1,
        "delivered": 1,
    }
    assert deleted() == ["8"]


async def test_a_listing_that_is_read_again_decides_each_once(world: World) -> None:
    """A record moved up while the pages were read; by the second reading the source has recovered."""
    world.shop.bad = {3: 500}

    def moves(page: int) -> None:
        if page == 2 and world.shop.listed[0] == 1:
            world.shop.listed = [0, *world.shop.listed]
            world.shop.bad = {}

    world.shop.before_page = moves
    found = await world.run()
    assert found["fetched"] == sum(count for name, count in found.items() if name != "fetched")
    assert sent() == list(range(9))
    assert world.entity("3").status == "delivered"
    world.clock.now += 601
    world.shop.listed = []
    assert await world.run() == {}


async def test_what_reads_the_list_or_has_no_key_is_not_put_off(world: World) -> None:
    """It could not be asked for again by itself: the fetch ends, and its window comes again."""
    world.shop.bad = {3: 500}
    for options in (
        {"http": {"details": {"path": "/orders/{{ item.id }}", "headers": {"X-Page": "{{ headers['Date'] }}"}}}},
        {"entity": {"key": "order.total"}},
    ):
        world.load(**options)
        with pytest.raises(IntegrationError, match="500"):
            await world.run(1)

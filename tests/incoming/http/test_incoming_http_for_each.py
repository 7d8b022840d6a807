"""``for_each``: the children of many parents, in the parents' order, from any place on."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import msgspec
import pytest
from aiohttp import web
from for_each_shop import SHOP, config, into, places, saved
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_integrations.errors import AnswerError, OutageError, RouteError, RunError
from airflow_integrations.formats import BadRecord
from airflow_integrations.incoming.http.source import HttpIncoming
from airflow_integrations.run import Services


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(0, 5), max_size=7),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 4),
    st.data(),
)
async def test_children_never_get_lost_or_come_twice(new_source, counts, per_page, stock_per_page, concurrency, data):
    source = new_source()
    stocks = {name: [{"id": f"{name}-{n}"} for n in range(count)] for name, count in enumerate(counts)}
    expected = [record for stock in stocks.values() for record in stock]
    options = config(concurrency=concurrency)
    async with source.serving(places(stocks, per_page=per_page, stock_per_page=stock_per_page)):
        pages = await source.pages(options)
        assert [record for page in pages for record in page.values()] == expected
        assert [page.resume is None for page in pages] == [False] * (len(pages) - 1) + [True]
        stop = data.draw(st.integers(0, len(pages) - 1))
        before = [record for page in pages[: stop + 1] for record in page.values()]
        if pages[stop].resume is not None:
            assert before + await source.records(options, resume=saved(pages[stop])) == expected


async def test_a_fetch_that_goes_on_asks_nothing_of_parents_that_are_done(source):
    stocks = {name: [{"id": f"{name}-{n}"} for n in range(3)] for name in range(4)}
    async with source.serving(places(stocks)):
        pages = await source.pages(config())
        behind = next(page for page in pages if page.values() == [{"id": "2-0"}, {"id": "2-1"}])
        source.requests.clear()
        del stocks[0]  # what was done may go meanwhile, and nothing is passed over for it
        assert await source.records(config(), resume=saved(behind)) == [{"id": "2-2"}, *stocks[3]]
    assert {request.path_qs for request in source.requests} == {
        "/places/2/stock?after=2",
        "/places/3/stock",
        "/places/3/stock?after=2",
    }


async def test_parents_are_asked_at_once_and_no_more_of_them_than_the_route_says(source):
    under_way, most = 0, 0
    served = asyncio.Event()

    async def handler(request):
        nonlocal under_way, most
        if request.path == "/places":
            return web.json_response({"places": [{"id": n} for n in range(9)]})
        under_way += 1
        most = max(most, under_way)
        if under_way == 3:
            served.set()
        await asyncio.wait_for(served.wait(), 5)
        await asyncio.sleep(0)
        under_way -= 1
        return web.json_response({"stock": [{"id": request.path}]})

    async with source.serving(handler):
        found = await source.records({**SHOP, "for_each": {**SHOP["for_each"], "concurrency": 3}})
    assert found == [{"id": f"/places/{n}/stock"} for n in range(9)]
    assert most == 3


async def test_what_a_parent_has_is_in_texts_expressions_and_records(source):
    async def handler(request):
        if request.path == "/places":
            return web.Response(text='{"places": [{"id": 7, "rate": 1.10, "big": 12345678901234567890.5}]}')
        assert request.path_qs == "/places/7/stock?rate=1.10"
        assert request.headers["X-Place"] == "7"
        return web.Response(text='{"7": {"stock": [{"id": 1, "place": "old"}, {}]}}')

    options = {
        **SHOP,
        "for_each": {**SHOP["for_each"], "into": "place"},
        "query": {"rate": "{{ place.rate }}"},
        "headers": {"X-Place": "{{ place.id }}"},
    }
    by_name = {**options, "records": "body[text(place.id)].stock"}
    async with source.serving(handler):
        first, second = (await source.pages(by_name))[0].values()
    assert list(first) == ["id", "place"]
    assert str(first["place"]) == str(second["place"])
    assert str(first["place"]["rate"]) == "1.10"
    assert str(first["place"]["big"]) == "12345678901234567890.5"


async def test_the_parent_goes_into_records_that_are_still_json(source):
    async def handler(request):
        if request.path == "/places":
            return web.json_response({"places": [{"id": 7}]})
        return web.Response(text='{"stock": [{"n": 1.50, "place": 3}, { }' + more + "]}")

    options = {**SHOP, "for_each": {**SHOP["for_each"], "into": "place"}}
    async with source.serving(handler):
        more = ""
        records = (await source.pages(options))[0].records
        assert [msgspec.json.decode(record)["place"] for record in records] == [{"id": 7}, {"id": 7}]
        assert b"1.50" in bytes(records[0])
        more = ', {"n": NaN}'  # the answer is no JSON, but its other records are
        *records, bad = (await source.pages(options))[0].records
        assert [msgspec.json.decode(record)["place"] for record in records] == [{"id": 7}, {"id": 7}]
        assert isinstance(bad, BadRecord)


async def test_children_that_are_no_objects_take_no_parent(source):
    async def handler(request):
        return web.json_response({"places": [{"id": 7}], "stock": [1]})

    async with source.serving(handler):
        with pytest.raises(AnswerError, match=r"for_each\.into: 'place' needs children that are objects"):
            await source.records({**SHOP, "for_each": {**SHOP["for_each"], "into": "place"}})


async def test_parents_that_have_gone_meanwhile(source):
    stocks = {name: [{"id": f"{name}-{n}"} for n in range(3)] for name in range(4)}
    async with source.serving(places(stocks, gone={1, 3})):
        with pytest.raises(AnswerError, match=r"GET /places/1/stock: .*404.*for_each\.missing: skip"):
            await source.records(config())
        assert await source.records(config(missing="skip")) == [*stocks[0], *stocks[2]]


async def test_a_parent_that_goes_between_two_pages_of_its_children(source):
    stocks = {name: [{"id": f"{name}-{n}"} for n in range(3)] for name in range(2)}
    gone: set[int] = set()
    serve = places(stocks, gone=gone)

    async def handler(request):
        if request.path_qs == "/places/0/stock?after=2":
            gone.add(0)
        return await serve(request)

    async with source.serving(handler):
        assert await source.records(config(missing="skip")) == [*stocks[0][:2], *stocks[1]]


async def test_a_place_that_grew_too_old_is_no_parent_that_has_gone(source):
    """410 also says that a token has expired: the children behind it would be lost without a word."""
    stocks = {0: [{"id": f"0-{n}"} for n in range(3)]}
    serve = places(stocks)

    async def handler(request):
        return web.Response(status=410) if request.path_qs == "/places/0/stock?after=2" else await serve(request)

    async with source.serving(handler):
        with pytest.raises(AnswerError, match="no longer accepted"):
            await source.records(config(missing="skip"))


async def test_a_path_that_is_wrong_for_every_parent_is_not_skipped(source):
    async with source.serving(places({0: [], 1: []}, gone={0, 1})):
        with pytest.raises(AnswerError, match=r"no children of any of the 2 places .*check path"):
            await source.records(config(missing="skip"))


async def test_errors_come_in_the_order_of_the_parents(source):
    stocks = {name: [{"id": f"{name}-{n}"} for n in range(4)] for name in range(4)}
    serve = places(stocks)

    async def handler(request):
        if request.path == "/places/1/stock":
            return web.Response(status=422, text="not this one")
        return await serve(request)

    async with source.serving(handler):
        pages: list[Any] = []
        run = source.run(config())
        incoming = HttpIncoming(run.route.incoming.config, run.route)
        async with Services(source, sleep=source.sleep) as services:
            found = incoming.pages(run, services)
            with pytest.raises(AnswerError, match="not this one"):
                await into(pages, found)
    assert [record for page in pages for record in page.values()] == stocks[0]


async def test_parents_that_cannot_be_listed_lose_no_children_before_them(source):
    stocks = {name: [{"id": f"{name}"}] for name in range(4)}
    serve = places(stocks)

    async def handler(request):
        if request.path_qs == "/places?after=2":
            return web.Response(status=503)
        return await serve(request)

    async with source.serving(handler):
        pages = []
        with pytest.raises(OutageError):
            pages = await source.pages(config(), most=None)
        assert pages == []
        first, second = (await source.pages(config(), most=2))[:2]
        assert [*first.values(), *second.values()] == [{"id": "0"}, {"id": "1"}]


async def test_the_parent_that_a_text_cannot_be_made_of_is_named(source):
    async def handler(request):
        return web.json_response({"places": [{"id": 7}, {"id": None, "name": "x"}]})

    async with source.serving(handler):
        with pytest.raises((RunError, AnswerError), match=r"path: .*\(for_each: place"):
            await source.records({**SHOP, "records": "body.stock or []"})


async def test_no_parents_are_no_records(source):
    async with source.serving(places({})):
        pages = await source.pages(config())
    assert [page.records for page in pages] == [[]]
    assert pages[-1].resume is None


@pytest.mark.parametrize("resume", [7, {}, {"v": 2}, {"v": 1, "parents": [7], "next": None, "child": None}])
async def test_a_saved_place_of_another_kind(source, resume):
    async with source.serving(places({0: []})):
        with pytest.raises(AnswerError, match="another kind"):
            await source.records(config(), resume=resume)


async def test_details_of_children_and_their_cursor(source):
    async def handler(request):
        if request.path == "/places":
            return web.json_response({"places": [{"id": 7}, {"id": 8}]})
        if request.path.startswith("/stock/"):
            return web.json_response({"id": request.path, "place": request.query["place"]})
        return web.json_response({"stock": [{"id": request.path.split("/")[2]}]})

    details = {"path": "/stock/{{ item.id }}", "query": {"place": "{{ place.id }}"}}
    async with source.serving(handler):
        found = await source.records({**SHOP, "details": details})
    assert found == [{"id": "/stock/7", "place": "7"}, {"id": "/stock/8", "place": "8"}]


async def test_parents_that_move_while_they_are_listed_are_told(source):
    async def handler(request):
        if request.path == "/places":
            page = int(request.query["page"])
            return web.json_response({"places": [[{"id": 1}, {"id": 2}], [{"id": 2}, {"id": 3}], []][page - 1]})
        return web.json_response({"stock": [{"id": request.path}]})

    options = {**SHOP, "for_each": {**SHOP["for_each"], "pagination": {"style": "page"}, "concurrency": 1}}
    async with source.serving(handler):
        pages = await source.pages(options)
    asked = Counter(request.path for request in source.requests if request.path != "/places")
    assert set(asked.values()) == {1}
    assert all(page.by_position for page in pages)
    assert "came on two pages" in (pages[-1].doubt or "")


def test_a_parent_that_a_transformer_reads_is_told_where_to_write_it(source):
    with pytest.raises((RouteError, ValueError), match=r"write for_each\.into: place, and read order\.place"):
        source.run(SHOP, transform=[{"map": {"number": "order.id", "place": "place.id"}}])


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"for_each": {"path": "/p", "name": "body"}}, "meaning of its own"),
        ({"for_each": {"path": "/p", "name": "class"}}, "meaning of its own"),
        ({"for_each": {"path": "/p/{{ place.id }}", "name": "place"}}, "place"),
        ({"for_each": {"path": "/p", "name": "place"}, "path": "/x/{{ plaec.id }}"}, "plaec"),
        ({"path": "/x/{{ place.id }}"}, "place"),
    ],
)
def test_names_that_are_not_there(source, extra, message):
    with pytest.raises((RouteError, ValueError), match=message):
        source.run({"path": "/x", **extra})

"""``for_each``: a parent whose children cannot be read, or that cannot be read itself, holds up no other."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from aiohttp import web
from for_each_shop import SHOP, config, into, places, saved
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_integrations.errors import AnswerError, OutageError
from airflow_integrations.incoming import LeftOut
from airflow_integrations.incoming.http.source import HttpIncoming
from airflow_integrations.run import Services


async def leaving_out(source, options, resume=None):
    run = replace(source.run(options), leaves_out=True)
    incoming = HttpIncoming(run.route.incoming.config, run.route)
    pages: list[Any] = []
    async with Services(source, sleep=source.sleep) as services:
        await into(pages, incoming.pages(run, services, resume))
    return pages


def told(pages):
    """The records that came, and the parents that were left out."""
    records = [record for page in pages for record in page.records]
    left_out = [record.item["place"] for record in records if type(record) is LeftOut]
    return Counter(msgspec.json.decode(record)["id"] for record in records if type(record) is not LeftOut), left_out


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=7),
    st.dictionaries(st.integers(0, 6), st.sampled_from([0, 2, 4]), max_size=4),
    st.integers(1, 3),
    st.integers(1, 4),
    st.data(),
)
async def test_whatever_parents_fail_the_others_children_come_once(
    new_source, counts, bad, per_page, concurrency, data
):
    """From whatever place the fetch goes on. ``bad``: from which of its children on a parent answers 500."""
    source = new_source()
    source.options["retry_budget"] = 0
    stocks = {name: [{"id": f"{name}-{n}"} for n in range(count)] for name, count in enumerate(counts)}
    bad = {name: first for name, first in bad.items() if name in stocks and (first == 0 or first < counts[name])}
    serve = places(stocks, per_page=per_page)

    async def handler(request):
        parts = request.path.strip("/").split("/")
        if len(parts) > 1 and int(request.query.get("after", 0)) >= bad.get(int(parts[1]), 9):
            return web.Response(status=500)
        return await serve(request)

    options = config(concurrency=concurrency)
    come = Counter(child["id"] for name, stock in stocks.items() for child in stock[: bad.get(name, 9)])
    async with source.serving(handler):
        if len(bad) == len(stocks):
            with pytest.raises(OutageError):
                await leaving_out(source, options)
            return
        try:
            pages = await leaving_out(source, options)
        except OutageError:  # the first four, before any was answered
            assert set(range(4)) <= set(bad)
            return
        assert told(pages) == (come, sorted(map(str, bad)))
        assert [page.resume is None for page in pages] == [False] * (len(pages) - 1) + [True]
        stop = data.draw(st.integers(0, len(pages) - 1))
        if pages[stop].resume is not None:
            again = await leaving_out(source, options, saved(pages[stop]))
            assert told(pages[: stop + 1] + again) == (come, sorted(map(str, bad)))


@pytest.mark.parametrize("most", [1, 3])
async def test_a_parent_that_cannot_be_read_is_left_out(source, most):
    """Also where the fetch goes on behind it."""

    async def handler(request):
        if request.path == "/places":
            return web.Response(text='{"places": [{"id": 0}, {"id": 1, "n": NaN}, {"id": 2}, {"id": 3}]}')
        return web.json_response({"stock": [{"id": request.path}]})

    async with source.serving(handler):
        with pytest.raises(AnswerError, match="a parent cannot be read"):
            await source.pages(SHOP)
        pages = await leaving_out(source, SHOP)
        again = await leaving_out(source, SHOP, saved(pages[most - 1]))
    for found in (pages, pages[:most] + again):
        (left,) = [record for page in found for record in page.records if type(record) is LeftOut]
        assert "a parent cannot be read" in left.reason
        assert len([record for page in found for record in page.records]) == 4

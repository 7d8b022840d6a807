"""What ends the pages and what does not: short pages, empty ones, refusals that mean "nothing"."""

from __future__ import annotations

import json

import pytest
from aiohttp import web

from airflow_integrations.errors import AnswerError, RunError
from airflow_integrations.http import Endpoint
from airflow_integrations.http.message import Request
from airflow_integrations.http.url import redirected, target


@pytest.mark.parametrize("style", ["offset", "page"])
@pytest.mark.parametrize("lengths", [[7, 10, 10], [10, 3, 10, 1], [1, 1, 1], [10, 9]])
async def test_a_short_page_in_the_middle_loses_nothing(source, style, lengths):
    """The server filters its pages after it has cut them."""
    pages, number = [], 0
    for length in lengths:
        pages.append([{"id": number + index} for index in range(length)])
        number += length
    starts = [sum(lengths[:index]) for index in range(len(lengths))]

    async def handler(request):
        if style == "page":
            index = int(request.query["page"]) - 1
            found = pages[index] if index < len(pages) else []
        else:
            offset = int(request.query["offset"])
            found = pages[starts.index(offset)] if offset in starts else []
        return web.json_response(found)

    async with source.serving(handler):
        records = await source.records({"pagination": {"style": style, "size": 10, "size_param": "limit"}})
    assert [record["id"] for record in records] == list(range(number))


@pytest.mark.parametrize("status", [400, 404, 410, 416])
async def test_a_refusal_behind_a_short_page_is_the_end(source, status):
    async def handler(request):
        return web.json_response([1]) if request.query["page"] == "1" else web.Response(status=status)

    async with source.serving(handler):
        assert await source.records({"pagination": {"style": "page", "size": 2}}) == [1]
        with pytest.raises(AnswerError, match=str(status)):
            await source.records({"pagination": {"style": "page"}})


@pytest.mark.parametrize("status", [400, 404, 410, 416])
@pytest.mark.parametrize("before", [0, 2])
async def test_empty_when_is_asked_before_the_status_is_judged(source, status, before):
    async def handler(request):
        if int(request.query["page"]) <= before:
            return web.json_response([int(request.query["page"])])
        return web.json_response({"code": "none"}, status=status)

    config = {"pagination": {"style": "page"}, "empty_when": f'status == {status} and body.code == "none"'}
    async with source.serving(handler):
        assert await source.records(config) == list(range(1, before + 1))
        with pytest.raises(AnswerError, match=str(status)):
            await source.records({**config, "empty_when": 'status == 404 and body.code == "other"'})


async def test_an_answer_that_is_empty_by_its_headers_needs_no_records(source):
    async def handler(request):
        return web.Response(text="nothing today", headers={"X-Count": "0"})

    async with source.serving(handler):
        config = {"records": "body.orders", "empty_when": "headers['x-count'] == '0'"}
        assert await source.records(config) == []


async def test_a_saved_place_that_is_gone_is_not_taken_for_the_end(source):
    async def handler(request):
        if "cursor" in request.query:
            return web.Response(status=410)
        return web.json_response({"records": [1], "next": "a"})

    config = {
        "records": "body.records",
        "pagination": {"style": "cursor", "next": "body.next", "param": "cursor"},
        "empty_when": "status == 410",
    }
    async with source.serving(handler):
        (page,) = await source.pages(config, most=1)
        with pytest.raises(AnswerError, match="no longer accepted"):
            await source.records(config, resume=page.resume)


async def test_fresh_tokens_with_empty_pages_come_to_an_end(source):
    async def handler(request):
        return web.json_response({"records": [], "next": len(source.requests)})

    paging = {"style": "cursor", "next": "body.next", "param": "cursor", "empty_pages": 30}
    async with source.serving(handler):
        with pytest.raises(AnswerError, match=r"31 pages without a record .* raise pagination.empty_pages \(30\)"):
            await source.records({"records": "body.records", "pagination": paging})
    assert len(source.requests) == 31


@pytest.mark.parametrize(
    ("body", "param", "sent"),
    [
        ({"params": {"const": ["orders", 0]}}, "params.1", {"params": ["orders", 7]}),
        ({"params": {"const": ["orders"]}}, "params.1", {"params": ["orders", 7]}),
        (
            {"params": {"const": [{"page": {"size": 5}}]}},
            "params.0.page.after",
            {"params": [{"page": {"size": 5, "after": 7}}]},
        ),
        ({"page": None}, "page.after", {"page": {"after": 7}}),
    ],
)
async def test_a_parameter_goes_into_a_list_of_the_body(source, body, param, sent):
    asked = []

    async def handler(request):
        asked.append(json.loads(await request.read()))
        return web.json_response({"records": [len(asked)], "next": 7 if len(asked) == 1 else None})

    paging = {"style": "cursor", "next": "body.next", "param": param, "in": "body"}
    async with source.serving(handler):
        await source.records({"method": "POST", "body": body, "records": "body.records", "pagination": paging})
    assert asked[1] == sent


@pytest.mark.parametrize(
    ("body", "param", "said"),
    [
        ({"params": {"const": []}}, "params.1", "params is a list of 0"),
        ({"params": {"const": []}}, "params.after", "params is a list of 0"),
        ({"page": 5}, "page.after", "page is neither an object nor a list"),
    ],
)
async def test_a_parameter_that_has_no_place_in_the_body_is_an_error(source, body, param, said):
    async def handler(request):
        return web.json_response({"records": [1], "next": 7})

    paging = {"style": "cursor", "next": "body.next", "param": param, "in": "body"}
    async with source.serving(handler):
        with pytest.raises(RunError, match=said):
            await source.records({"method": "POST", "body": body, "records": "body.records", "pagination": paging})


@pytest.mark.parametrize(
    ("home", "link", "followed"),
    [
        ("https://shop.example/api", "http://shop.example/api/o?a=%20b", "https://shop.example/api/o?a=%20b"),
        ("https://shop.example", "http://shop.example:80/o", "https://shop.example/o"),
        ("https://shop.example:8443", "http://SHOP.example:8443/o", "https://SHOP.example:8443/o"),
    ],
)
def test_a_plain_link_to_the_host_of_a_safe_connection_is_followed_over_tls(home, link, followed):
    endpoint = Endpoint("shop", home)
    assert str(target(endpoint, Request("GET", link))) == followed
    assert str(redirected(endpoint, target(endpoint, Request("GET", "/x")), link)) == followed


@pytest.mark.parametrize(
    ("home", "link", "remedy"),
    [
        ("https://shop.example", "http://other.example/o", "change the Connection"),
        ("https://shop.example:8443", "http://shop.example/o", "X-Forwarded-Proto"),
        ("http://shop.example", "https://shop.example/o", "X-Forwarded-Proto"),
        ("https://shop.example", "http://shop.example:8080/o", "X-Forwarded-Proto"),
    ],
)
def test_a_link_to_another_origin_is_refused_with_its_remedies(home, link, remedy):
    with pytest.raises(AnswerError, match=remedy):
        target(Endpoint("shop", home), Request("GET", link))

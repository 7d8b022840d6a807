from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_integrations.errors import AnswerError
from airflow_integrations.http import Bearer

STYLES: dict[str, dict[str, Any]] = {
    "cursor": {"style": "cursor", "next": "body.next", "param": "cursor"},
    "cursor in the body": {"style": "cursor", "next": "body.next", "param": "page.after", "in": "body"},
    "link": {"style": "link"},
    "next_url": {"style": "next_url", "next": "body.next_url"},
    "odata": {"style": "odata"},
    "offset": {"style": "offset", "size": 0, "size_param": "limit"},
    "cursor in a header": {"style": "cursor", "next": "headers['x-next']", "param": "X-After", "in": "header"},
    "offset in a header": {"style": "offset", "param": "X-Skip", "in": "header"},
    "range": {"style": "range", "size": 0},
    "range of an unknown total": {"style": "range", "size": 0, "header": "X-Range", "value": "{first}-{last}"},
    "end_when": {"style": "page", "end_when": "not body.more"},
    "offset total": {"style": "offset", "param": "skip", "total": "headers['X-Total']"},
    "offset more": {"style": "offset", "more": "body.more"},
    "page": {"style": "page", "size": 0, "size_param": "limit"},
    "page pages": {"style": "page", "start": 0, "pages": "body.pages"},
    "page until empty": {"style": "page"},
}


def shop(records, size, *, cap=None):
    """A server with every style of paging at once; a page has ``size`` records, or what is asked for up to ``cap``."""

    async def handler(request):
        query = request.query
        sent = json.loads(await request.read() or b"{}") if request.method == "POST" else {}
        served = min(int(query.get("limit", size)), cap or size)
        ranges = request.headers.get("Range") or request.headers.get("X-Range")
        cursor = query.get("cursor") or request.headers.get("X-After") or (sent.get("page") or {}).get("after")
        if ranges:
            start, last = map(int, ranges.removeprefix("items=").split("-"))
            served = min(served, last - start + 1)
        elif "X-Skip" in request.headers:
            start = int(request.headers["X-Skip"])
        elif cursor:
            start = int(str(cursor).removeprefix("c="))
        elif "page" in query:
            start = (int(query["page"]) - (0 if request.path == "/zero" else 1)) * served
        else:
            start = int(query.get("offset", query.get("skip", 0)))
        page = records[start : start + served]
        end = start + served
        body = {"records": page, "more": end < len(records), "pages": -(-len(records) // served)}
        headers = {"X-Total": str(len(records))}
        if ranges:
            total = str(len(records)) if "Range" in request.headers else "*"
            if not page:
                return web.Response(status=416, headers={"Content-Range": f"items */{total}"})
            headers["Content-Range"] = f"items {start}-{start + len(page) - 1}/{total}"
            return web.json_response(body, headers=headers, status=206)
        if end < len(records):
            target = f"{request.path}?offset={end}&limit={served}"
            body |= {
                "next": f"c={end}",
                "next_url": f"?offset={end}&limit={served}",
                "@odata.nextLink": f"http://{request.host}{target}",
            }
            headers["X-Next"] = f"c={end}"
            headers["Link"] = f'<{target}&a=1,2>; rel="prev last", <{target}>; title="a, <b>"; rel="next"'
        return web.json_response(body, headers=headers)

    return handler


def config_of(style, size):
    paging = dict(STYLES[style])
    if paging.get("size") == 0:
        paging["size"] = size
    config = {"records": "body.records", "pagination": paging}
    if style == "cursor in the body":
        config |= {"method": "POST", "body": {"page": {"size": {"const": "x"}}}}
    if style == "page pages":
        config["path"] = "/zero"
    return config


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(STYLES)), st.integers(0, 23), st.integers(1, 8), st.integers(0, 10))
async def test_paging_never_loses_or_repeats(new_source, style, count, size, stop):
    source = new_source()
    records = [{"id": number} for number in range(count)]
    config = config_of(style, size)
    async with source.serving(shop(records, size)):
        pages = await source.pages(config)
        assert [record for page in pages for record in page.values()] == records
        assert pages[-1].resume is None
        # and a fetch that goes on from any page gives what was still missing
        stop = min(stop, len(pages) - 1)
        saved = pages[stop].resume
        if saved is not None:
            saved = msgspec.json.decode(msgspec.json.encode(saved))
            before = [record for page in pages[: stop + 1] for record in page.values()]
            if style == "range of an unknown total" and before == records:
                # 416 behind a saved place: the end, or a list that shrank. The engine starts such a fetch over.
                with pytest.raises(AnswerError, match="the saved place is no longer accepted"):
                    await source.records(config, resume=saved)
            else:
                assert before + await source.records(config, resume=saved) == records


@pytest.mark.parametrize("style", ["offset", "page"])
@pytest.mark.parametrize("count", [0, 5, 9, 10, 11, 20, 57])
async def test_a_server_that_gives_smaller_pages_than_it_is_asked_for(source, style, count):
    records = [{"id": number} for number in range(count)]
    async with source.serving(shop(records, 10, cap=10)):
        assert await source.records(config_of(style, 500)) == records


async def test_one_more_request_makes_sure_behind_a_short_page(source):
    async with source.serving(shop([{"id": n} for n in range(13)], 10)):
        await source.records(config_of("offset", 10))
    assert [request.query["offset"] for request in source.requests] == ["0", "10", "13"]
    assert {request.query["limit"] for request in source.requests} == {"10"}


async def test_an_empty_page_with_a_cursor_is_not_the_end(source):
    pages = {"": ([1], "a"), "a": ([], "b"), "b": ([2], None)}

    async def handler(request):
        records, following = pages[request.query.get("cursor", "")]
        return web.json_response({"records": records, "next": following})

    async with source.serving(handler):
        assert await source.records(config_of("cursor", 1)) == [1, 2]


@pytest.mark.parametrize("style", ["offset", "page", "page pages"])
async def test_a_server_that_ignores_the_page_is_noticed(source, style):
    async def handler(request):
        return web.json_response({"records": [1, 2, 3], "pages": 9})

    async with source.serving(handler):
        with pytest.raises(AnswerError, match=r"shop: GET .*the same page came twice"):
            await source.records(config_of(style, 3))
    assert len(source.requests) <= 3


@pytest.mark.parametrize("length", [1, 2, 3, 7, 30])
async def test_cursors_in_a_circle_are_noticed(source, length):
    served = 0

    async def handler(request):
        nonlocal served
        served += 1
        at = int(request.query.get("cursor", -5))
        return web.json_response({"records": [served], "next": str(at + 1 if at < length - 1 else 0)})

    async with source.serving(handler):
        with pytest.raises(AnswerError, match="circle"):
            await source.records(config_of("cursor", 1))
    assert served < 5 * length + 20


@pytest.mark.parametrize("style", ["cursor", "offset total"])
async def test_a_total_that_is_not_reached_is_an_error_with_the_number_missing(source, style):
    async def handler(request):
        skip = int(request.query.get("skip", 0))
        return web.json_response({"records": [1, 2, 3][skip : skip + 2]}, headers={"X-Total": "5"})

    config = config_of(style, 2)
    config["pagination"]["total"] = "headers['X-Total']"
    async with source.serving(handler):
        with pytest.raises(AnswerError, match=r"[23] of 5 records came .*: [23] are missing"):
            await source.records(config)


async def test_a_total_that_grows_is_fine(source):
    async def handler(request):
        skip = int(request.query.get("skip", 0))
        return web.json_response(
            {"records": list(range(skip, skip + 2))}, headers={"X-Total": "3" if skip == 0 else "6"}
        )

    async with source.serving(handler):
        assert await source.records(config_of("offset total", 2)) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("total", ["null", '"many"', "-1", "true", "1.5"])
async def test_a_total_that_is_none(source, total):
    async def handler(request):
        return web.Response(text=f'{{"records": [1], "total": {total}}}')

    async with source.serving(handler):
        with pytest.raises(AnswerError, match=r"pagination.total: body.total gives no number"):
            await source.records({"records": "body.records", "pagination": {"style": "page", "total": "body.total"}})


async def test_more_must_say_something(source):
    async with source.serving(shop([1], 1)):
        with pytest.raises(AnswerError, match=r"pagination.more: body.mroe gives nothing"):
            await source.records({"records": "body.records", "pagination": {"style": "page", "more": "body.mroe"}})


async def test_more_ends_the_pages_of_a_cursor(source):
    async def handler(request):
        at = int(request.query.get("cursor", 0))
        return web.json_response({"records": [at], "next": at + 1, "more": at < 2})

    paging = {**STYLES["cursor"], "more": "body.more"}
    async with source.serving(handler):
        assert await source.records({"records": "body.records", "pagination": paging}) == [0, 1, 2]


@pytest.mark.parametrize(
    "following", ["http://127.0.0.1:1/orders?page=2", "//evil.example/orders", "https://evil.example"]
)
@pytest.mark.parametrize("style", ["next_url", "link"])
async def test_a_next_page_elsewhere_is_an_error(source, style, following):
    async def handler(request):
        return web.json_response({"records": [1], "next_url": following}, headers={"Link": f"<{following}>; rel=next"})

    async with source.serving(handler):
        with pytest.raises(AnswerError, match=r"stay at http://127.0.0.1"):
            await source.records(config_of(style, 1))
    assert len(source.requests) == 1


@pytest.mark.parametrize("following", ["7", '{"a": 1}', "true"])
async def test_a_next_url_that_is_none(source, following):
    async def handler(request):
        return web.Response(text=f'{{"records": [1], "next_url": {following}}}')

    async with source.serving(handler):
        with pytest.raises(AnswerError, match="URL"):
            await source.records(config_of("next_url", 1))


async def test_any_json_may_be_a_cursor_in_the_body(source):
    asked = []

    async def handler(request):
        asked.append(json.loads(await request.read()))
        after = asked[-1].get("search_after")
        return web.json_response(
            {"hits": [{"n": 1}] if after is None else [{"n": 2}], "last": None if after else [1.5, "x"]}
        )

    paging = {"style": "cursor", "next": "body.last", "param": "search_after", "in": "body"}
    async with source.serving(handler):
        await source.records({"method": "POST", "body": {"size": 1}, "records": "body.hits", "pagination": paging})
    assert asked == [{"size": 1}, {"size": 1, "search_after": [1.5, "x"]}]


async def test_a_saved_place_that_is_refused_or_of_another_kind(source):
    async def handler(request):
        if "cursor" in request.query:
            return web.Response(status=410, text="expired")
        return web.json_response({"records": [1], "next": "a"})

    async with source.serving(handler):
        (page,) = await source.pages(config_of("cursor", 1), most=1)
        with pytest.raises(AnswerError, match=r"410 Gone: the saved place is no longer accepted; it said: expired"):
            await source.records(config_of("cursor", 1), resume=page.resume)
        for saved in ({}, {"v": 2}, 7, {**page.resume, "style": "offset"}, {**page.resume, "marks": [1, 2, 3, 4, 5]}):
            with pytest.raises(AnswerError, match="another kind"):
                await source.records(config_of("cursor", 1), resume=saved)


@pytest.mark.parametrize(
    ("paging", "message"),
    [
        ({"style": "cursor", "param": "c"}, "next"),
        ({"style": "offset", "in": "path"}, "query"),
        ({"style": "page", "size": 0}, "greater than or equal to 1"),
    ],
)
async def test_paging_that_cannot_work(source, paging, message):
    with pytest.raises(ValueError, match=message):
        await source.pages({"pagination": paging})


async def test_a_next_url_with_a_secret_in_its_path_is_followed_and_not_saved(source):
    source.options["auth"] = Bearer("tok-planted-0123456789")

    async def handler(request):
        sent = request.headers["Authorization"].rpartition(" ")[2]
        page = int(request.query.get("page", 1))
        following = f"/{sent}/orders?page={page + 1}&key={sent}" if page < 3 else None
        return web.json_response({"records": [page], "next": following})

    config = {"records": "body.records", "pagination": {"style": "next_url", "next": "body.next"}}
    async with source.serving(handler):
        pages = await source.pages(config)
        assert [record for page in pages for record in page.values()] == [1, 2, 3]
        assert "planted" not in json.dumps(pages[1].resume)
        with pytest.raises(AnswerError, match="holds a secret and was not saved"):
            await source.pages(config, resume=pages[1].resume)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (json.dumps({"trace": "x" * 900, "error": {"message": "no such shop"}}), "it said: no such shop. Check what"),
        ("<html><title>Bad gateway</title><body>down</body></html>", "it said: "),
        ("", "400 Bad Request. Check what"),
    ],
)
async def test_a_refusal_has_the_source_s_own_words(source, content, said):
    async def handler(request):
        return web.Response(status=400, text=content)

    async with source.serving(handler):
        with pytest.raises(AnswerError) as refused:
            await source.records({})
    assert said in str(refused.value)
    assert "xxx" not in str(refused.value)


async def test_what_error_when_finds_is_told_in_the_source_s_own_words(source):
    async def handler(request):
        return web.json_response({"trace": "x" * 900, "errors": [{"message": "the shop is closed"}]})

    async with source.serving(handler):
        with pytest.raises(AnswerError, match=r"as error_when says \(body.errors\): the shop is closed"):
            await source.records({"records": "body.records", "error_when": "body.errors"})

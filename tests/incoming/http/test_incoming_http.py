from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest
from aiohttp import web

from airflow_integrations.errors import AnswerError, OutageError, RunError, SetupError
from airflow_integrations.incoming import Unfinished
from airflow_integrations.incoming.http.source import HttpIncoming
from airflow_integrations.run import Services


async def test_a_request_is_written_as_the_route_says(source):
    seen: dict[str, Any] = {}

    async def handler(request):
        seen.update(path=request.raw_path, body=await request.text(), headers=request.headers, method=request.method)
        return web.json_response([])

    async with source.serving(handler):
        await source.records(
            {
                "method": "POST",
                "path": "/shops/{{ params.shop }}/orders",
                "query": {"from": "{{ window.start }}", "plant": "{{ var.plant }}", "n": 5},
                "headers": {"X-Until": "{{ window.end }}"},
                "body": {"since": "window.start", "limit": 10, "kind": {"const": "open"}},
            }
        )
        assert seen["path"] == "/shops/a%2Fb/orders?from=2026-01-31T00:00:00Z&plant=M1&n=5"
        assert seen["headers"]["X-Until"] == "2026-02-01T00:00:00Z"
        assert seen["headers"]["Content-Type"] == "application/json"
        assert '"limit":10,"kind":"open"' in seen["body"]
        await source.records({"method": "POST", "form": {"q": "{{ params.shop }} &"}})
        assert (seen["body"], seen["headers"]["Content-Type"]) == ("q=a%2Fb%20%26", "application/x-www-form-urlencoded")
        await source.records({"method": "POST", "body_text": "<q/>", "headers": {"content-type": "text/xml"}})
        assert (seen["body"], seen["headers"]["Content-Type"]) == ("<q/>", "text/xml")


async def test_a_parameter_is_sent_as_often_as_it_has_texts(source):
    pages = {"style": "page", "param": "p"}
    query = {"f": ["code", "{{ params.shop | upper }}"], "p": ["7", "8"], "n": [5], "b": "{{ 'ä:b' | base64 }}"}

    async def handler(request):
        return web.json_response([1] if request.query["p"] == "1" else [])

    async with source.serving(handler):
        await source.records({"query": query, "pagination": pages})
    assert [request.rel_url.raw_query_string for request in source.requests] == [
        f"f=code&f=A/B&n=5&b=w6Q6Yg%3D%3D&p={page}" for page in (1, 2)
    ]


async def test_a_text_of_several_that_cannot_be_written_stops_the_run(source):
    async with source.serving(lambda request: None):
        with pytest.raises(RunError, match=r"query\.x: "):
            await source.records({"query": {"x": ["a", "{{ params.nothing }}"]}})
    assert source.requests == []


async def test_what_cannot_be_written_stops_the_run(source):
    async with source.serving(lambda request: None):
        with pytest.raises(RunError, match=r"query\.x: "):
            await source.records({"query": {"x": "{{ params.nothing }}"}})
        with pytest.raises(SetupError, match="nowhere"):
            await source.records({"query": {"x": "{{ var.nowhere }}"}})
    assert source.requests == []


def test_one_body():
    for extra in ({"form": {"a": "1"}, "body_text": "x"}, {"body": {"a": 1}, "form": {}}):
        with pytest.raises(ValueError, match="one body"):
            HttpIncoming.Config.model_validate({"connection": "shop", "path": "/", "method": "POST", **extra})
    paging = {"style": "cursor", "next": "body.next", "param": "c", "in": "body"}
    with pytest.raises(ValueError, match="not body_text"):
        HttpIncoming.Config.model_validate({"connection": "shop", "path": "/", "body_text": "x", "pagination": paging})


@pytest.mark.parametrize(
    ("body", "records", "message"),
    [
        (
            '{"data": [1], "meta": {}}',
            "body.orders",
            r"body\.orders gives nothing; the body is an object with the keys data, meta; .*or \[\]",
        ),
        ('{"data": {"a": "private"}}', "body.data", r"gives no list but an object; .*keys data; for a single record"),
        ('{"a": 1}', "body", "gives no list but an object"),
        ("[1]", "body.orders", "it is a list"),
        ("7", "body", "gives no list but a number"),
        ("", "body", "gives nothing; the body is empty"),
        ("null", "body", "gives nothing"),
        ("{}", "body.x", "without keys"),
    ],
)
async def test_records_that_are_no_list(source, body, records, message):
    async def handler(request):
        return web.Response(text=body)

    async with source.serving(handler):
        with pytest.raises(AnswerError, match=f"shop: GET /orders: .*{message}") as caught:
            await source.records({"records": records})
    assert "private" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "content_type", "message"),
    [
        (b"<!DOCTYPE html><title>Log in</title>", "text/html", "an HTML page came instead of data"),
        (b"[NaN]", "application/json", "not JSON"),
        (b'["\xff"]', "application/json", "invalid UTF-8"),
        (b"[" * 50_000, "application/json", "nested too deeply"),
        (b"[1e99999999]", "application/json", "beyond"),
        (b'[{"a": 1}', "application/json", "ends in the middle"),
        (b"a,b\n1\n", "text/csv", "line 2"),
        (b"<a>", "text/xml", "not XML"),
    ],
)
async def test_content_that_cannot_be_read(source, content, content_type, message):
    async def handler(request):
        return web.Response(body=content, content_type=content_type)

    async with source.serving(handler):
        with pytest.raises(AnswerError, match=f"shop: GET /orders: .*{message}"):
            await source.records({"records": "body or []", "bad_records": "fail"})


@pytest.mark.parametrize("status", [400, 404, 409, 422])
async def test_a_refusal_is_for_a_person(source, status):
    async def handler(request):
        return web.Response(status=status, text="<html>no such field</html>", content_type="text/html")

    async with source.serving(handler):
        with pytest.raises(AnswerError, match=f"shop: GET /orders: {status} .*it said: .*no such field"):
            await source.records({})
    assert len(source.requests) == 1


async def test_a_200_that_carries_an_error(source):
    async def handler(request):
        return web.json_response({"error": {"code": 17, "text": "no licence"}, "orders": []})

    async with source.serving(handler):
        with pytest.raises(AnswerError, match=r"means an error, as error_when says \(body\.error\): .*no licence"):
            await source.records({"records": "body.orders", "error_when": "body.error"})
        assert await source.records({"records": "body.orders", "error_when": "body.error.code == 18"}) == []


async def test_a_200_that_means_later(source):
    answers = [{"state": "busy"}, {"state": "busy"}, {"orders": [1]}]

    async def handler(request):
        return web.json_response(answers.pop(0) if len(answers) > 1 else answers[0])

    config = {"records": "body.orders", "retry_when": 'body.state == "busy"'}
    async with source.serving(handler):
        assert await source.records(config) == [1]
        assert len(source.slept) == 2
        answers[:] = [{"state": "busy"}]
        with pytest.raises(OutageError, match="gave up"):
            await source.records(config)


async def test_trouble_on_the_way_loses_and_repeats_nothing(source):
    """Every second request meets a 429, a 503, a hang-up or a half answer."""
    trouble = 0

    async def handler(request):
        nonlocal trouble
        trouble += 1
        if trouble % 2:
            match trouble % 8:
                case 1:
                    return web.Response(status=429, headers={"Retry-After": "1"})
                case 3:
                    return web.Response(status=503)
                case 5:
                    request.transport.abort()
                    return web.Response()
                case 7:
                    response = web.StreamResponse(headers={"Content-Length": "1000"})
                    await response.prepare(request)
                    await response.write(b'{"records": [')
                    request.transport.close()
                    return response
        page = int(request.query["page"])
        return web.json_response([page] if page <= 12 else [])

    async with source.serving(handler):
        assert await source.records({"pagination": {"style": "page"}}) == list(range(1, 13))


async def test_the_next_page_is_asked_for_while_this_one_is_staged(source):
    async def handler(request):
        page = int(request.query["page"])
        if page == 3:
            await asyncio.sleep(60)
        return web.json_response([page])

    run = source.run({"pagination": {"style": "page"}})
    async with source.serving(handler), Services(source, sleep=source.sleep) as services:
        async with aclosing(HttpIncoming(run.route.incoming.config, run.route).pages(run, services)) as pages:
            for page in (1, 2):
                assert (await anext(pages)).values() == [page]
                async with asyncio.timeout(30):
                    while len(source.requests) <= page:  # noqa: ASYNC110 - the source tells nobody
                        await asyncio.sleep(0)
                await asyncio.sleep(0.05)
                assert len(source.requests) == page + 1  # one page ahead and no more
        # closing cancels what is under way
        assert not [task for task in asyncio.all_tasks() if "HttpIncoming" in str(task.get_coro())]


async def test_details_come_in_order_and_a_few_at_a_time(source):
    under_way = most = 0

    async def handler(request):
        nonlocal under_way, most
        if request.path == "/orders":
            return web.json_response({"shop": "x", "orders": [{"id": n} for n in range(10)]})
        under_way += 1
        most = max(most, under_way)
        number = int(request.path.rpartition("/")[2])
        await asyncio.sleep(0.001 * (10 - number))
        under_way -= 1
        return web.json_response({"order": {"number": number, "shop": request.query["shop"]}})

    details = {
        "path": "/orders/{{ item.id }}",
        "query": {"shop": "{{ body.shop }}"},
        "record": "body.order",
        "concurrency": 3,
    }
    async with source.serving(handler):
        records = await source.records({"records": "body.orders", "details": details})
        assert records == [{"number": n, "shop": "x"} for n in range(10)]
        assert most == 3
        records = await source.records({"records": "body.orders", "details": {**details, "into": "detail"}})
        assert records[7] == {"id": 7, "detail": {"number": 7, "shop": "x"}}


@pytest.mark.parametrize(("missing", "kept"), [("skip", ["1", "3"]), ("keep", ["1", "2", "3"])])
async def test_details_that_are_gone_by_a_good_answer(source, missing, kept):
    async def handler(request):
        number = request.path.rpartition("/")[2]
        if not number.isdigit():
            return web.json_response([{"id": 1}, {"id": 2}, {"id": 3}])
        return web.json_response({"order": None if number == "2" else {"id": int(number)}})

    details = {"path": "/orders/{{ item.id }}", "record": "body.order", "gone_when": "body.order is None"}
    async with source.serving(handler):
        found = await source.records({"details": {**details, "missing": missing}})
        assert [str(record["id"]) for record in found] == kept
        with pytest.raises(AnswerError, match=r"there is no such thing, as details.gone_when says"):
            await source.records({"details": details})


async def test_details_that_are_missing_or_fail(source):
    async def handler(request):
        if request.path == "/orders":
            return web.json_response([{"id": 1}, {"id": "a/b"}, {"id": 3}])
        if request.path == "/orders/a/b":
            assert request.raw_path == "/orders/a%2Fb"
            return web.Response(status=404, text="gone")
        return web.json_response({"n": request.path[-1]})

    details = {"path": "/orders/{{ item.id }}"}
    async with source.serving(handler):
        with pytest.raises(AnswerError, match=r"GET /orders/a%2Fb: 404 Not Found; it said: gone"):
            await source.records({"details": details})
        assert await source.records({"details": {**details, "missing": "skip"}}) == [{"n": "1"}, {"n": "3"}]
        kept = await source.records({"details": {**details, "missing": "keep", "into": "d"}})
        assert kept == [{"id": 1, "d": {"n": "1"}}, {"id": "a/b"}, {"id": 3, "d": {"n": "3"}}]
        for options, told in [
            ({"missing": "skip", "record": "body.nothing"}, "details.record: body.nothing gives nothing"),
            ({"path": "/orders/{{ item.nothing }}"}, "details.path: "),
            ({"missing": "skip", "error_when": "body.n"}, "error_when says"),
        ]:  # nobody knows whether it is the items' matter: none was answered
            unsure = await source.records({"details": {**details, **options}})
            assert {(type(one), one.later, one.refused) for one in unsure} == {(Unfinished, True, True)}
            assert all(told in one.reason for one in unsure)
        first, other = await source.records({"details": {**details, "missing": "skip", "error_when": "body.n == '1'"}})
        assert (type(first), first.item, first.later, other) == (Unfinished, {"id": 1}, False, {"n": "3"})
        assert "error_when says" in first.reason
    async with source.serving(handler):
        (one,) = await source.records(
            {"records": "[1]", "details": {**details, "path": "/orders/{{ item }}", "into": "d"}}
        )
        assert "that are objects" in one.reason


async def test_numbers_stay_exact(source):
    async def handler(request):
        return web.Response(text='[{"id": 1234567890123456789012345678901234567890, "total": 12.10}]')

    async with source.serving(handler):
        (record,) = await source.records({})
    assert record["id"] == 1234567890123456789012345678901234567890
    assert str(record["total"]) == "12.10"


@pytest.mark.parametrize("records", ["body.orders", "body.orders or []"])
async def test_an_answer_that_reports_an_error_is_not_nothing_new(source, records):
    body: dict[str, Any] = {}

    async def handler(request):
        return web.json_response(body)

    async with source.serving(handler):
        for name in ("error", "errors"):
            body = {name: [{"message": "quota used up"}], "orders": []}
            with pytest.raises(AnswerError, match=f"has no records and reports {name}: .*quota used up.*empty_when"):
                await source.records({"records": records})
            assert await source.records({"records": records, "empty_when": f"body.{name}"}) == []
            assert await source.records({"records": records, "error_when": "False"}) == []
            body = {name: None, "orders": []}
            assert await source.records({"records": records}) == []
            body = {name: ["one field is missing"], "orders": [{"id": 1}]}
            assert await source.records({"records": records}) == [{"id": 1}]

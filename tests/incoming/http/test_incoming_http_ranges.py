"""Ranges, bounds, and places that stand in headers."""

from __future__ import annotations

import pytest
from aiohttp import web

from airflow_integrations.errors import AnswerError


def ranged(*answers, status=206):
    """Answers one after the other: records, and what Content-Range says."""
    left = list(answers)

    async def handler(request):
        records, content_range = left.pop(0)
        headers = {} if content_range is None else {"Content-Range": content_range}
        return web.json_response(records, headers=headers, status=status)

    return handler


RANGE = {"pagination": {"style": "range", "size": 2}}


async def test_the_range_is_written_as_the_route_says(source):
    async with source.serving(ranged(([1, 2], "0-1/3"), ([3], "2-2/3"))):
        paging = {"style": "range", "size": 2, "header": "X-Range", "value": "rows {first}..{last}"}
        assert await source.records({"pagination": paging, "headers": {"x-range": "ours"}}) == [1, 2, 3]
    assert [request.headers.getall("X-Range") for request in source.requests] == [["rows 0..1"], ["rows 2..3"]]


async def test_a_server_without_ranges_gives_everything_at_once(source):
    async with source.serving(ranged(([1, 2, 3], None), status=200)):
        assert await source.records(RANGE) == [1, 2, 3]


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (([1, 2], "items 0-1/4"), "asked for the records from 2 on, and 2 came that Content-Range calls 0 to 1"),
        (([3], "items 2-3/4"), "1 came that Content-Range calls 2 to 3"),
        (([3, 4], "lots"), "Content-Range 'lots' is not understood"),
        (([3, 4], None), "tells no range"),
        (([3], "items 2-2/4"), None),
    ],
)
async def test_a_range_that_is_another_than_was_asked_for(source, second, message):
    async with source.serving(ranged(([1, 2], "items 0-1/4"), second, ([4], "items 3-3/4"))):
        if message is None:  # a server may give less
            assert await source.records(RANGE) == [1, 2, 3, 4]
            return
        with pytest.raises(AnswerError, match=message):
            await source.records(RANGE)


async def test_416_is_the_end_and_no_end_where_records_are_missing(source):
    async def handler(request):
        if request.headers["Range"] == "items=0-1":
            return web.json_response([1, 2], headers={"Content-Range": f"items 0-1/{total}"}, status=206)
        return web.Response(status=416)

    async with source.serving(handler):
        total = "*"
        pages = await source.pages(RANGE)
        assert [record for page in pages for record in page.values()] == [1, 2]
        total = "3"
        with pytest.raises(AnswerError, match="2 of 3 records came"):
            await source.records(RANGE)
        with pytest.raises(AnswerError, match="the saved place is no longer accepted"):
            await source.records(RANGE, resume=pages[0].resume)


@pytest.mark.parametrize("token", ["a\r\nX-Evil: 1", "ü", "a\x00"])
async def test_a_token_that_cannot_stand_in_a_header(source, token):
    async def handler(request):
        return web.json_response({"records": [1], "next": token})

    paging = {"style": "cursor", "next": "body.next", "param": "X-After", "in": "header"}
    async with source.serving(handler):
        with pytest.raises(AnswerError, match="cannot stand in a header"):
            await source.records({"records": "body.records", "pagination": paging})
    assert len(source.requests) == 1


@pytest.mark.parametrize(
    ("paging", "message"),
    [
        ({"style": "range", "value": "items"}, r"no \{first\} and \{last\}"),
        ({"style": "range", "size_param": "limit"}, "size_param"),
        ({"style": "range", "in": "body"}, "in"),
        ({"style": "cursor", "next": "body.a", "param": "c", "more": "body.b", "end_when": "body.c"}, "the other way"),
        ({"style": "keyset", "param": "c", "value": "item.a", "size": 2, "at_most": 10}, "leave at_most out"),
    ],
)
def test_what_cannot_be_meant(source, paging, message):
    with pytest.raises(ValueError, match=message):
        source.run({"pagination": paging})


@pytest.mark.parametrize(
    ("total", "at_most", "paging"),
    [(4, 4, {"style": "page"}), (9, 4, {"style": "page"}), (4, 4, {"style": "none"})],
)
async def test_as_many_records_as_the_source_gives_at_most_are_not_taken_for_all(source, total, at_most, paging):
    records = list(range(total))[:at_most]

    async def handler(request):
        start = 2 * (int(request.query.get("page", 1)) - 1)
        return web.json_response(records[start : start + 2] if paging["style"] == "page" else records)

    async with source.serving(handler):
        with pytest.raises(AnswerError, match=r"4 records came, and the source gives 4 .*window\.slice"):
            await source.records({"pagination": {**paging, "at_most": at_most}})
        assert await source.records({"pagination": {**paging, "at_most": at_most + 1}}) == records


async def test_a_total_beyond_the_bound_stops_at_once(source):
    async def handler(request):
        return web.json_response({"records": [1, 2], "total": 25_000})

    paging = {"style": "page", "total": "body.total", "at_most": 10_000}
    async with source.serving(handler):
        with pytest.raises(AnswerError, match="there are 25000 records, and the source gives 10000"):
            await source.records({"records": "body.records", "pagination": paging})
    assert len(source.requests) == 1


async def test_the_bound_of_an_answer_that_is_read_as_it_arrives(source):
    async def handler(request):
        return web.Response(text="id\n" + "".join(f"{number}\n" for number in range(3000)))

    config = {"format": "csv", "pagination": {"style": "none", "at_most": 2500}}
    async with source.serving(handler):
        with pytest.raises(AnswerError, match="source gives 2500 of one list at most"):
            await source.records(config)


async def test_end_when_must_say_something(source):
    async def handler(request):
        return web.json_response({"records": [1]})

    paging = {"style": "page", "end_when": "body.lsat"}
    async with source.serving(handler):
        with pytest.raises(AnswerError, match=r"pagination\.end_when: body\.lsat gives nothing"):
            await source.records({"records": "body.records", "pagination": paging})


async def test_exactly_the_first_range_from_a_server_without_ranges_may_not_be_all(source):
    async def handler(request):
        return web.json_response([{"id": number} for number in range(3)])

    paging = {"style": "range", "size": 3}
    async with source.serving(handler):
        with pytest.raises(AnswerError, match="Content-Range tells no range"):
            await source.records({"records": "body", "pagination": paging})
        assert len(await source.records({"records": "body", "pagination": {**paging, "size": 4}})) == 3

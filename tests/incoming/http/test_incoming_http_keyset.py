"""Paging by the last record's value: records that share it are neither lost nor doubled."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_integrations.errors import AnswerError
from airflow_integrations.route.definition import Route

KEYSET = {"style": "keyset", "param": "after", "value": "item.at", "size": 4, "size_param": "limit"}


def rows(*values: Any) -> list[dict[str, Any]]:
    return [{"id": number, "at": value} for number, value in enumerate(values)]


class Api:
    """Orders by ``at`` (and ``id``), and gives what is at or behind a value, a page at a time."""

    def __init__(self, listed: list[dict[str, Any]], size: int = 4, **options: Any) -> None:
        self.rows, self.size = listed, size
        self.inclusive = options.get("inclusive", True)
        self.falls = options.get("falls", False)
        self.tie = options.get("tie", False)
        self.asked: list[Any] = []

    def behind(self, row: dict[str, Any], after: Any) -> bool:
        value = (row["at"], row["id"]) if self.tie else (row["at"],)
        return (value > after if not self.falls else value < after) or (self.inclusive and value == after)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        sent = json.loads(await request.read() or b"{}")
        found = sent.get("page", {}) if sent else dict(request.query)
        after, limit = found.get("after"), min(int(found.get("limit", self.size)), self.size)
        self.asked.append(after)
        listed = sorted(self.rows, key=lambda row: (row["at"], row["id"]), reverse=self.falls)
        if after is not None:
            of_rows = type(self.rows[0]["at"]) if self.rows else str
            asked = (of_rows(after), int(found["after_id"])) if self.tie else (of_rows(after),)
            listed = [row for row in listed if self.behind(row, asked)]
        return web.json_response({"rows": listed[:limit], "more": len(listed) > limit})


@contextmanager
def suppress_told(text: str, *, allowed: bool) -> Iterator[None]:
    try:
        yield
    except AnswerError as error:
        if not allowed or text not in str(error):
            raise


def config(**paging: Any) -> dict[str, Any]:
    return {"records": "body.rows", "pagination": {**KEYSET, **paging}}


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.integers(0, 9), max_size=25),
    st.integers(4, 7),
    st.booleans(),
    st.sampled_from(["query", "body"]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.integers(0, 10),
)
async def test_nothing_is_lost_or_doubled_or_a_whole_page_of_one_value_is_told(
    new_source: Any,
    values: list[int],
    size: int,
    inclusive: bool,
    where: str,
    falls: bool,
    with_tie: bool,
    with_more: bool,
    stop: int,
) -> None:
    source = new_source()
    texts = [f"2026-01-{value + 1:02}T00:00:00Z" for value in values]
    api = Api(rows(*texts), size, inclusive=inclusive, falls=falls, tie=with_tie)
    options: dict[str, Any] = {"size": size, "inclusive": inclusive, "order": "descending" if falls else "ascending"}
    if with_more:
        options["more"] = "body.more"
    if with_tie:
        options["tie"] = {"param": "after_id", "value": "item.id"}
    if where == "body":
        options |= {"in": "body", "param": "page.after", "size_param": "page.limit"}
        options |= {"tie": {"param": "page.after_id", "value": "item.id"}} if with_tie else {}
    asked = config(**options) | ({"method": "POST", "body": {}} if where == "body" else {})
    most = max((texts.count(text) for text in texts), default=0)
    wanted = sorted(api.rows, key=lambda row: (row["at"], row["id"]), reverse=falls)
    async with source.serving(api.answer):
        pages: list[Any] = []
        with suppress_told("a whole page", allowed=most >= size and not with_tie):
            pages = await source.pages(asked)
        if not pages:
            return
        assert [row for page in pages for row in page.values()] == wanted
        assert len(api.asked) <= len(wanted) + 2
        saved = pages[min(stop, len(pages) - 1)].resume
        if saved is not None:
            before = [row for page in pages[: stop + 1] for row in page.values()]
            saved = msgspec.json.decode(msgspec.json.encode(saved))
            assert before + await source.records(asked, resume=saved) == wanted


@pytest.mark.parametrize("values", ["aabbbbcc", "abc", "aaa", "abbbcdddeee"])
async def test_an_api_that_gives_no_equals_is_told_before_something_is_lost(source: Any, values: str) -> None:
    api = Api(rows(*values), 4, inclusive=False)
    async with source.serving(api.answer):
        with pytest.raises(AnswerError, match=r"write pagination\.inclusive: false"):
            await source.records(config())


async def test_an_api_that_gives_equals_unexpectedly_is_told(source: Any) -> None:
    async with source.serving(Api(rows(*"abcdef")).answer):
        with pytest.raises(AnswerError, match=r"write pagination\.inclusive: true"):
            await source.records(config(inclusive=False))


@pytest.mark.parametrize(
    ("values", "order"),
    [
        (["2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"], "ascending"),
        (["2026-01-02T00:00:00+02:00", "2026-01-01T20:00:00Z"], "ascending"),
        ([2, 10, 9], "ascending"),
        (["9", "10", "8"], "ascending"),
        (["2026-01-01", "2026-01-02"], "descending"),
        (["b", "a"], "ascending"),
    ],
)
async def test_values_that_go_back_are_told(source: Any, values: list[Any], order: str) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.json_response({"rows": rows(*values)})

    async with source.serving(answer):
        with pytest.raises(AnswerError, match=r"goes back from .* to .* on one page"):
            await source.records(config(order=order))


@pytest.mark.parametrize(
    "values",
    [
        ["2026-01-01T10:00:00+02:00", "2026-01-01T08:30:00Z"],
        ["9", "10", "100"],
        ["10", "100", "9"],
        ["B", "a", "c"],
        ["a", "B", "c"],
        ["a-c", "ab", "ad"],
        ["zebra", "äpfel"],
        ["31.01.2026", "1.2.2026"],
        ["2026-1-9", "2026-1-10"],
    ],
)
async def test_an_order_that_a_database_may_have_is_none_that_goes_back(source: Any, values: list[Any]) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        listed = rows(*values)
        after = request.query.get("after")
        return web.json_response({"rows": listed if after is None else listed[values.index(after) :]})

    async with source.serving(answer):
        assert await source.records(config()) == rows(*values)


@pytest.mark.parametrize("inclusive", [True, False])
async def test_an_api_that_ignores_the_parameter_is_told(source: Any, inclusive: bool) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.json_response({"rows": rows(*"abcd")})

    async with source.serving(answer):
        with pytest.raises(AnswerError, match="It ignores the parameter, or reads it less exactly"):
            await source.records(config(inclusive=inclusive))


@pytest.mark.parametrize("cut", [False, True])
async def test_an_api_that_reads_whole_seconds_takes_a_value_that_is_cut(source: Any, cut: bool) -> None:
    listed = rows(*(f"2026-01-01T00:00:0{number // 3}.{number % 3 + 1}Z" for number in range(12)))

    async def answer(request: web.Request) -> web.StreamResponse:
        after = request.query.get("after", "")[:19]
        return web.json_response({"rows": [row for row in listed if row["at"][:19] >= after][:4]})

    async with source.serving(answer):
        if cut:
            assert await source.records(config(value="item.at[:19]")) == listed
        else:
            with pytest.raises(AnswerError, match="less exactly"):
                await source.records(config())


@pytest.mark.parametrize("inclusive", [True, False])
async def test_a_server_that_gives_smaller_pages_than_size_says_is_noticed(source: Any, inclusive: bool) -> None:
    api = Api(rows(*"abbcccdddd"), 3, inclusive=inclusive)
    async with source.serving(api.answer):
        with pytest.raises(AnswerError, match=r"a whole page \(3 records\) has the value c of item\.at"):
            await source.records(config(size=250, inclusive=inclusive))
        api.rows = rows(*"abbccdde")
        assert await source.records(config(size=250, inclusive=inclusive)) == api.rows


@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize("leaves", ["last", "last two", "all"])
async def test_the_record_at_the_border_may_leave(source: Any, leaves: str, inclusive: bool) -> None:
    api = Api(rows(*"abccdef"), 4, inclusive=inclusive)

    async def answer(request: web.Request) -> web.StreamResponse:
        if len(api.asked) == 1:
            api.rows = {"last": [*api.rows[:3], *api.rows[4:]], "last two": [*api.rows[:2], *api.rows[4:]]}.get(
                leaves, []
            )
        return await api.answer(request)

    async with source.serving(answer):
        came = await source.records(config(inclusive=inclusive))
    assert came == rows(*"abccdef")[: 4 if leaves == "all" else 7]


async def test_a_page_of_one_value_that_is_not_full_is_all_there_is(source: Any) -> None:
    api = Api(rows(*"aaa"), 4)
    async with source.serving(api.answer):
        assert len(await source.records(config())) == 3
        api.rows = rows(*"aaaa")
        assert len(await source.records(config(more="body.more"))) == 4
        with pytest.raises(AnswerError, match=r"may have more of it.*pagination\.size.*pagination\.tie"):
            await source.records(config())


async def test_more_that_never_ends_is_told(source: Any) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.json_response({"rows": rows("a") if request.path == "/orders" else [], "more": True})

    async with source.serving(answer):
        for path, said in (("/orders", "a whole page"), ("/empty", "the page is empty")):
            with pytest.raises(AnswerError, match=said):
                await source.records({**config(more="body.more"), "path": path})


@pytest.mark.parametrize(
    ("value", "said"), [(None, "gives nothing for record 2"), (True, "neither"), ("x", "no order")]
)
async def test_a_record_without_a_usable_value_is_told(source: Any, value: Any, said: str) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.json_response({"rows": rows(1, value, 3)})

    async with source.serving(answer):
        with pytest.raises(AnswerError, match=said):
            await source.records(config())


async def test_numbers_are_asked_for_as_the_source_wrote_them(source: Any) -> None:
    asked = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append((await request.read()).decode())
        texts = {1: "[1.50, 2.00]", 2: "[2.00, 9007199254740993]", 3: "[9007199254740993]"}[len(asked)]
        listed = ", ".join(f'{{"at": {text}}}' for text in texts[1:-1].split(", "))
        return web.Response(text=f'{{"rows": [{listed}]}}')

    paging = {"in": "body", "param": "page.after", "size_param": "page.limit"}
    async with source.serving(answer):
        pages = await source.pages({**config(**paging), "method": "POST", "body": {}}, most=2)
        saved = msgspec.json.decode(msgspec.json.encode(pages[1].resume))
        await source.pages({**config(**paging), "method": "POST", "body": {}}, resume=saved)
    assert [text.partition('"after":')[2].partition("}")[0].partition(",")[0] for text in asked] == [
        "",
        "2.00",
        "9007199254740993",
    ]


async def test_details_are_asked_for_once(source: Any) -> None:
    api = Api(rows(*"abbbcde"), 4)

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path.startswith("/one/"):
            return web.json_response({"id": request.path})
        return await api.answer(request)

    async with source.serving(answer):
        await source.records({**config(), "details": {"path": "/one/{{ item.id }}"}})
    asked = [request.path for request in source.requests if request.path.startswith("/one/")]
    assert asked == [f"/one/{number}" for number in range(7)]


async def test_rows_that_cannot_be_read_are_passed_on_once(source: Any) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        lines = ["1,a", "2,b,x", "3,b"] if "after" not in request.query else ["2,b,x", "3,b", "4,c"]
        lines = ["4,c"] if request.query.get("after") == "c" else lines
        return web.Response(text="\n".join(["id,at", *lines]), content_type="text/csv")

    async with source.serving(answer):
        pages = await source.pages({"pagination": KEYSET})
    came = [record for page in pages for record in page.values()]
    assert [getattr(record, "reason", None) or record["id"] for record in came][::2] == ["1", "3"]
    assert [record["id"] for record in came[2:]] == ["3", "4"]


@pytest.mark.parametrize(
    ("paging", "said"),
    [
        ({"size": None, "size_param": None}, "needs size"),
        ({"total": "body.total"}, "does not go with style keyset"),
        ({"tie": {"param": "after", "value": "item.id"}}, "different parameters"),
        ({"size": 1}, "greater than or equal to 2"),
    ],
)
def test_options_that_do_not_fit(source: Any, paging: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        source.run(config(**paging))


async def test_the_first_page_begins_at_the_route_s_cursor(source: Any) -> None:
    api = Api(rows(*"abcdef"), 4)
    asked = {**config(), "cursor": {"field": "at", "param": "after", "initial": "c"}}
    assert isinstance(source.run(asked).route, Route)
    asked = {**config(), "query": {"after": "c"}}
    async with source.serving(api.answer):
        assert [row["at"] for row in await source.records(asked)] == list("cdef")
    with pytest.raises(ValueError, match="a parameter has one value"):
        source.run(
            {**config(tie={"param": "after_id", "value": "item.id"}), "cursor": {"field": "id", "param": "after_id"}}
        )

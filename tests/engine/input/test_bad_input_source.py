"""What a source can send that is wrong: each has an error or a fate that says so, and nothing is lost or doubled."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from bad_input_scene import Handler, Scene, half, no_http, orders, page, reset, silence, status

from airflow_integrations.errors import AnswerError, OutageError, SetupError
from airflow_integrations.formats.json import encode

GOOD = b'{"number": "G"}'
LAST = b'{"number": "Z"}'


def records(*raw: bytes) -> Handler:
    """A page with these records between two good ones."""
    return page(b'{"orders": [' + b", ".join((GOOD, *raw, LAST)) + b"]}")


ENDS = [
    (status(401, b"who"), SetupError, "401 Unauthorized; check the credentials of Connection 'shop'. It said: w"),
    (status(403), SetupError, "403 Forbidden; the login of Connection 'shop' lacks a permission"),
    (status(404, b"no"), AnswerError, "404 Not Found; it said: no. Check the path, and the host of the Connection"),
    (status(429, b"", **{"Retry-After": "30"}), OutageError, "429 Too Many Requests.*asks to wait 30 s"),
    (status(500, b"boom"), OutageError, "500 Internal Server Error: boom; gave up after 1 attempt"),
    (status(503), OutageError, "503 Service Unavailable"),
    (silence, OutageError, "no answer in time"),
    (reset, OutageError, "Server disconnected"),
    (half, OutageError, "the answer ended in the middle"),
    (no_http, OutageError, "what came is not HTTP answer: .*SSH-2.0"),
    (page(b"<!DOCTYPE html><p>log in", "text/html"), AnswerError, "an HTML page came instead of data"),
    (page(b"<?xml version='1.0'?>\n<!-- x --> <html>"), AnswerError, "an HTML page came instead of data"),
    (page(b'{"orders": [{"number": 1}, {"num'), AnswerError, "the JSON ends in the middle, after 32 bytes"),
    (page(b'{"orders": [{"number": 1}], "total": NaN}'), AnswerError, "not JSON: .*NaN"),
    (page(b"[" * 100_000 + b"]" * 100_000), AnswerError, "nested too deeply"),
    (records(b'{"number": 1}}'), AnswerError, "not JSON"),
    (records(b'{"number": "N'), AnswerError, "not JSON|in the middle"),
    (page(b'{"orders": null}'), AnswerError, r"body.orders gives nothing.*write body.orders or \[\]"),
    (page(b'{"orders": {"number": 1}}'), AnswerError, r"no list but an object.*write \[body.orders\]"),
    (page(b"[1]"), AnswerError, "it is a list, so it has no field 'orders'"),
    (page(b""), AnswerError, r"the body is empty.*write body.orders or \[\]"),
    (page(gzip.compress(bytes(5_000_000)), **{"Content-Encoding": "gzip"}), AnswerError, "over 4,194,304 bytes"),
    (page(b"plain", **{"Content-Encoding": "gzip"}), AnswerError, "not the gzip that its Content-Encoding says"),
    (page(gzip.compress(encode([1]) * 99)[:-12], **{"Content-Encoding": "gzip"}), OutageError, "ends in the middle"),
    (page(b"x", **{"Content-Encoding": "br"}), AnswerError, "Content-Encoding 'br', which was not asked for"),
    (status(302, Location="http://localhost:9/x"), AnswerError, "leads to http://localhost:9, but the credentials of"),
    (status(302, Location="http://[bad"), AnswerError, "is not a URL: 'http://.bad'; asked was GET /orders"),
    (status(302), AnswerError, "redirected .302 Found. to ''; give the right address"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "kind", "says"), ENDS, ids=[says[:30] for _, _, says in ENDS])
async def test_an_answer_that_ends_the_fetch(source: Handler, kind: type, says: str, tmp_path: Path) -> None:
    outcome = await Scene(tmp_path).run(source)
    assert outcome.stage == "fetch"
    with pytest.raises(kind, match=says):
        raise outcome.error or AssertionError("nothing was raised")
    assert "shop" in str(outcome.error)
    assert outcome.received == []
    assert outcome.balance.unfinished == "fetch"


HUGE = b"1" + b"0" * 5000
FATES = [
    (b'{"x": 1}', "", "the entity has no key: order.number reads nothing", {"x": 1}),
    (b'{\n  "x":\n  1\n}', "", "the entity has no key", {"x": 1}),
    (b'{"x": ' + HUGE + b"}", "", "the entity has no key", '{"x": ' + HUGE.decode() + "}"),
    (b'{"number": "N", "x": ' + HUGE + b"}", "N", "whole number with over 4300 digits", None),
    (b'{"number": "N", "x": 1e99999}', "N", "a number beyond 1e±9999", '{"number": "N", "x": 1e99999}'),
    (
        b'{"number": "N", "x": "\\ud83d"}',
        "N",
        "the text at x has half of a surrogate pair",
        '{"number": "N", "x": "\\ud83d"}',
    ),
    (b'{"number": "N", "\\udc00": 1}', "N", "one of its names has half of a surrogate pair", None),
    (b'{"number": "\\ud83d"}', "", "a character that cannot be seen, U+D83D", None),
    (b'{"number": "a\\nb"}', "", "a character that cannot be seen, U+000A", {"number": "a\nb"}),
    (b'{"number": "  "}', "", "order.number gives an empty text", None),
    (b'{"number": true}', "", "a key must be text or a number, not true or false", None),
    (b'{"number": {"a": 1}}', "", "a key must be text or a number, not an object; name one of its fields", None),
    (b'{"number": "' + b"k" * 600 + b'"}', "", "the key has 600 characters; at most 512", None),
    (b'{"number": "N", "total": NaN}', "", "record 2: the content is not JSON: ", None),
    (b'{"number": "N", "total": -Infinity}', "", "record 2: the content is not JSON", None),
    (b'{"number": "\xff"}', "", "record 2: the JSON has invalid UTF-8 near", None),
    (b'{"number": "a\nb\t"}', "", "record 2: the content is not JSON", None),
    (b"[" * 100_000 + b"]" * 100_000, "", "record 2: the JSON is nested too deeply", None),
    (b"7", "", "it is a number, not an object", 7),
    (b"null", "", "the entity has no key", None),
]


@pytest.mark.parametrize(("raw", "key", "reason", "kept"), FATES, ids=[str(n) for n in range(len(FATES))])
@pytest.mark.parametrize("transform", [[], [{"set": {"seen": "True"}}]], ids=["as it is", "transformed"])
async def test_one_bad_record_is_rejected_and_kept_and_the_others_go_on(
    raw: bytes, key: str, reason: str, kept: Any, transform: list[Any], tmp_path: Path
) -> None:
    outcome = await Scene(tmp_path).run(records(raw), transform=transform)
    assert [entity["number"] for entity in outcome.received] == ["G", "Z"]
    assert outcome.counts == {"fetched": 3, "delivered": 2, "rejected": 1}
    (problem,) = outcome.problems
    assert problem.key == key
    assert reason in problem.reason
    assert problem.value == kept or kept is None
    assert "1 rejected of 3 entities" in (outcome.balance.verdict or "")


@pytest.mark.parametrize(("raw", "key"), [fate[:2] for fate in FATES], ids=[str(n) for n in range(len(FATES))])
async def test_two_bad_records_of_a_page_are_each_rejected_alone(raw: bytes, key: str, tmp_path: Path) -> None:
    """With one that is no JSON the page is taken apart, and the other one is read in another way."""
    page_of_both = records(raw + b', {"number": "M", "total": NaN}')
    outcome = await Scene(tmp_path).run(page_of_both, transform=[{"set": {"seen": "True"}}])
    assert [entity["number"] for entity in outcome.received] == ["G", "Z"]
    assert outcome.counts == {"fetched": 4, "delivered": 2, "rejected": 2}
    assert sorted(problem.key for problem in outcome.problems) == ["", key]


@pytest.mark.parametrize(
    ("raw", "sent"),
    [
        (b'{"number": "N", "number": "M"}', {"number": "M"}),  # RFC 8259 leaves it open; the last one counts
        (b'{"number": 1' + b"0" * 400 + b"}", {"number": 10**400}),
        (b'{"number": "\xf0\x9f\x98\x80/ \\u20ac"}', {"number": "😀/ €"}),
        (b'{"number": "D", "x": ' + b"[" * 300 + b"]" * 300 + b"}", None),
    ],
)
async def test_odd_records_that_are_fine(raw: bytes, sent: Any, tmp_path: Path) -> None:
    outcome = await Scene(tmp_path).run(
        records(raw), outgoing={"path": "/in/{{ order.number }}", "method": "PUT"}, delivery={"concurrency": 1}
    )
    assert outcome.counts == {"fetched": 3, "delivered": 3}
    assert sent is None or outcome.received[1] == sent


@pytest.mark.parametrize("lines", [False, True], ids=["a list", "json lines"])
@pytest.mark.parametrize(
    "raw", [b'{"number": "N", "x": NaN}', b'{"number": "\xff"}', b'{"number": "N", "x": "\\ud83d"}, {"number": NaN}']
)
async def test_a_listed_item_that_cannot_be_read_holds_up_the_details_of_no_other(
    raw: bytes, lines: bool, tmp_path: Path
) -> None:
    listed = b"\n".join((GOOD, raw.replace(b", {", b"\n{"), LAST)) if lines else None

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path.startswith("/o/"):
            return web.json_response({"number": request.path[3:], "total": 1})
        return await (records(raw) if listed is None else page(listed, "application/x-ndjson"))(request)

    told = {"format": "json_lines", "records": "body"} if lines else {}
    outcome = await Scene(tmp_path).run(answer, incoming={**told, "details": {"path": "/o/{{ item.number }}"}})
    found = [(entity["number"], entity["total"]) for entity in outcome.received]
    wanted = [("G", 1), ("N", 1), ("Z", 1)] if b"ud83d" in raw else [("G", 1), ("Z", 1)]
    assert found == wanted  # what the details say is in order
    assert outcome.counts == {"fetched": len(found) + 1, "delivered": len(found), "rejected": 1}


async def test_half_a_pair_in_json_lines_is_one_records_matter(tmp_path: Path) -> None:
    lines = b'{"number": "G"}\n{"number": "N", "x": "\\ud83d"}\n{"number": "Z"}\n'
    outcome = await Scene(tmp_path).run(
        page(lines, "application/x-ndjson"), incoming={"format": "json_lines", "records": "body"}
    )
    assert outcome.counts == {"fetched": 3, "delivered": 2, "rejected": 1}


async def test_a_connection_that_is_missing(tmp_path: Path) -> None:
    outcome = await Scene(tmp_path).run(orders({"number": 1}), without=("shop",))
    assert isinstance(outcome.error, SetupError)
    assert "there is no Connection 'shop'; add it" in str(outcome.error)


CURSOR = {"style": "cursor", "next": "body.next", "param": "cursor"}


@pytest.mark.parametrize(
    ("pages", "pagination", "says"),
    [
        ({"": ([1], "a"), "a": ([1], "b"), "b": ([2], None)}, CURSOR, "the same page came twice"),
        ({"": ([1], "a"), "a": ([2], "b"), "b": ([3], "a")}, CURSOR, "the pages go in a circle"),
        ({"": ([1], "a"), "a": ([2], None)}, {**CURSOR, "total": "body.total"}, "2 of 5 records came .* 3 are missing"),
        ({"": ([1], "http://other.example/x")}, {"style": "next_url", "next": "body.next"}, "leads to http://other.ex"),
        ({"": ([1], "http://[x")}, {"style": "next_url", "next": "body.next"}, "shop: GET /orders: .*not a URL"),
        ({"": ([1], {"a": 1})}, CURSOR, "gives no text or number to put in the query"),
    ],
)  # fmt: skip
async def test_pages_that_cannot_be_walked(pages: Any, pagination: Any, says: str, tmp_path: Path) -> None:
    async def source(request: web.Request) -> web.Response:
        numbers, following = pages[request.query.get("cursor", "")]
        listed = [{"number": number} for number in numbers]
        return web.json_response({"orders": listed, "next": following, "total": 5})

    outcome = await Scene(tmp_path).run(source, incoming={"pagination": pagination})
    with pytest.raises(AnswerError, match=says):
        raise outcome.error or AssertionError("nothing was raised")
    assert outcome.received == [], "an incomplete fetch delivers nothing"


async def test_a_source_that_breaks_off_and_comes_back_loses_and_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_integrations.staging.segment_writer.SEGMENT_ENTITIES", 3)
    broken = [half, no_http, reset, status(503)]

    async def source(request: web.Request) -> web.StreamResponse:
        offset = int(request.query.get("offset", 0))
        if offset == 12 and broken:
            return await broken.pop()(request)
        return web.json_response({"orders": [{"number": n} for n in range(offset, min(offset + 4, 22))]})

    scene = Scene(tmp_path)
    while broken:
        outcome = await scene.run(source, incoming={"pagination": {"style": "offset", "size": 4}})
        assert isinstance(outcome.error, OutageError)
        assert outcome.received == []
    outcome = await scene.run(source, incoming={"pagination": {"style": "offset", "size": 4}})
    assert sorted(entity["number"] for entity in outcome.received) == list(range(22))
    assert outcome.counts == {"fetched": 22, "delivered": 22}


@pytest.mark.parametrize(
    "details",
    [
        {"path": "/o/{{ item.id }}"},
        {"path": "/o", "query": {"a": "{{ item.id }}"}},
        {"path": "/o", "headers": {"X-A": "{{ item.id }}"}},
        {"path": "/o", "method": "POST", "body": {"a": "item.id"}},
        {"path": "/o", "method": "POST", "form": {"a": "{{ item.id }}"}},
        {"path": "/o", "method": "POST", "body_text": "{{ item.id }}"},
    ],
)
async def test_half_a_pair_in_what_is_asked_for_an_item(details: dict[str, Any], tmp_path: Path) -> None:
    """It is the item's matter, and is told in words."""
    source = page(b'{"orders": [{"number": 1, "id": "\\ud83d"}]}')
    outcome = await Scene(tmp_path).run(source, incoming={"details": details})
    assert outcome.error is None
    assert outcome.received == []
    assert outcome.counts == {"fetched": 1, "retrying": 1}


@pytest.mark.parametrize(
    "incoming",
    [
        {"pagination": {"style": "cursor", "next": "body.next", "param": "c"}},
        {"pagination": {"style": "cursor", "next": "body.next", "param": "c", "in": "body"}},
        {"pagination": {"style": "next_url", "next": "body.next"}},
    ],
)
async def test_half_a_pair_in_what_the_next_request_is_made_of(incoming: dict[str, Any], tmp_path: Path) -> None:
    source = page(b'{"orders": [{"number": 1, "id": "\\ud83d"}], "next": "\\ud83d"}')
    outcome = await Scene(tmp_path).run(source, incoming=incoming)
    assert isinstance(outcome.error, AnswerError), repr(outcome.error)
    assert outcome.received == []

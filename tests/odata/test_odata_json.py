"""Version 2's JSON as plain values, bodies by type, and batches taken apart."""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_integrations.errors import EntityError
from airflow_integrations.odata import json_batch, multipart
from airflow_integrations.odata.body import TypedBody
from airflow_integrations.odata.json_values import IncompleteError, mind_nested_pages, plain_of_v2
from airflow_integrations.odata.multipart import MalformedError, Part


def test_an_entity_of_version_2_becomes_plain() -> None:
    entity = {
        "__metadata": {"uri": "x", "type": "T"},
        "ID": "1",
        "Net": "10.10",
        "Day": "/Date(1769817600000)/",
        "At": "/Date(1769853600000+0060)/",
        "Before": "/Date(-1)/",
        "Beyond": "/Date(999999999999999999)/",
        "Note": "/Date(1)/ is not all of it",
        "to_Item": {"results": [{"__metadata": {}, "Pos": "1", "to_Text": {"__deferred": {"uri": "y"}}}]},
        "to_Partner": {"__deferred": {"uri": "z"}},
    }
    assert plain_of_v2(entity) == {
        "ID": "1",
        "Net": "10.10",
        "Day": "2026-01-31T00:00:00",
        "At": "2026-01-31T10:00:00Z",
        "Before": "1969-12-31T23:59:59.999000",
        "Beyond": "/Date(999999999999999999)/",
        "Note": "/Date(1)/ is not all of it",
        "to_Item": [{"Pos": "1"}],
    }


def test_a_nested_list_that_goes_on_elsewhere_is_not_read_as_complete() -> None:
    with pytest.raises(IncompleteError, match="to_Item has more"):
        plain_of_v2({"to_Item": {"results": [], "__next": "https://x"}})
    with pytest.raises(IncompleteError, match="Items has more"):
        mind_nested_pages({"Customer": {"Items": [], "Items@odata.nextLink": "x"}})
    mind_nested_pages({"Items": [], "Items@odata.nextLink": None})
    deep: Any = {}
    for _ in range(500):
        deep = {"a": deep}
    for read in (plain_of_v2, mind_nested_pages):
        with pytest.raises(IncompleteError, match="nested"):
            read(deep)


def test_a_body_is_written_by_its_types() -> None:
    types: dict[str, Any] = {"Day": "datetime", "At": "datetimeoffset", "items/qty": "decimal", "n": "int64"}
    value = {
        "Day": "2026-01-31",
        "At": "2026-01-31T11:00:00+01:00",
        "net": Decimal("10.10"),
        "count": 3,
        "n": 9007199254740993,
        "items": [{"qty": 1, "sku": "x"}],
        "none": None,
    }
    made = TypedBody("order", "request", types, 2).compile()({"order": value})
    assert made == {
        "Day": "/Date(1769817600000)/",
        "At": "/Date(1769853600000+0000)/",
        "net": "10.10",
        "count": 3,
        "n": "9007199254740993",
        "items": [{"qty": "1", "sku": "x"}],
        "none": None,
    }
    v4 = TypedBody("order", "request", {"net": "decimal", "ok": "boolean"}, 4).compile()
    assert v4({"order": {"@odata.etag": "x", "c@odata.bind": "C(1)"}}) == {"c@odata.bind": "C(1)"}
    assert v4({"order": {"net": "10.10", "ok": "true"}}) == {"net": Decimal("10.10"), "ok": True}
    with pytest.raises(EntityError) as caught:
        v4({"order": {"net": "ten"}})
    assert caught.value.field == "net"


@pytest.mark.parametrize("types", [{}, {"net": "decimal"}, {"net": "int64"}])
def test_a_number_in_a_body_that_fills_memory_is_an_error_of_its_property(types: dict[str, Any]) -> None:
    with pytest.raises(EntityError, match="more than 1000 digits") as caught:
        TypedBody("order", "request", types, 2).compile()({"order": {"net": Decimal("1e999999999")}})
    assert caught.value.field == "net"


def test_what_only_a_create_sends_is_left_out_of_an_update() -> None:
    body = TypedBody("order", "target", {}, 4, without=["id", "items/pos"]).compile()
    order = {"id": 1, "name": "x", "items": [{"pos": 1, "sku": "a"}, {"sku": "b"}]}
    assert body({"order": order}) == {"name": "x", "items": [{"sku": "a"}, {"sku": "b"}]}
    assert order["id"] == 1


HTTP = b'HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nETag: "1"\r\n\r\n{"id":1}'


def answers(content: bytes, most: int = 5) -> list[tuple[int, bytes, str | None]]:
    found = multipart.answers_in(content, "multipart/mixed; boundary=b", most)
    return [(one.status, one.content, one.content_id) for one in found]


def test_answers_of_a_batch_in_change_sets_and_alone() -> None:
    inner = b"--c\r\nContent-Type: application/http\r\nContent-ID: 1\r\n\r\n" + HTTP + b"\r\n--c--\r\n"
    content = b"preamble\r\n--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n" + inner
    content += b"\r\n--b\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 400 Bad Request\r\n\r\nno --b here\r\n--b--"
    assert answers(content) == [(201, b'{"id":1}', "1"), (400, b"no --b here", None)]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"--b\r\n\r\nHTTP/1.1 201 Created\r\n\r\n",
        b"--b\r\n\r\nnot http\r\n--b--",
        b"--b\r\nno header\r\n\r\n\r\n--b--",
        b"--b\r\n\r\nHTTP/1.1 201 x\r\n\r\n\r\n--b\r\n\r\nHTTP/1.1 201 x\r\n\r\n\r\n--b--",
        b"--b\r\n" + b"A: 1\r\n" * 101 + b"\r\nHTTP/1.1 201 x\r\n\r\n\r\n--b--",
    ],
)
def test_a_batch_that_cannot_be_read_is_told(content: bytes) -> None:
    with pytest.raises(MalformedError):
        answers(content, most=1)


@given(st.binary(max_size=300))
def test_any_answer_is_read_or_refused(content: bytes) -> None:
    for wrapped in (content, b"--b\r\n" + content + b"\r\n--b--"):
        with contextlib.suppress(MalformedError):
            assert len(answers(wrapped)) <= 5


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=4))
def test_no_body_ends_its_part(bodies: list[bytes]) -> None:
    content, content_type = multipart.written([Part("POST", "Orders", {}, body) for body in bodies])
    boundary = content_type.partition("boundary=")[2]
    assert content.count(f"--{boundary}".encode()) == len(bodies) + 1


def test_answers_of_a_batch_in_json_belong_to_their_requests() -> None:
    body = b'{"responses":[{"id":"2","status":400,"body":{"error":{}}},{"id":"1","status":204}]}'
    found = json_batch.answers_in(body, 3)
    assert {place: one and one.status for place, one in found.items()} == {0: 204, 1: 400}
    for bad in (b"[]", b"{", b'{"responses":[{"id":"9","status":200}]}', b'{"responses":[{"id":"1"}]}'):
        with pytest.raises(MalformedError):
            json_batch.answers_in(bad, 3)
    twice = b'{"responses":[{"id":"1","status":200},{"id":"1","status":400}]}'
    with pytest.raises(MalformedError):
        json_batch.answers_in(twice, 3)


def test_a_response_with_half_of_a_surrogate_pair_is_read() -> None:
    body = rb'{"responses":[{"id":"1","status":201,"body":{"id":7,"name":"\ud83d","n":1.10}}]}'
    found = json_batch.answers_in(body, 1)[0]
    assert found is not None
    assert found.status == 201
    assert json.loads(found.content) == {"id": 7, "name": "\ud83d", "n": "1.10"}


@pytest.mark.parametrize(
    "broken",
    [b"NaN", b"1e99999", b'"\xff"', b"[" * 3000 + b"]" * 3000],
    ids=["no number", "too large", "no text", "too deep"],
)
@pytest.mark.parametrize("last", [False, True])
def test_a_response_that_is_no_json_holds_back_no_other(broken: bytes, last: bool) -> None:
    parts = [b'{"id":"2","status":400,"body":{"error":{}}}', b'{"id":"1","status":201,"body":{"x":' + broken + b"}}"]
    body = b'{"responses":[' + b",".join(parts if last else parts[::-1]) + b"]}"
    found = json_batch.answers_in(body, 3)
    assert {place: one and one.status for place, one in found.items()} == {0: None, 1: 400, 2: None}

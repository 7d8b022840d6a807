"""What a message becomes, whatever is in it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_integrations.formats.json import decode
from airflow_integrations.ledger.inbox.event_rows import MAX_EVENT_ID, NewEvent
from airflow_integrations.ledger.inbox.unreadable_event import refused
from airflow_integrations.listen import Message
from airflow_integrations.listen.message_reader import Read, Reader, event_name
from airflow_integrations.listen.options import QueueOptions


def read(message: Message, **options: Any) -> Read:
    config = QueueOptions.model_validate(options)
    (found,) = Reader(config, route="orders", source="redis", params={"shop": "EU"}).read([message])
    return found


def event(message: Message, **options: Any) -> NewEvent:
    found = read(message, **options)
    assert found.reason is None
    assert found.event is not None
    return found.event


def message(body: bytes, **more: Any) -> Message:
    return Message("1", body, "shop/orders", **more)


def test_a_record_or_a_list_of_them() -> None:
    assert event(message(b'{"id": 1}')).body == b'[{"id":1}]'
    assert event(message(b'[{"id": 1}, {"id": 2}]')).body == b'[{"id":1},{"id":2}]'
    assert event(message(b'{"orders": [{"id": 1}]}'), records="body.orders").body == b'[{"id":1}]'


def test_numbers_stay_exact() -> None:
    body = event(message(b'{"total": 0.10, "id": 123456789012345678901234567890}')).body
    assert decode(body) == [{"total": Decimal("0.10"), "id": 123456789012345678901234567890}]


def test_it_is_the_route_and_the_kind_that_it_comes_by() -> None:
    got = event(message(b'{"id": 1}'))
    assert (got.route, got.source, got.event_id, got.wanted) == ("orders", "redis", "1", False)


def test_expressions_see_headers_subject_and_params() -> None:
    records = "{'id': body.id, 'topic': subject, 'by': headers['x-by'], 'shop': params.shop}"
    body = event(message(b'{"id": 1}', headers={"x-by": "till 7"}), records=records).body
    assert json.loads(body) == [{"id": 1, "topic": "shop/orders", "by": "till 7", "shop": "EU"}]


def test_an_empty_list_is_nothing_and_no_mistake() -> None:
    assert read(message(b"[]")) == Read(None)
    assert read(message(b'{"orders": []}'), records="body.orders") == Read(None)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/csv", b"id,name\n1,a\n"),
        ("application/x-ndjson", b'{"id": "1", "name": "a"}\n'),
        (None, b'{"id": "1", "name": "a"}'),
    ],
)
def test_its_content_type_says_the_format(content_type: str | None, body: bytes) -> None:
    assert json.loads(event(message(body, content_type=content_type)).body) == [{"id": "1", "name": "a"}]


def test_xml_is_read_by_its_root() -> None:
    xml = message(b"<order><id>1</id></order>", content_type="application/xml; charset=utf-8")
    assert json.loads(event(xml, records="body.order").body) == [{"id": "1"}]


def test_the_sender_may_name_it() -> None:
    assert event(message(b'{"e": "E-7"}'), event_id="body.e").event_id == "E-7"
    assert event(message(b'{"e": 7}'), event_id="body.e").event_id == "7"
    assert event(message(b"{}", headers={"x-id": "h"}), event_id='headers["x-id"]').event_id == "h"


BAD: list[tuple[bytes, dict[str, Any], str]] = [
    (b"", {}, "the JSON ends in the middle"),
    (b"{", {}, "the JSON ends in the middle"),
    (b"\xff\xfe\x00", {}, "the text is not utf-16"),
    (b"[" * 100_000, {}, "nested too deeply"),
    (b'{"a": 1e999999}', {}, "a number beyond"),
    (b'{"a": "\\ud83d"}', {}, "cannot be written as JSON"),
    (b'"text"', {}, "neither a list nor an object"),
    (b"true", {}, "neither a list nor an object"),
    (b"{}", {"records": "body.orders"}, "body.orders is not there"),
    (b'{"n": 1}', {"records": "body.n + 'x'"}, "body.n"),
    (b"{}", {"event_id": "body.id"}, "event_id is neither"),
    (b'{"id": true}', {"event_id": "body.id"}, "event_id is neither"),
    (b'{"id": ""}', {"event_id": "body.id"}, "event_id is neither"),
    (b'{"id": 1}' + b" " * 100, {"max_size": 50}, "max_size is 50"),
    (b"id\n1,2\n", {"format": "csv"}, "line 2: it has 2 values for 1 columns"),
    (b"<a><b></a>", {"format": "xml"}, ""),
]


@pytest.mark.parametrize(("body", "options", "reason"), BAD)
def test_one_that_is_of_no_use_is_kept_with_its_reason(body: bytes, options: dict[str, Any], reason: str) -> None:
    found = read(message(body), **options)
    assert found.reason is not None
    assert reason in found.reason
    assert found.event is not None
    assert found.event.event_id == "unusable/1"
    told = refused(found.event.body)
    assert told is not None
    assert told.reason == found.reason
    assert told.record["subject"] == "shop/orders"
    assert ("body" in told.record) != ("base64" in told.record)


def test_with_dead_letters_nothing_of_it_is_kept() -> None:
    found = read(message(b"{"), dead_letters=True)
    assert found.event is None
    assert found.reason is not None


def test_what_is_kept_of_a_large_one_is_bounded() -> None:
    found = read(message(b"x" * 5_000_000))
    assert found.event is not None
    assert len(found.event.body) < 300_000


@given(st.text())
def test_every_id_fits_every_database(name: str) -> None:
    found = event_name(name)
    assert found.isprintable()
    assert len(found) <= MAX_EVENT_ID
    assert found == event_name(name)


def test_ids_that_differ_stay_different() -> None:
    names = ["a" * 300, "a" * 301, "a\0", "a\n", "a", "a" * 250]
    assert len({event_name(name) for name in names}) == len(names)
    assert event_name(None) != event_name(None)


@given(st.binary(max_size=200), st.sampled_from(["auto", "json", "json_lines", "csv", "xml"]))
def test_no_body_breaks_the_reader(body: bytes, chosen: str) -> None:
    found = read(message(body), format=chosen)
    assert found.event is None or found.event.body[:1] in (b"[", b"{")


def test_interchanges_lines_and_workbooks_are_read_as_files_of_them_are() -> None:
    import io

    import openpyxl
    from edi_examples import ORDERS, PURCHASE_ORDERS

    from airflow_integrations.formats.recognition.media_types import EXCEL

    body = decode(event(message(ORDERS.encode(), content_type="application/EDIFACT")).body)
    assert [each["message"]["reference"] for each in body] == ["1", "2"]
    body = decode(event(message(PURCHASE_ORDERS.encode()), format="x12").body)
    assert body[0]["message"]["type"] == "850"
    fixed: Any = {"format": "fixed_width", "fixed_width": {"columns": [{"name": "id", "width": 2}]}}
    assert event(message(b"A1\nA2\n"), **fixed).body == b'[{"id":"A1"},{"id":"A2"}]'
    book, out = openpyxl.Workbook(), io.BytesIO()
    sheet: Any = book.active
    for row in (["sku", "price"], ["A1", 19.99]):
        sheet.append(row)
    book.save(out)
    assert event(message(out.getvalue(), content_type=EXCEL)).body == b'[{"sku":"A1","price":19.99}]'
    broken = read(message(ORDERS.replace("UNZ+2", "UNZ+3").encode()), format="edifact")
    assert broken.event is not None
    assert "UNZ" in (broken.reason or "")


def test_a_format_that_makes_no_sense_is_told() -> None:
    with pytest.raises(ValueError, match="not read from messages"):
        QueueOptions.model_validate({"format": "parquet"})
    with pytest.raises(ValueError, match="needs fixed_width"):
        QueueOptions.model_validate({"format": "fixed_width"})

"""Bodies in the formats that files are written in."""

from __future__ import annotations

import re
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from outgoing_target import WINDOW, Opening, Surroundings, Target, order, orders, route_of, statuses
from pydantic import ValidationError

from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.outgoing.http.target import HttpOutgoing
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services

EDIFACT = {
    "edifact": {"sender": "US", "recipient": "THEM", "message": {"type": "ORDERS"}, "first": 905},
}
DOCUMENT = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b'<o:Order xmlns:o="urn:o" v="1"><number>1</number><total>1.50</total></o:Order>\n'
)
SEGMENTS = {"segments": '[["BGM", "220", order.number]]'}


@pytest.mark.parametrize(
    ("body_format", "body", "content_type"),
    [
        ("json_lines", b'{"number":"1","total":1.50}\n', "application/x-ndjson"),
        ("json", b'[\n{"number":"1","total":1.50}\n]\n', "application/json"),
        ("csv", b"number,total\r\n1,1.50\r\n", "text/csv; charset=utf-8"),
        (
            {"csv": {"encoding": "cp1252", "line_end": "lf"}},
            b"number,total\n1,1.50\n",
            "text/csv; charset=windows-1252",
        ),
        (
            {"xml": {"root": "o:Order", "record": None, "namespaces": {"o": "urn:o"}, "attributes": {"v": "1"}}},
            DOCUMENT,
            "application/xml",
        ),
        (
            {"fixed_width": {"columns": [{"name": "number", "width": 4}], "encoding": "ascii"}},
            b"1   \r\n",
            "text/plain; charset=us-ascii",
        ),
    ],
)
async def test_the_entity_in_another_format(
    target: Target, opened: Opening, body_format: Any, body: bytes, content_type: str
) -> None:
    async with opened({"path": "/o", "body_format": body_format}) as outgoing:
        assert statuses(await outgoing.send([order("1", total=Decimal("1.50"))])) == ["delivered"]
    (got,) = target.received
    assert (got.content, got.headers["Content-Type"]) == (body, content_type)
    assert got.headers["Idempotency-Key"] == order("1", total=Decimal("1.50")).idempotency_key


async def test_a_workbook(target: Target, opened: Opening) -> None:
    async with opened({"path": "/o", "method": "PUT", "body_format": "excel"}, batch=5) as outgoing:
        assert statuses(await outgoing.send(orders("1", "2"))) == ["delivered"] * 2
    with ZipFile(BytesIO(target.received[0].content)) as book:
        assert book.read("xl/worksheets/sheet1.xml").count(b"<row>") == 3


async def test_the_route_may_say_what_the_body_is(target: Target, opened: Opening) -> None:
    options = {"path": "/o", "body_format": {"xml": {"root": "a"}}, "content_type": "text/xml; charset=utf-8"}
    async with opened(options) as outgoing:
        await outgoing.send(orders("1"))
    assert target.received[0].headers["Content-Type"] == "text/xml; charset=utf-8"


async def test_the_body_makes_the_records(target: Target, opened: Opening) -> None:
    body = {"each": "order.lines", "name": "line", "map": {"order": "order.number", "sku": "line"}}
    async with opened({"path": "/o", "body": body, "body_format": "csv"}) as outgoing:
        taken, refused = [
            (await outgoing.send([each]))[0] for each in (order("1", lines=["a", "b"]), order("2", lines=[]))
        ]
    assert taken.status == "delivered"
    assert (refused.status, refused.cause) == ("failed", "unwritable")
    assert [got.content for got in target.received] == [b"order,sku\r\n1,a\r\n1,b\r\n"]


async def test_in_a_batch_the_entities_are_the_records_and_a_bad_one_fails_alone(
    target: Target, opened: Opening
) -> None:
    batch = [order("1"), order("2\x01"), order("3"), order("4", what=["no", "cell"])]
    options = {"path": "/o", "body_format": {"xml": {"root": "orders", "record": "order"}}}
    async with opened(options, batch=10) as outgoing:
        results = await outgoing.send(batch)
    assert statuses(results) == ["delivered", "failed", "delivered", "delivered"]
    assert "XML cannot hold" in str(results[1].reason)
    (got,) = target.received
    assert re.findall(rb"<number>(.*?)</number>", got.content) == [b"1", b"3", b"4"]


async def test_entities_with_other_columns_go_in_other_requests(target: Target, opened: Opening) -> None:
    async with opened({"path": "/o", "body_format": "csv"}, batch=10) as outgoing:
        results = await outgoing.send([order("1"), order("2", more="x")])
    assert statuses(results) == ["delivered"] * 2
    assert [got.content for got in target.received] == [b"number\r\n1\r\n", b"number,more\r\n2,x\r\n"]


async def test_an_upsert_and_a_deletion_in_a_format(target: Target, opened: Opening) -> None:
    form = {"xml": {"root": "order", "record": None}}
    target.answering = lambda got: {"items": []} if got.method == "GET" else 201
    options = {
        "upsert": {"find": {"path": "/o", "target": "body.items"}, "create": {"path": "/o"}},
        "body_format": form,
        "delete": {"path": "/o/{{ key }}", "method": "POST", "body": {"gone": "key"}, "body_format": form},
    }
    async with opened(options) as outgoing:
        results = await outgoing.send([order("1"), Outbound("7", b"null", route="orders", deleted=True)])
    assert statuses(results) == ["delivered"] * 2
    sent = [got for got in target.received if got.method == "POST"]
    assert [b"<order><number>1</number></order>" in sent[0].content, b"<gone>7</gone>" in sent[1].content] == [True] * 2
    assert {got.headers["Content-Type"] for got in sent} == {"application/xml"}


def reference(content: bytes) -> bytes:
    """The number of an interchange, which UNB and UNZ say."""
    first, last = content.split(b"'")[1], content.split(b"'")[-2]
    assert first.split(b"+")[5] == last.split(b"+")[2]
    return first.split(b"+")[5]


async def attempt(target: Target, ledger: Ledger, batch: list[Outbound], *, together: int = 1) -> list[Result]:
    """One attempt of a push, as a process that knows nothing of another one."""
    body: Any = SEGMENTS
    if together > 1:
        body = {"each": "entities", "name": "order", "map": SEGMENTS}
    route = route_of(batch=together)
    options = {"connection": "erp", "path": "/edi", "body": body, "body_format": EDIFACT}
    outgoing = HttpOutgoing(HttpOutgoing.Config.model_validate(options), route)
    async with Services(Surroundings(target.url, {"retry_budget": 0.1}), ledger=ledger) as services:
        await outgoing.open(Run(route, "run-1", WINDOW), services)
        results = await outgoing.send(batch)
        await outgoing.close()
    return results


async def test_what_is_sent_again_has_the_same_number(target: Target, tmp_path: Path) -> None:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        target.answering = lambda got: Target.RESET
        assert statuses(await attempt(target, ledger, orders("1"))) == ["in_doubt"]
        target.answering = lambda got: 201
        assert statuses(await attempt(target, ledger, orders("2"))) == ["delivered"]
        assert statuses(await attempt(target, ledger, orders("1"))) == ["delivered"]
    first, second, again = target.received
    assert [reference(got.content) for got in target.received] == [b"905", b"906", b"905"]
    assert first.content == again.content
    assert second.headers["Content-Type"] == "application/EDIFACT"
    assert b"UNH+1+ORDERS:D:96A:UN'BGM+220+1'UNT+3+1'" in first.content


async def test_an_entity_that_cannot_be_written_takes_no_number(target: Target, tmp_path: Path) -> None:
    bad = Outbound("2", b'{"number":{}}', route="orders")
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        batch = [*orders("1"), bad, *orders("3")]
        assert statuses(await attempt(target, ledger, batch, together=5)) == ["delivered", "failed", "delivered"]
        assert statuses(await attempt(target, ledger, orders("4"), together=5)) == ["delivered"]
    assert [reference(got.content) for got in target.received] == [b"905", b"906"]
    assert target.received[0].content.count(b"UNH+") == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"body_format": {"csv": {}, "xml": {}}}, "keep one"),
        ({"body_format": {}}, "write which format"),
        ({"body_format": "edifact"}, "needs edifact"),
        ({"body_format": "csv", "body_text": "a"}, "body_text is a body already"),
        ({"body_format": "csv", "form": {"a": "order"}}, "form is a body already"),
        ({"delete": {"path": "/o", "body_format": "csv"}}, "write body: too"),
        ({"delete": {"path": "/o", "body": {"a": "key"}, "body_format": EDIFACT}}, "numbers its interchanges"),
        ({"body_format": {"xml": {"record": None, "container": "c"}}}, "the whole document"),
    ],
)
def test_mistakes(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        HttpOutgoing.Config.model_validate({"connection": "erp", "path": "/o", **options})


def test_a_batch_is_not_one_entity() -> None:
    definition = {
        "route": "orders",
        "entity": {"name": "order", "key": "order.id"},
        "incoming": {"http": {"connection": "shop", "path": "/orders"}},
        "outgoing": {"http": {"connection": "erp", "path": "/o", "body_format": {"xml": {"record": None}}}},
        "delivery": {"batch": 5},
    }
    with pytest.raises(ValidationError, match="a body is one entity"):
        Route.load(definition)

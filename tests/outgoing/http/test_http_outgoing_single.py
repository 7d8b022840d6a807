"""One entity in a request."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import parse_qsl

import pytest
from aiohttp import web
from outgoing_target import Opening, Target, order, orders

from airflow_integrations.errors import RunError, SetupError
from airflow_integrations.outgoing import Outbound, Result


async def test_the_entity_itself_is_the_body_byte_by_byte(target: Target, opened: Opening) -> None:
    staged = Outbound("1", b'{"number":"1", "total": 10.00,"id":123456789012345678901234567890}', route="orders")
    async with opened({"path": "/sales-orders"}) as outgoing:
        assert await outgoing.send([staged]) == [Result("delivered", http_status=201)]
    (got,) = target.received
    assert (got.method, got.path, got.content) == ("POST", "/sales-orders", staged.encoded)
    assert got.headers["Content-Type"] == "application/json"
    assert got.headers["Idempotency-Key"] == staged.idempotency_key
    assert "value" not in vars(staged)  # never decoded


@pytest.mark.parametrize(
    ("method", "body", "key"),
    [("POST", True, True), ("PUT", True, False), ("PATCH", True, True), ("DELETE", False, False)],
)
async def test_methods(target: Target, opened: Opening, method: str, body: bool, key: bool) -> None:
    target.answering = lambda got: 204
    async with opened({"path": "/orders/{{ order.number }}", "method": method}) as outgoing:
        assert [r.status for r in await outgoing.send(orders("7"))] == ["delivered"]
    (got,) = target.received
    assert (got.method, got.path, bool(got.content)) == (method, "/orders/7", body)
    assert ("Content-Type" in got.headers, "Idempotency-Key" in got.headers) == (body, key)


async def test_a_body_is_a_structure_and_keeps_numbers(target: Target, opened: Opening) -> None:
    options = {
        "path": "/o",
        "body": {"doc": {"no": "order.number", "total": "order.total", "currency": {"const": "EUR"}, "lines": 2}},
    }
    async with opened(options) as outgoing:
        await outgoing.send([Outbound("1", b'{"number":"1","total":10.10}')])
    assert target.received[0].content == b'{"doc":{"no":"1","total":10.10,"currency":"EUR","lines":2}}'


async def test_a_moment_in_a_body_is_rfc_3339(target: Target, opened: Opening) -> None:
    body = {"at": "window.start", "by": "params.by"}
    async with opened({"path": "/o", "body": body}, params={"by": "me"}) as outgoing:
        assert [r.status for r in await outgoing.send(orders("1"))] == ["delivered"]
    assert target.received[0].body == {"at": "2026-01-31T23:00:00Z", "by": "me"}


async def test_texts_are_templates(target: Target, opened: Opening) -> None:
    options = {
        "path": "/orders/{{ order.number }}/state",
        "query": {"from": "{{ window.start }}", "who": "{{ order.who }}", "fix": "a b&c"},
        "headers": {"X-Number": "{{ order.number }}", "X-Env": "{{ var.env }}"},
        "body_text": "<order no='{{ order.number | xml }}'>{{ order.who | xml }}</order>",
        "content_type": "application/xml",
    }
    async with opened(options, variables={"env": "test"}) as outgoing:
        await outgoing.send([order("A/ü 1", who="Tom & Jerry")])
    (got,) = target.received
    assert got.raw_path.startswith("/orders/A%2F%C3%BC%201/state?")
    assert got.query == {"from": "2026-01-31T23:00:00Z", "who": "Tom & Jerry", "fix": "a b&c"}
    assert (got.headers["X-Env"], got.headers["Content-Type"]) == ("test", "application/xml")
    assert got.content.decode() == "<order no='A/ü 1'>Tom &amp; Jerry</order>"


async def test_a_form_is_encoded_as_a_whole(target: Target, opened: Opening) -> None:
    form = {
        "no": "order.number",
        "who": "order.who",
        "sku": "[l for l in order.skus]",
        "none": "order.none",
        "n": "1.50",
    }
    async with opened({"path": "/orders", "form": form}) as outgoing:
        await outgoing.send([order("A/ü 1", who="Tom & Jerry=x", skus=["a+b", "c"])])
    (got,) = target.received
    assert got.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert parse_qsl(got.content.decode(), strict_parsing=True) == [
        ("no", "A/ü 1"), ("who", "Tom & Jerry=x"), ("sku", "a+b"), ("sku", "c"), ("n", "1.50")
    ]  # fmt: skip


async def test_a_form_that_cannot_be_written_fails_its_entity_alone(target: Target, opened: Opening) -> None:
    async with opened({"path": "/orders", "form": {"who": "order.who"}}) as outgoing:
        (bad,) = await outgoing.send([order("1", who={"a": 1})])
        (good,) = await outgoing.send([order("2", who="x")])
    assert (bad.status, good.status) == ("failed", "delivered")
    assert "form.who" in (bad.reason or "")


async def test_an_empty_body_text_sends_no_body(target: Target, opened: Opening) -> None:
    async with opened({"path": "/orders/{{ order.number }}/close", "body_text": ""}) as outgoing:
        await outgoing.send(orders("1"))
    assert target.received[0].content == b""


async def test_source_and_lookups_are_seen(target: Target, opened: Opening) -> None:
    sent = Outbound("1", b'{"number":"1"}', source=b'{"raw":5}', found=b'{"tax":{"code":"E1"}}')
    async with opened({"path": "/o", "body": {"raw": "source.raw", "tax": "tax.code"}}) as outgoing:
        await outgoing.send([sent])
    assert target.received[0].body == {"raw": 5, "tax": "E1"}


@pytest.mark.parametrize(
    ("options", "fields", "says"),
    [
        ({"path": "/o/{{ order.missing }}"}, {}, "path"),
        ({"path": "/o/{{ order.ref }}"}, {"ref": ""}, "path"),
        ({"path": "/o/{{ order.ref }}/x"}, {"ref": ".."}, "path"),
        ({"path": "/o", "headers": {"X-Ref": "{{ order.ref }}"}}, {"ref": "a\r\nX-Evil: 1"}, "headers.X-Ref"),
        ({"path": "/o", "query": {"q": "{{ order.missing }}"}}, {}, "query.q"),
        ({"path": "/o", "body": {"total": "decimal(order.ref)"}}, {"ref": "not a number"}, "body.total"),
        ({"path": "/o", "body_text": "{{ order.missing }}"}, {}, "body_text"),
    ],
)
async def test_what_cannot_be_written_fails_unsent(
    target: Target, opened: Opening, options: dict[str, Any], fields: dict[str, Any], says: str
) -> None:
    async with opened(options) as outgoing:
        (result,) = await outgoing.send([order("1", **fields)])
    assert result.status == "failed"
    assert result.reason
    assert result.reason.startswith(f"{says}: ")
    assert not target.received


async def test_a_text_that_no_entity_can_have_stops_at_once(opened: Opening) -> None:
    with pytest.raises(RunError, match=r"outgoing\.http\.path: "):
        async with opened({"path": "/o/{{ params.missing }}"}):
            pass
    with pytest.raises(SetupError, match="no Variable 'absent'"):
        async with opened({"path": "/o", "headers": {"X-Env": "{{ var.absent }}"}}):
            pass


async def test_the_targets_id_is_read(target: Target, opened: Opening) -> None:
    target.answering = lambda got: {"id": 12345678901234567890123}
    async with opened({"path": "/o", "id": "body.id"}) as outgoing:
        assert await outgoing.send(orders("1")) == [
            Result("delivered", target_id="12345678901234567890123", http_status=200)
        ]


@pytest.mark.parametrize(
    "answer", [204, {"other": 1}, {"id": {"a": 1}}, {"id": "x" * 600}, {"id": "a\x00b"}, {"id": True}]
)
async def test_an_id_that_is_none_is_told_once(
    target: Target, opened: Opening, caplog: pytest.LogCaptureFixture, answer: Any
) -> None:
    target.answering = lambda got: answer
    with caplog.at_level(logging.WARNING):
        async with opened({"path": "/o", "id": "body.id"}) as outgoing:
            for number in "123":
                (result,) = await outgoing.send(orders(number))
                assert (result.status, result.target_id) == ("delivered", None)
    assert [record.getMessage() for record in caplog.records] == [
        "3 delivered entities have no id: id read none in the answer"
    ]


@pytest.mark.parametrize("status", [400, 404, 405, 409, 410, 415, 422, 451])
async def test_a_refusal_is_one_entitys_failure(target: Target, opened: Opening, status: int) -> None:
    target.answering = lambda got: web.Response(status=status, text="no such\tcustomer\r\n\x1b[31m" + "x" * 900)
    async with opened({"path": "/o"}) as outgoing:
        (result,) = await outgoing.send(orders("1"))
    assert (result.status, result.http_status) == ("failed", status)
    assert result.reason
    assert result.reason.startswith(str(status))
    assert "no such customer" in result.reason
    assert len(result.reason) <= 500
    assert result.reason.isprintable()
    assert len(target.received) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_of_a_push_is_not_followed(target: Target, opened: Opening, status: int) -> None:
    target.answering = lambda got: web.Response(status=status, headers={"Location": "/elsewhere"})
    async with opened({"path": "/o"}) as outgoing:
        (result,) = await outgoing.send(orders("1"))
    assert result.status == "failed"
    assert "/elsewhere" in (result.reason or "")
    assert len(target.received) == 1


@pytest.mark.parametrize("status", [401, 403])
async def test_refused_credentials_stop_everything(target: Target, opened: Opening, status: int) -> None:
    target.answering = lambda got: status
    async with opened({"path": "/o"}) as outgoing:
        with pytest.raises(SetupError, match=str(status)):
            await outgoing.send(orders("1"))
    assert len(target.received) == 1


async def test_a_web_page_confirms_nothing(target: Target, opened: Opening) -> None:
    target.answering = lambda got: web.Response(text="<html>Please log in</html>", content_type="text/html")
    async with opened({"path": "/o"}) as outgoing:
        (result,) = await outgoing.send(orders("1"))
    assert result.status == "in_doubt"
    assert "web page" in (result.reason or "")
    async with opened({"path": "/o", "success_when": "status == 200"}) as outgoing:
        assert [r.status for r in await outgoing.send(orders("1"))] == ["delivered"]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"ok": True}, "delivered"),
        ({"ok": False, "why": "closed"}, "failed"),
        ({"other": 1}, "in_doubt"),
        (web.Response(text="{truncated", content_type="application/json"), "in_doubt"),
        (web.Response(text="<html></html>", content_type="text/html"), "in_doubt"),
        (web.Response(status=422, text="<html></html>", content_type="text/html"), "failed"),
        (web.Response(status=409, text='{"ok": true}'), "delivered"),
        (web.Response(status=409, text="{}"), "failed"),
        (web.Response(status=200, body=b"[" * 100_000, content_type="application/json"), "in_doubt"),
        (web.Response(status=200, body=b'{"ok": "\xff"}', content_type="application/json"), "in_doubt"),
    ],
)
async def test_success_when_decides(target: Target, opened: Opening, answer: Any, status: str) -> None:
    target.answering = lambda got: answer
    async with opened({"path": "/o", "success_when": "body.ok"}) as outgoing:
        (result,) = await outgoing.send(orders("1"))
    assert result.status == status
    assert (result.reason is None) == (status == "delivered")


async def test_headers_of_the_answer_are_found_in_any_case(target: Target, opened: Opening) -> None:
    target.answering = lambda got: web.Response(headers={"X-Doc-Id": "D7"})
    for expression in ('headers["X-Doc-Id"]', 'headers["x-doc-id"]'):
        async with opened({"path": "/o", "id": expression}) as outgoing:
            assert [r.target_id for r in await outgoing.send(orders("1"))] == ["D7"]


async def test_a_body_above_the_bound_is_not_sent(target: Target, opened: Opening) -> None:
    async with opened({"path": "/o", "max_body_bytes": 100}) as outgoing:
        results = [(await outgoing.send([each]))[0] for each in (order("1"), order("2", note="x" * 100))]
    assert [r.status for r in results] == ["delivered", "failed"]
    assert "max_body_bytes (100)" in (results[1].reason or "")
    assert len(target.received) == 1


async def test_the_idempotency_header_has_another_name_or_none(target: Target, opened: Opening) -> None:
    (sent,) = orders("1")
    async with opened({"path": "/o", "idempotency_header": "X-Request-Id"}) as outgoing:
        await outgoing.send([sent])
    async with opened({"path": "/o", "idempotency_header": None}) as outgoing:
        await outgoing.send([sent])
    first, second = (got.headers for got in target.received)
    assert (first["X-Request-Id"], "Idempotency-Key" in first) == (sent.idempotency_key, False)
    assert sent.idempotency_key not in second.values()

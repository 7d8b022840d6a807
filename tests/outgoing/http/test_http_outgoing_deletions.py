"""What the source no longer has is deleted at the target, and deleting it twice is not an error."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web
from outgoing_target import Opening, Target, order, statuses

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.outgoing import Outbound

DELETE = {"delete": {"path": "/orders/{{ target_id }}"}}
FIND = {"path": "/orders", "query": {"ref": "{{ order.number }}"}}


def gone(number: str, *, target_id: str | None = None, encoded: bytes = b"null", generation: int = 1) -> Outbound:
    return Outbound(number, encoded, route="orders", deleted=True, target_id=target_id, generation=generation)


def seen(target: Target) -> list[tuple[str, str]]:
    return [(got.method, got.path) for got in target.received]


@pytest.mark.parametrize(
    ("answer", "status"),
    [(200, "delivered"), (204, "delivered"), (404, "delivered"), (410, "delivered"), (409, "failed"), (400, "failed")],
)
async def test_what_the_answer_to_a_deletion_means(target: Target, opened: Opening, answer: int, status: str) -> None:
    target.answering = lambda got: answer
    async with opened({"path": "/orders", **DELETE}) as outgoing:
        (result,) = await outgoing.send([gone("7", target_id="D 7")])
    assert (result.status, result.http_status) == (status, answer)
    assert result.cause == ("refused" if status == "failed" else None)
    (got,) = target.received
    assert (got.method, got.raw_path, got.content) == ("DELETE", "/orders/D%207", b"")


async def test_a_deletion_sees_the_key_the_targets_id_and_the_last_state(target: Target, opened: Opening) -> None:
    delete = {
        "method": "POST",
        "path": "/gone/{{ key }}",
        "query": {"id": "{{ target_id }}"},
        "headers": {"X-Who": "{{ order.buyer }}"},
        "body": {"was": "order.total", "id": "target_id"},
    }
    async with opened({"path": "/orders", "headers": {"X-Tenant": "t"}, "delete": delete}) as outgoing:
        assert statuses(await outgoing.send([gone("7", target_id="D7", encoded=b'{"buyer":"b","total":5}')])) == [
            "delivered"
        ]
    (got,) = target.received
    assert (got.method, got.path, got.query, got.body) == ("POST", "/gone/7", {"id": "D7"}, {"was": 5, "id": "D7"})
    assert (got.headers["X-Who"], got.headers["X-Tenant"]) == ("b", "t")
    assert got.headers["Idempotency-Key"] == gone("7", encoded=b'{"buyer":"b","total":5}').idempotency_key


async def test_a_text_can_say_that_it_is_gone(target: Target, opened: Opening) -> None:
    delete = {
        "method": "POST",
        "path": "/gone",
        "body_text": "<gone>{{ key | xml }}</gone>",
        "content_type": "text/xml",
    }
    async with opened({"path": "/orders", "delete": delete}) as outgoing:
        await outgoing.send([gone("7")])
    assert target.received[0].content == b"<gone>7</gone>"
    assert target.received[0].headers["Content-Type"] == "text/xml"


async def test_a_deletion_that_nothing_can_be_written_for_fails_alone(target: Target, opened: Opening) -> None:
    async with opened({"path": "/bulk", **DELETE}, batch=10) as outgoing:
        results = await outgoing.send([gone("1", target_id="D1"), gone("2"), gone("3", target_id="D3")])
    assert statuses(results) == ["delivered", "failed", "delivered"]
    assert results[1].cause == "unwritable"
    assert (results[1].reason or "").startswith("delete.path: ")
    assert seen(target) == [("DELETE", "/orders/D1"), ("DELETE", "/orders/D3")]


async def test_in_a_batch_deletions_go_one_by_one_and_the_others_together(target: Target, opened: Opening) -> None:
    batch = [order("1"), order("2"), gone("3", target_id="D3"), gone("4", target_id="D4"), order("5"), order("6")]
    async with opened({"path": "/bulk", **DELETE}, batch=10) as outgoing:
        assert statuses(await outgoing.send(batch)) == ["delivered"] * 6
    assert seen(target) == [("POST", "/bulk"), ("DELETE", "/orders/D3"), ("DELETE", "/orders/D4"), ("POST", "/bulk")]
    assert [target.received[0].keys, target.received[3].keys] == [["1", "2"], ["5", "6"]]


async def test_an_upsert_deletes_too(target: Target, opened: Opening) -> None:
    async with opened({"upsert": {"find": FIND, "create": {"path": "/orders"}}, **DELETE}) as outgoing:
        assert statuses(await outgoing.send([gone("7", target_id="D7")])) == ["delivered"]
    assert seen(target) == [("DELETE", "/orders/D7")]


@pytest.mark.parametrize("first", [Target.RESET, 500, 503])
async def test_a_deletion_of_unknown_outcome_is_repeated(target: Target, opened: Opening, first: Any) -> None:
    answers = [first, 404]
    target.answering = lambda got: answers.pop(0)
    delete = {"delete": {"method": "POST", "path": "/gone/{{ key }}"}}
    async with opened({"path": "/orders", **delete}) as outgoing:
        assert statuses(await outgoing.send([gone("7")])) == ["delivered"]
    assert len(target.received) == 2


async def test_a_web_page_confirms_no_deletion(target: Target, opened: Opening) -> None:
    target.answering = lambda got: web.Response(text="<html>log in</html>", content_type="text/html")
    async with opened({"path": "/orders", **DELETE}) as outgoing:
        (result,) = await outgoing.send([gone("7", target_id="D7")])
    assert (result.status, result.cause) == ("in_doubt", "unreadable")


async def test_an_answer_to_a_deletion_that_is_too_long_to_read_confirms_it(target: Target, opened: Opening) -> None:
    target.answering = lambda got: web.Response(body=b"x" * 5000)
    async with opened({"path": "/orders", **DELETE}, max_answer_bytes=1000) as outgoing:
        assert statuses(await outgoing.send([gone("7", target_id="D7")])) == ["delivered"]
    target.answering = lambda got: web.Response(status=409, body=b"x" * 5000)
    async with opened({"path": "/orders", **DELETE}, max_answer_bytes=1000) as outgoing:
        assert statuses(await outgoing.send([gone("7", target_id="D7")])) == ["failed"]


async def test_an_answer_that_the_rules_cannot_see_confirms_no_deletion(target: Target, opened: Opening) -> None:
    target.answering = lambda got: web.Response(body=b"x" * 5000)
    delete = {"delete": {**DELETE["delete"], "error_when": "body.errors"}}
    async with opened({"path": "/orders", **delete}, max_answer_bytes=1000) as outgoing:
        assert statuses(await outgoing.send([gone("7", target_id="D7")])) == ["in_doubt"]


async def test_a_deletion_above_the_bound_is_not_sent(target: Target, opened: Opening) -> None:
    delete = {"delete": {"path": "/gone", "method": "POST", "body": {"number": "key"}}}
    async with opened({"path": "/orders", "max_body_bytes": 15, **delete}) as outgoing:
        small, large = await outgoing.send([gone("7"), gone("7" * 20)])
    assert (small.status, large.status, large.cause) == ("delivered", "failed", "too_large")
    assert len(target.received) == 1


async def test_outage_and_credentials_are_raised(target: Target, opened: Opening) -> None:
    async with opened({"path": "/orders", **DELETE}) as outgoing:
        target.answering = lambda got: 503
        with pytest.raises(OutageError) as caught:
            await outgoing.send([gone("7", target_id="D7")])
        assert caught.value.status == 503
        target.answering = lambda got: 401
        with pytest.raises(SetupError):
            await outgoing.send([gone("7", target_id="D7")])


@pytest.mark.parametrize("batch", [1, 10])
async def test_a_deletion_left_over_from_before_fails_where_nothing_says_how(
    target: Target, opened: Opening, batch: int
) -> None:
    async with opened({"path": "/orders"}, batch=batch) as outgoing:
        (result,) = await outgoing.send([gone("7", target_id="D7")])
    assert (result.status, result.cause, result.target_id) == ("failed", "setup", "D7")
    assert "delete" in (result.reason or "")
    assert target.received == []

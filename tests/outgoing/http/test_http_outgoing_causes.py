"""Every result that is not good says what class of error it is: retries go by that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from aiohttp import web
from outgoing_target import Opening, Target, order, orders

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.outgoing.error_class import cause_of
from airflow_integrations.outgoing.http.bisect import in_parts


@pytest.mark.parametrize(
    ("answer", "options", "expected"),
    [
        (422, {}, ("failed", "refused", 422)),
        (web.Response(status=302, headers={"Location": "/x"}), {}, ("failed", "refused", None)),
        ({"ok": False}, {"success_when": "body.ok"}, ("failed", "refused", 200)),
        (500, {}, ("in_doubt", "unknown", 500)),
        (Target.RESET, {}, ("in_doubt", "unknown", None)),
        ({}, {"success_when": "body.ok"}, ("in_doubt", "unreadable", 200)),
        (web.Response(body=b"x" * 5000), {}, ("in_doubt", "unknown", 200)),
        (web.Response(body=b"x" * 5000), {"idempotent": True}, ("in_doubt", "unreadable", None)),
        (201, {"max_body_bytes": 3}, ("failed", "too_large", None)),
        (201, {"query": {"a": "{{ order.total + 1 }}"}}, ("failed", "unwritable", None)),
        (201, {}, ("delivered", None, 201)),
    ],
)
async def test_a_cause(
    target: Target, opened: Opening, answer: Any, options: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    target.answering = lambda got: answer
    async with opened({"path": "/o", **options}, max_answer_bytes=1000) as outgoing:
        (result,) = await outgoing.send([order("1", total="x")])
    assert (result.status, result.cause, result.http_status) == expected


async def test_what_a_refusal_asks_to_wait_is_kept(target: Target, opened: Opening) -> None:
    target.answering = lambda got: web.Response(status=423, headers={"Retry-After": "120"})
    async with opened({"path": "/o"}) as outgoing:
        (result,) = await outgoing.send(orders("1"))
    assert (result.status, result.http_status, result.retry_after) == ("failed", 423, 120.0)


@pytest.mark.parametrize(("status", "cause"), [(429, "rate_limit"), (503, "server")])
async def test_an_outage_knows_the_status_and_what_is_asked(
    target: Target, opened: Opening, status: int, cause: str
) -> None:
    target.answering = lambda got: web.Response(status=status, headers={"Retry-After": "900"})
    async with opened({"path": "/o"}) as outgoing:
        with pytest.raises(OutageError) as caught:
            await outgoing.send(orders("1"))
    assert (caught.value.status, caught.value.retry_after, cause_of(caught.value)) == (status, 900.0, cause)


async def test_where_nobody_answers_there_is_no_status(target: Target, opened: Opening) -> None:
    target.url = "http://127.0.0.1:1"
    async with opened({"path": "/o"}) as outgoing:
        with pytest.raises(OutageError) as caught:
            await outgoing.send(orders("1"))
    assert (caught.value.status, cause_of(caught.value)) == (None, "outage")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OutageError("away", status=429, retry_after=9.0), ("pending", "rate_limit", 429, 9.0)),
        (OutageError("away"), ("pending", "outage", None, None)),
        (SetupError("401 Unauthorized"), ("pending", "setup", None, None)),
    ],
)
async def test_what_is_set_aside_in_a_batch_says_why(error: Exception, expected: tuple[Any, ...]) -> None:
    async def attempt(part: Sequence[Outbound]) -> list[Result] | None:
        if len(part) > 1:
            return None
        if part[0].key == "2":
            raise error
        return [Result("delivered")]

    first, second = await in_parts(orders("1", "2"), attempt)
    assert first == Result("delivered")
    assert (second.status, second.cause, second.http_status, second.retry_after) == expected


async def test_an_upsert_names_its_causes(target: Target, opened: Opening) -> None:
    upsert = {"upsert": {"find": {"path": "/o"}, "create": {"path": "/o"}}}
    cases: list[tuple[Any, Any, dict[str, Any], tuple[str, str]]] = [
        (400, 201, {}, ("failed", "unreadable")),
        (404, 422, {}, ("failed", "refused")),
        (404, 201, {"max_body_bytes": 3}, ("failed", "too_large")),
        (404, 201, {"body": {"a": "order.number + 1"}}, ("failed", "unwritable")),
    ]
    for found, created, more, expected in cases:
        target.answering = lambda got, found=found, created=created: found if got.method == "GET" else created
        async with opened({**upsert, **more}) as outgoing:
            (result,) = await outgoing.send(orders("a"))
        assert (result.status, result.cause) == expected


async def test_a_create_unheard_and_then_untold_is_in_doubt(target: Target, opened: Opening) -> None:
    finds: list[Any] = [404, 400]
    target.answering = lambda got: finds.pop(0) if got.method == "GET" else Target.RESET
    async with opened({"upsert": {"find": {"path": "/o"}, "create": {"path": "/o"}}}) as outgoing:
        (result,) = await outgoing.send(orders("7"))
    assert (result.status, result.cause, result.http_status) == ("in_doubt", "unknown", 400)

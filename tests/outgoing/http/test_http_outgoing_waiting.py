"""A target that takes entities and says later what became of them."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web
from outgoing_target import Opening, Received, Target, order, orders, statuses

LATER = {"path": "/o", "waiting_when": "status == 202", "id": "body.job"}


async def test_it_waits_with_the_targets_id_and_a_deadline(target: Target, opened: Opening) -> None:
    answers = [web.json_response({"job": "J1"}, status=202), {"job": "J2"}]
    target.answering = lambda got: answers.pop(0)
    async with opened({**LATER, "waiting_deadline": "2h"}) as outgoing:
        (waits,) = await outgoing.send(orders("1"))
        (done,) = await outgoing.send(orders("2"))
    assert (waits.status, waits.target_id, waits.http_status, waits.deadline) == ("waiting", "J1", 202, 7200.0)
    assert (done.status, done.target_id, done.deadline) == ("delivered", "J2", None)


async def test_a_day_by_default_and_a_batch_waits_as_a_whole(target: Target, opened: Opening) -> None:
    target.answering = lambda got: 202
    async with opened({"path": "/o", "waiting_when": "status == 202"}, batch=10) as outgoing:
        results = await outgoing.send(orders("1", "2"))
    assert [(r.status, r.deadline) for r in results] == [("waiting", 86400.0)] * 2


@pytest.mark.parametrize(
    ("answer", "status", "cause"),
    [
        ({"state": "queued"}, "waiting", None),
        ({"state": "booked"}, "delivered", None),
        ({"state": "closed"}, "failed", "refused"),
        ({}, "failed", "refused"),
        (web.json_response({"state": "queued"}, status=409), "waiting", None),
        (web.json_response({"state": "closed"}, status=409), "failed", "refused"),
        (web.Response(status=422, text="<html>", content_type="text/html"), "failed", "refused"),
        (web.Response(body=b"{", content_type="application/json"), "in_doubt", "unreadable"),
    ],
)
async def test_waiting_is_asked_before_success(
    target: Target, opened: Opening, answer: Any, status: str, cause: str | None
) -> None:
    target.answering = lambda got: answer
    options = {"path": "/o", "waiting_when": 'body.state == "queued"', "success_when": 'body.state == "booked"'}
    async with opened(options) as outgoing:
        (result,) = await outgoing.send(orders("1"))
    assert (result.status, result.cause) == (status, cause)


@pytest.mark.parametrize("body", [{}, {"pending": "false"}])
async def test_a_good_answer_that_leaves_waiting_open_is_in_doubt(target: Target, opened: Opening, body: Any) -> None:
    target.answering = lambda got: body
    async with opened({"path": "/o", "waiting_when": "body.pending"}) as outgoing:
        (result,) = await outgoing.send(orders("1"))
    assert (result.status, result.cause) == ("in_doubt", "unreadable")
    assert "waiting_when" in (result.reason or "")


async def test_an_upserts_answer_can_wait_too(target: Target, opened: Opening) -> None:
    target.answering = lambda got: {"id": "D7"} if got.method == "GET" else 202
    upsert = {
        "find": {"path": "/o", "id": "target.id"},
        "update": {"path": "/o/{{ target.id }}"},
    }
    async with opened({"upsert": upsert, "waiting_when": "status == 202"}) as outgoing:
        (result,) = await outgoing.send(orders("7"))
    assert (result.status, result.target_id, result.deadline) == ("waiting", "D7", 86400.0)


RESULTS = {
    "items": "body",
    "match": "item.number",
    "ok": 'item.state == "booked"',
    "waiting": 'item.state == "queued"',
    "id": "item.number",
}


async def test_each_of_a_batch_waits_by_itself(target: Target, opened: Opening) -> None:
    target.answering = lambda got: got.body
    batch = [order("1", state="booked"), order("2", state="queued"), order("3", state="closed")]
    async with opened({"path": "/o", "results": RESULTS, "waiting_deadline": "1h"}, batch=10) as outgoing:
        results = await outgoing.send(batch)
    assert [(r.status, r.target_id, r.deadline, r.cause) for r in results] == [
        ("delivered", "1", None, None),
        ("waiting", "2", 3600.0, None),
        ("failed", "3", None, "refused"),
    ]


async def test_where_the_answer_waits_so_does_all_that_was_taken(target: Target, opened: Opening) -> None:
    target.answering = lambda got: web.json_response(got.body, status=202)
    batch = [order("1", state="booked"), order("2", state="queued"), order("3", state="closed")]
    async with opened({"path": "/o", "results": RESULTS, "waiting_when": "status == 202"}, batch=10) as outgoing:
        assert statuses(await outgoing.send(batch)) == ["waiting", "waiting", "failed"]


async def test_a_result_that_leaves_waiting_open_is_in_doubt(target: Target, opened: Opening) -> None:
    def answering(got: Received) -> Any:
        return [{"number": key, "state": "booked"} for key in got.keys]

    target.answering = answering
    results = {**RESULTS, "waiting": "item.pending"}
    async with opened({"path": "/o", "results": results}, batch=10) as outgoing:
        (result,) = await outgoing.send(orders("1"))
    assert (result.status, result.cause) == ("in_doubt", "unreadable")
    assert "results.waiting" in (result.reason or "")

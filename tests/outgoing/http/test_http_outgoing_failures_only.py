"""Bulk answers that list failures only, and results that mean *later*, *never* or *stop*."""

from __future__ import annotations

from typing import Any

import pytest
from outgoing_target import Opening, Target, orders, statuses
from pydantic import ValidationError

from airflow_integrations.outgoing.http.options import Results

FAILURES = {"items": "body.failures", "match": "item.number", "unlisted": "delivered", "reason": "item.why"}


def failure(number: str, why: str = "closed") -> dict[str, str]:
    return {"number": number, "why": why}


async def test_what_is_not_listed_was_taken(target: Target, opened: Opening) -> None:
    target.answering = lambda got: {"failures": [failure("2")]}
    async with opened({"path": "/bulk", "results": FAILURES}, batch=10) as outgoing:
        got = await outgoing.send(orders("1", "2", "3"))
        assert [(r.status, r.reason) for r in got] == [("delivered", None), ("failed", "closed"), ("delivered", None)]
        target.answering = lambda got: {"failures": []}
        assert statuses(await outgoing.send(orders("1", "2"))) == ["delivered"] * 2


@pytest.mark.parametrize("body", [{"ok": True}, {"failures": None}, {"failures": {"2": "closed"}}, [], "text"])
async def test_an_answer_without_the_list_delivers_nothing(target: Target, opened: Opening, body: Any) -> None:
    target.answering = lambda got: body
    async with opened({"path": "/bulk", "results": FAILURES}, batch=10) as outgoing:
        assert statuses(await outgoing.send(orders("1", "2"))) == ["in_doubt"] * 2


@pytest.mark.parametrize(
    "body", [{"error": "away"}, {"success": False, "failures": []}, {"failures": [], "status": "error"}]
)
async def test_an_answer_that_reports_an_error_in_the_place_of_failures_delivers_nothing(
    target: Target, opened: Opening, body: Any
) -> None:
    target.answering = lambda got: body
    results = {**FAILURES, "items": "body.failures or []"}
    async with opened({"path": "/bulk", "results": results}, batch=10) as outgoing:
        got = await outgoing.send(orders("1", "2"))
    assert statuses(got) == ["in_doubt"] * 2
    assert "lists no failure and has" in (got[0].reason or "")
    async with opened({"path": "/bulk", "results": results, "error_when": "body.code"}, batch=10) as outgoing:
        assert statuses(await outgoing.send(orders("1", "2"))) == ["delivered"] * 2


async def test_the_route_says_that_no_list_means_no_failures(target: Target, opened: Opening) -> None:
    target.answering = lambda got: {"ok": True}
    results = {**FAILURES, "items": "body.failures or []"}
    async with opened({"path": "/bulk", "results": results}, batch=10) as outgoing:
        assert statuses(await outgoing.send(orders("1", "2"))) == ["delivered"] * 2


@pytest.mark.parametrize("stranger", [failure("9"), {"why": "no number"}, 7, {"number": {"a": 1}}])
async def test_a_failure_that_belongs_to_nobody_leaves_the_others_in_doubt(
    target: Target, opened: Opening, stranger: Any
) -> None:
    """It may be any of them."""
    target.answering = lambda got: {"failures": [failure("2"), stranger]}
    async with opened({"path": "/bulk", "results": FAILURES}, batch=10) as outgoing:
        got = await outgoing.send(orders("1", "2", "3"))
        assert statuses(got) == ["in_doubt", "failed", "in_doubt"]
        assert "results.match" in (got[0].reason or "")
        target.answering = lambda got: {"failures": []}  # what was strange before does not count here
        assert statuses(await outgoing.send(orders("4"))) == ["delivered"]


async def test_results_see_the_entities_of_their_request(target: Target, opened: Opening) -> None:
    target.answering = lambda got: (
        422 if "bad" in got.keys and len(got.keys) > 2 else {"failures": [{"index": len(got.keys) - 1, "why": "x"}]}
    )
    results = {
        "items": "body.failures if len(entities) > 0 else []",
        "match": "entities[item.index].number",
        "unlisted": "delivered",
        "reason": "f'{item.why}: {entities[item.index].number}'",
    }
    async with opened({"path": "/bulk", "results": results}, batch=10) as outgoing:
        got = await outgoing.send(orders("1", "2", "3"))
        assert [(r.status, r.reason) for r in got] == [("delivered", None), ("delivered", None), ("failed", "x: 3")]
        got = await outgoing.send(orders("1", "bad", "3", "4"))  # halved: an index counts within its own request
        assert statuses(got) == ["delivered", "failed", "delivered", "failed"]
        target.answering = lambda got: {"failures": [{"index": 5, "why": "x"}]}
        assert statuses(await outgoing.send(orders("1", "2"))) == ["in_doubt", "in_doubt"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"items": "body", "unlisted": "delivered"}, "needs match"),
        ({"items": "body", "unlisted": "delivered", "match": "position"}, "needs match"),
        ({"items": "body", "match": "item.id"}, "ok is missing"),
    ],
)
def test_mistakes(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Results.model_validate(options)


RULED = {
    "items": "body.results",
    "match": "item.number",
    "ok": "item.ok",
    "retry_when": 'item.code == "LOCKED"',
    "refused_when": 'item.code == "UNIQUE"',
    "stop_when": 'item.code == "BAD_TOKEN"',
    "reason": "item.why",
}


async def test_results_have_rules_of_their_own(target: Target, opened: Opening) -> None:
    target.answering = lambda got: {
        "results": [
            {"number": "1", "ok": True},
            {"number": "2", "ok": False, "code": "LOCKED", "why": "row is locked"},
            {"number": "3", "code": "UNIQUE", "why": "number is taken"},
            {"number": "4", "ok": False, "code": "BAD_TOKEN", "why": "session is over"},
            {"number": "5", "ok": False, "why": "closed"},
        ]
    }
    async with opened({"path": "/bulk", "results": RULED}, batch=10) as outgoing:
        got = await outgoing.send(orders("1", "2", "3", "4", "5"))
    assert [(r.status, r.cause, r.later) for r in got] == [
        ("delivered", None, None),
        ("failed", "later", True),
        ("failed", "refused", False),
        ("pending", "setup", None),
        ("failed", "refused", None),
    ]
    assert got[1].reason == "row is locked"
    assert "session is over" in (got[3].reason or "")
    assert all(result.exchange is not None for result in got[1:])

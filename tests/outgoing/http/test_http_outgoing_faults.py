"""A target that resets, hangs, fails and comes back: what is sent again, and what is not."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from aiohttp import web
from outgoing_target import Opening, Received, Target, order, orders, route_of, statuses

from airflow_integrations.errors import OutageError
from airflow_integrations.outgoing.http.target import HttpOutgoing

SAFE = [
    {"idempotent": True},
    {"retry_unsafe": True},
    {"method": "PUT"},
    {"method": "DELETE"},
    {"method": "PATCH", "idempotent": True},
]
UNSAFE: list[dict[str, Any]] = [{}, {"method": "PATCH"}, {"idempotency_header": "X-Key"}]
LOST = [Target.RESET, 500, 502, 504]


@pytest.mark.parametrize("options", SAFE)
@pytest.mark.parametrize("lost", LOST)
async def test_what_may_be_repeated_is(target: Target, opened: Opening, options: dict[str, Any], lost: Any) -> None:
    answers = [lost, lost, 200]
    target.answering = lambda got: answers.pop(0)
    async with opened({"path": "/o", **options}, retry_budget=60.0) as outgoing:
        assert outgoing.repeatable
        assert statuses(await outgoing.send(orders("1"))) == ["delivered"]
    assert len(target.received) == 3
    assert len({got.headers.get("Idempotency-Key") for got in target.received}) == 1


@pytest.mark.parametrize("options", UNSAFE)
@pytest.mark.parametrize("lost", LOST)
async def test_what_may_not_be_repeated_is_in_doubt(
    target: Target, opened: Opening, options: dict[str, Any], lost: Any
) -> None:
    target.answering = lambda got: lost
    async with opened({"path": "/o", **options}) as outgoing:
        assert not outgoing.repeatable
        (result,) = await outgoing.send(orders("1"))
    assert result.status == "in_doubt"
    assert "may have taken effect" in (result.reason or "")
    assert len(target.received) == 1


@pytest.mark.parametrize("options", [*SAFE, *UNSAFE])
async def test_what_was_not_taken_is_sent_again(target: Target, opened: Opening, options: dict[str, Any]) -> None:
    answers: list[Any] = [503, web.Response(status=429, headers={"Retry-After": "0"}), 200]
    target.answering = lambda got: answers.pop(0)
    async with opened({"path": "/o", **options}, retry_budget=60.0) as outgoing:
        assert statuses(await outgoing.send(orders("1"))) == ["delivered"]


@pytest.mark.parametrize("options", [*SAFE, *UNSAFE])
async def test_a_target_that_stays_away_is_an_outage(target: Target, opened: Opening, options: dict[str, Any]) -> None:
    target.answering = lambda got: 503
    async with opened({"path": "/o", **options}) as outgoing:
        with pytest.raises(OutageError, match="503"):
            await outgoing.send(orders("1"))


async def test_a_long_retry_after_is_an_outage_at_once(target: Target, opened: Opening) -> None:
    target.answering = lambda got: web.Response(status=429, headers={"Retry-After": "3600"})
    async with opened({"path": "/o"}) as outgoing:
        with pytest.raises(OutageError) as caught:
            await outgoing.send(orders("1"))
    assert caught.value.retry_after == 3600
    assert len(target.received) == 1


async def test_nobody_there_is_an_outage(target: Target, opened: Opening) -> None:
    target.url = "http://127.0.0.1:1"
    async with opened({"path": "/o"}) as outgoing:
        with pytest.raises(OutageError):
            await outgoing.send(orders("1"))


async def test_a_target_that_hangs_leaves_doubt(target: Target, opened: Opening) -> None:
    async def hang(got: Received) -> int:
        await asyncio.sleep(5)
        return 200

    target.answering = hang
    async with opened({"path": "/o"}, read_timeout=1.0) as outgoing:
        assert statuses(await outgoing.send(orders("1"))) == ["in_doubt"]
    assert len(target.received) == 1


async def test_an_answer_cut_short_leaves_doubt(target: Target, opened: Opening) -> None:
    target.answering = lambda got: web.Response(body=b"x" * 50, headers={"Content-Encoding": "gzip"})
    async with opened({"path": "/o"}) as outgoing:
        assert statuses(await outgoing.send(orders("1"))) == ["in_doubt"]


async def test_an_answer_above_the_bound_leaves_doubt(target: Target, opened: Opening) -> None:
    target.answering = lambda got: web.Response(status=201, body=b"x" * 5000)
    async with opened({"path": "/o"}, max_answer_bytes=1000) as outgoing:
        assert statuses(await outgoing.send(orders("1"))) == ["in_doubt"]


@pytest.mark.parametrize(("first", "status"), [(502, "delivered"), (404, "failed")])
async def test_a_delete_repeated_finds_nothing_and_is_content(
    target: Target, opened: Opening, first: Any, status: str
) -> None:
    answers = [first, 404]
    target.answering = lambda got: answers.pop(0)
    async with opened({"path": "/o/{{ order.number }}", "method": "DELETE"}) as outgoing:
        assert statuses(await outgoing.send(orders("1"))) == [status]


async def test_in_doubt_does_not_hold_up_the_others(target: Target, opened: Opening) -> None:
    target.answering = lambda got: Target.RESET if got.body["number"] == "2" else 201
    async with opened({"path": "/o"}) as outgoing:
        results = await asyncio.gather(*(outgoing.send([each]) for each in orders("1", "2", "3")))
    assert [r.status for (r,) in results] == ["delivered", "in_doubt", "delivered"]


async def test_a_hostile_mixture_delivers_each_at_most_once(target: Target, opened: Opening) -> None:
    """Some are refused, some are taken and then cut off, the rest is taken: no entity arrives twice or is lost."""
    taken: Counter[str] = Counter()

    def answering(got: Received) -> Any:
        kinds = {each["kind"] for each in got.body}
        if "bad" in kinds:
            return 422
        taken.update(got.keys)
        return Target.RESET if "cut" in kinds else 200

    target.answering = answering
    kinds = ["good", "bad", "good", "cut", "good", "good", "bad", "cut", "good"] * 5
    batch = [order(str(number), kind=kind) for number, kind in enumerate(kinds)]
    async with opened({"path": "/bulk"}, batch=100) as outgoing:
        results = await outgoing.send(batch)
    assert max(taken.values()) == 1
    for outbound, kind, result in zip(batch, kinds, results, strict=True):
        assert (result.status == "failed") == (kind == "bad")
        assert (outbound.key in taken) == (kind != "bad")
        assert result.status == "in_doubt" if kind == "cut" else True


@pytest.mark.parametrize(
    ("options", "repeatable"), [*((options, True) for options in SAFE), *((options, False) for options in UNSAFE)]
)
def test_repeatable_is_known_before_anything_is_opened(options: dict[str, Any], repeatable: bool) -> None:
    config = HttpOutgoing.Config.model_validate({"connection": "erp", "path": "/o", **options})
    assert HttpOutgoing(config, route_of()).repeatable is repeatable

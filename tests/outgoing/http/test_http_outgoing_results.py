"""Bulk answers with a result for each entity."""

from __future__ import annotations

import logging
import random
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from outgoing_target import Opening, Received, Target, order, orders, statuses

from airflow_integrations.outgoing.http.answers.batch_results import ResultsReader
from airflow_integrations.outgoing.http.options import Results

BY_KEY = {
    "items": "body.results",
    "match": "item.number",
    "ok": 'item.state == "booked"',
    "id": "item.id",
    "reason": "item.error.text",
}
BY_POSITION = {name: text for name, text in BY_KEY.items() if name != "match"}


def booked(number: str) -> dict[str, Any]:
    return {"number": number, "state": "booked", "id": f"D{number}"}


def refused(number: str) -> dict[str, Any]:
    return {"number": number, "state": "refused", "error": {"text": f"{number} is closed"}}


@pytest.mark.parametrize("match", [None, "position", "item.number"])
async def test_each_entity_has_its_own_result(target: Target, opened: Opening, match: str | None) -> None:
    target.answering = lambda got: {"results": [refused(key) if key == "2" else booked(key) for key in got.keys]}
    results = {**BY_POSITION, **({"match": match} if match else {})}
    async with opened({"path": "/bulk", "results": results}, batch=10) as outgoing:
        got = await outgoing.send(orders("1", "2", "3"))
    assert [(r.status, r.target_id, r.reason) for r in got] == [
        ("delivered", "D1", None),
        ("failed", None, "2 is closed"),
        ("delivered", "D3", None),
    ]


async def test_by_key_the_order_does_not_matter(target: Target, opened: Opening) -> None:
    def answering(got: Received) -> Any:
        answers = [booked(key) for key in got.keys]
        random.Random(3).shuffle(answers)
        return {"results": answers}

    target.answering = answering
    numbers = list(map(str, range(20)))
    async with opened({"path": "/bulk", "results": BY_KEY}, batch=20) as outgoing:
        got = await outgoing.send(orders(*numbers))
    assert [r.target_id for r in got] == [f"D{number}" for number in numbers]


async def test_an_entity_without_a_result_is_in_doubt(target: Target, opened: Opening) -> None:
    target.answering = lambda got: {"results": [booked(key) for key in got.keys if key != "2"]}
    async with opened({"path": "/bulk", "results": BY_KEY}, batch=10) as outgoing:
        assert statuses(await outgoing.send(orders("1", "2", "3"))) == ["delivered", "in_doubt", "delivered"]
    async with opened({"path": "/bulk", "results": BY_POSITION}, batch=10) as outgoing:
        got = await outgoing.send(orders("1", "2", "3"))
        assert statuses(got) == ["in_doubt"] * 3  # which one is missing?
        assert "3 entities were sent and 2 results came back" in (got[0].reason or "")
    assert len(target.received) == 2


async def test_surplus_results_are_told_with_their_count(
    target: Target, opened: Opening, caplog: pytest.LogCaptureFixture
) -> None:
    target.answering = lambda got: {"results": [booked("9"), booked("1"), {"state": "booked"}, 7, None]}
    with caplog.at_level(logging.WARNING):
        async with opened({"path": "/bulk", "results": BY_KEY}, batch=10) as outgoing:
            assert statuses(await outgoing.send(orders("1"))) == ["delivered"]
    assert [record.getMessage() for record in caplog.records] == [
        "4 results in the target's answers belong to no entity that was sent; check results.match"
    ]


@pytest.mark.parametrize(
    ("items", "status"),
    [
        ([booked("1"), booked("1")], "delivered"),
        ([refused("1"), refused("1")], "failed"),
        ([booked("1"), refused("1")], "in_doubt"),
        ([refused("1"), booked("1")], "in_doubt"),
        ([{"number": "1"}], "failed"),
        ([{"number": 1, "state": "booked"}], "delivered"),
        ([], "in_doubt"),
        (None, "in_doubt"),
        ({"1": "booked"}, "in_doubt"),
        ("booked", "in_doubt"),
    ],
)
async def test_strange_results(target: Target, opened: Opening, items: Any, status: str) -> None:
    target.answering = lambda got: {"results": items}
    async with opened({"path": "/bulk", "results": BY_KEY}, batch=10) as outgoing:
        (result,) = await outgoing.send(orders("1"))
    assert result.status == status
    assert (result.reason is None) == (status == "delivered")


@pytest.mark.parametrize(
    "answer",
    [
        web.Response(text="<html>Sorry</html>", content_type="text/html"),
        web.Response(text='{"results": [', content_type="application/json"),
        web.Response(text="OK"),
        web.Response(status=204),
        web.Response(body=b"\xff\xfe", content_type="application/json"),
    ],
)
async def test_an_answer_without_results_delivers_nothing(target: Target, opened: Opening, answer: Any) -> None:
    target.answering = lambda got: answer
    async with opened({"path": "/bulk", "results": BY_KEY}, batch=10) as outgoing:
        got = await outgoing.send(orders("1", "2"))
    assert statuses(got) == ["in_doubt"] * 2
    assert got[0].reason


async def test_ok_that_reads_nothing_is_no_no(target: Target, opened: Opening) -> None:
    target.answering = lambda got: {"results": [{"number": key} for key in got.keys]}
    async with opened({"path": "/bulk", "results": {**BY_KEY, "ok": "item.success"}}, batch=10) as outgoing:
        (result,) = await outgoing.send(orders("1"))
    assert result.status == "in_doubt"


async def test_a_failed_one_without_reason_says_its_result(target: Target, opened: Opening) -> None:
    target.answering = lambda got: {"results": [{"number": "1", "state": "refused", "junk": "\x07" * 900}]}
    async with opened({"path": "/bulk", "results": BY_KEY}, batch=10) as outgoing:
        (result,) = await outgoing.send(orders("1"))
    assert result.reason
    assert result.reason.startswith("number: 1; state: refused")
    assert len(result.reason) <= 500
    assert result.reason.isprintable()


async def test_a_batch_refused_as_a_whole_is_bisected_all_the_same(target: Target, opened: Opening) -> None:
    target.answering = lambda got: 422 if len(got.body) > 1 else {"results": [refused(k) for k in got.keys]}
    async with opened({"path": "/bulk", "results": BY_KEY}, batch=10) as outgoing:
        got = await outgoing.send(orders("1", "2"))
    assert [(r.status, r.reason) for r in got] == [("failed", "1 is closed"), ("failed", "2 is closed")]


async def test_results_for_a_single_entity(target: Target, opened: Opening) -> None:
    target.answering = lambda got: {"results": [booked("1")]}
    async with opened({"path": "/bulk", "body": {"orders": "entities"}, "results": BY_KEY}) as outgoing:
        assert [r.target_id for r in await outgoing.send([order("1")])] == ["D1"]
    assert target.received[0].body == {"orders": [{"number": "1"}]}


states = st.sampled_from(["booked", "refused", None])


@given(st.dictionaries(st.integers(0, 40).map(str), states, min_size=1), st.randoms(use_true_random=False))
def test_matching_by_key_gives_each_its_own(told: dict[str, str | None], rng: random.Random) -> None:
    """Shuffled, with some missing and some that belong to nobody: each entity still gets its own result."""
    options = Results.model_validate({"items": "body", "match": "item.no", "ok": 'item.state == "booked"'})
    items = [{"no": key, "state": state} for key, state in told.items() if state]
    items += [{"no": f"x{number}", "state": "booked"} for number in range(rng.randrange(3))]
    surplus = len(items) - sum(state is not None for state in told.values())
    rng.shuffle(items)
    reader = ResultsReader(options, 60.0)
    got = reader.read({"body": items}, orders(*told), 200)
    word = {"booked": "delivered", "refused": "failed", None: "in_doubt"}
    assert [r.status for r in got] == [word[state] for state in told.values()]
    assert reader.surplus == surplus

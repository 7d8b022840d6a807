"""Many entities in a request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from outgoing_target import Opening, Received, Target, order, orders, statuses

from airflow_integrations.errors import OutageError, SetupError


def all_or_nothing(bad: set[str], taken: Counter[str], status: int = 422) -> Callable[[Received], int]:
    def answering(got: Received) -> int:
        if not bad.isdisjoint(got.keys):
            return status
        taken.update(got.keys)
        return 200

    return answering


async def test_a_batch_is_the_staged_bytes_in_an_array(target: Target, opened: Opening) -> None:
    batch = [order("1", total="x"), order("2")]
    async with opened({"path": "/bulk"}, batch=10) as outgoing:
        assert statuses(await outgoing.send(batch)) == ["delivered"] * 2
        assert statuses(await outgoing.send(orders("3"))) == ["delivered"]
    assert target.received[0].content == b"[" + batch[0].encoded + b"," + batch[1].encoded + b"]"
    assert target.received[1].content == b'[{"number":"3"}]'  # one that is left over is still a list
    assert not any("value" in vars(outbound) for outbound in batch)


async def test_a_body_sees_entities(target: Target, opened: Opening) -> None:
    options = {
        "path": "/bulk/{{ entities | length }}",
        "body": {"orders": "entities", "refs": {"each": "entities", "name": "o", "map": {"no": "o.number"}}},
    }
    async with opened(options, batch=10) as outgoing:
        assert statuses(await outgoing.send(orders("1", "2"))) == ["delivered"] * 2
    (got,) = target.received
    assert got.path == "/bulk/2"
    assert got.body == {"orders": [{"number": "1"}, {"number": "2"}], "refs": [{"no": "1"}, {"no": "2"}]}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(1, 30).flatmap(lambda size: st.tuples(st.just(size), st.sets(st.integers(0, size - 1).map(str)))),
    st.sampled_from([400, 413, 422]),
)
async def test_bisecting_over_http(target: Target, opened: Opening, case: tuple[int, set[str]], status: int) -> None:
    size, bad = case
    taken: Counter[str] = Counter()
    target.answering = all_or_nothing(bad, taken, status)
    batch = orders(*map(str, range(size)))
    async with opened({"path": "/bulk"}, batch=30) as outgoing:
        results = await outgoing.send(batch)
    good = {outbound.key for outbound in batch} - bad
    assert taken == Counter(good)
    assert {o.key for o, r in zip(batch, results, strict=True) if r.status == "delivered"} == good
    assert {o.key for o, r in zip(batch, results, strict=True) if r.status == "failed"} == bad
    assert all(r.http_status == status for r in results if r.status == "failed")


@pytest.mark.parametrize("status", [404, 405, 409, 451])
async def test_other_refusals_are_not_bisected(target: Target, opened: Opening, status: int) -> None:
    target.answering = lambda got: status
    async with opened({"path": "/bulk"}, batch=10) as outgoing:
        results = await outgoing.send(orders("1", "2", "3"))
    assert statuses(results) == ["failed"] * 3
    assert len(target.received) == 1


async def test_which_statuses_mean_refusal_is_the_routes_word(target: Target, opened: Opening) -> None:
    taken: Counter[str] = Counter()
    target.answering = all_or_nothing({"2"}, taken, 409)
    async with opened({"path": "/bulk", "refused": [409]}, batch=10) as outgoing:
        assert statuses(await outgoing.send(orders("1", "2", "3"))) == ["delivered", "failed", "delivered"]
    assert taken == Counter(["1", "3"])


async def test_an_error_in_a_200_can_be_bisected_too(target: Target, opened: Opening) -> None:
    target.answering = lambda got: {"ok": "2" not in got.keys}
    async with opened({"path": "/bulk", "success_when": "body.ok", "refused": [200]}, batch=10) as outgoing:
        assert statuses(await outgoing.send(orders("1", "2", "3"))) == ["delivered", "failed", "delivered"]
    async with opened({"path": "/bulk", "success_when": "body.ok"}, batch=10) as outgoing:
        assert statuses(await outgoing.send(orders("1", "2", "3"))) == ["failed"] * 3


async def test_a_half_that_times_out_is_in_doubt_and_not_bisected(target: Target, opened: Opening) -> None:
    def answering(got: Received) -> Any:
        if len(got.body) == 4:
            return 413
        return Target.RESET if "1" in got.keys else 200

    target.answering = answering
    async with opened({"path": "/bulk"}, batch=10) as outgoing:
        results = await outgoing.send(orders("0", "1", "2", "3"))
    assert statuses(results) == ["in_doubt", "in_doubt", "delivered", "delivered"]
    assert target.sizes == [4, 2, 2]


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_a_server_error_is_not_bisected(target: Target, opened: Opening, status: int) -> None:
    target.answering = lambda got: status
    async with opened({"path": "/bulk"}, batch=10) as outgoing:
        assert statuses(await outgoing.send(orders("1", "2"))) == ["in_doubt"] * 2
    assert len(target.received) == 1


@pytest.mark.parametrize("status", [503, 429])
async def test_an_outage_in_a_later_half_keeps_what_was_delivered(target: Target, opened: Opening, status: int) -> None:
    def answering(got: Received) -> int:
        if len(got.body) == 4:
            return 422
        return 200 if "0" in got.keys else status

    target.answering = answering
    async with opened({"path": "/bulk"}, batch=10) as outgoing:
        results = await outgoing.send(orders("0", "1", "2", "3"))
        assert statuses(results) == ["delivered", "delivered", "pending", "pending"]
        assert str(status) in (results[3].reason or "")
        with pytest.raises(OutageError):
            await outgoing.send(orders("2", "3"))


async def test_a_refused_login_in_a_later_half_keeps_what_was_delivered(target: Target, opened: Opening) -> None:
    target.answering = lambda got: 422 if len(got.body) == 2 else 200 if "0" in got.keys else 401
    async with opened({"path": "/bulk"}, batch=2) as outgoing:
        assert statuses(await outgoing.send(orders("0", "1"))) == ["delivered", "pending"]
        with pytest.raises(SetupError):
            await outgoing.send(orders("1"))


async def test_an_entity_that_cannot_be_written_fails_alone(target: Target, opened: Opening) -> None:
    batch = [order(str(number), price="bad" if number in (2, 5) else "1.5") for number in range(8)]
    options = {
        "path": "/bulk",
        "body": {"each": "entities", "name": "o", "map": {"number": "o.number", "p": "decimal(o.price)"}},
    }
    async with opened(options, batch=10) as outgoing:
        results = await outgoing.send(batch)
        assert [o.key for o, r in zip(batch, results, strict=True) if r.status == "failed"] == ["2", "5"]
        assert statuses(await outgoing.send([batch[2]])) == ["failed"]
        assert statuses(await outgoing.send([batch[2], batch[5]])) == ["failed"] * 2
    assert "body" in (results[2].reason or "")
    assert [got.keys for got in target.received] == [["0", "1", "3", "4", "6", "7"]]  # one request, without them


async def test_unwritable_and_refused_together(target: Target, opened: Opening) -> None:
    taken: Counter[str] = Counter()
    target.answering = all_or_nothing({"1", "6"}, taken)
    batch = [order(str(number), price="bad" if number == 2 else "1.5") for number in range(8)]
    options = {
        "path": "/bulk",
        "body": {"each": "entities", "name": "o", "map": {"number": "o.number", "p": "decimal(o.price)"}},
    }
    async with opened(options, batch=10) as outgoing:
        results = await outgoing.send(batch)
    assert [o.key for o, r in zip(batch, results, strict=True) if r.status == "failed"] == ["1", "2", "6"]
    assert taken == Counter("03457")


async def test_a_batch_above_the_bound_is_split_before_it_is_sent(target: Target, opened: Opening) -> None:
    batch = [order(str(number), note="x" * 50) for number in range(7)]
    batch[3] = order("3", note="x" * 500)
    async with opened({"path": "/bulk", "max_body_bytes": 200}, batch=10) as outgoing:
        results = await outgoing.send(batch)
    assert statuses(results) == ["delivered"] * 3 + ["failed"] + ["delivered"] * 3
    assert all(len(got.content) <= 200 for got in target.received)
    assert sorted(key for got in target.received for key in got.keys) == ["0", "1", "2", "4", "5", "6"]


async def test_a_batchs_idempotency_key_is_its_contents(target: Target, opened: Opening) -> None:
    async with opened({"path": "/bulk"}, batch=10) as outgoing:
        for batch in (orders("1", "2"), orders("1", "2"), orders("12"), [order("1"), order("2", x=1)]):
            await outgoing.send(batch)
    keys = [got.headers["Idempotency-Key"] for got in target.received]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


async def test_delete_of_a_batch_carries_the_list(target: Target, opened: Opening) -> None:
    target.answering = lambda got: web.Response(status=204)
    async with opened({"path": "/bulk", "method": "DELETE"}, batch=10) as outgoing:
        assert statuses(await outgoing.send(orders("1", "2"))) == ["delivered"] * 2
    assert target.received[0].keys == ["1", "2"]

"""Whatever is bad in a batch: the good ones arrive once each, the bad ones fail, and the answers are in order."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.outgoing.http.bisect import in_parts


class AllOrNothing:
    """Takes a request only if nothing in it is bad; goes away, as ``error``, after some requests."""

    def __init__(self, bad: set[str], *, requests: int | None = None, error: Exception | None = None) -> None:
        self.bad = bad
        self.left = requests
        self.error = error or OutageError("erp: 503 Service Unavailable")
        self.taken: Counter[str] = Counter()
        self.order: list[str] = []
        self.requests = 0

    async def attempt(self, part: Sequence[Outbound]) -> list[Result] | None:
        if self.left is not None and self.requests >= self.left:
            raise self.error
        self.requests += 1
        keys = [outbound.key for outbound in part]
        if self.bad.isdisjoint(keys):
            self.taken.update(keys)
            self.order += keys
            return [Result("delivered", target_id=key) for key in keys]
        return [Result("failed", reason=keys[0])] if len(part) == 1 else None


def batch_of(size: int) -> list[Outbound]:
    return [Outbound(f"k{number}", b"{}") for number in range(size)]


bad_and_size = st.integers(1, 70).flatmap(
    lambda size: st.tuples(st.just(size), st.sets(st.integers(0, size - 1).map("k{}".format)))
)


@given(bad_and_size)
async def test_the_good_arrive_once_and_just_the_bad_fail(case: tuple[int, set[str]]) -> None:
    size, bad = case
    batch, target = batch_of(size), AllOrNothing(bad)
    results = await in_parts(batch, target.attempt)
    assert [(r.status, r.target_id or r.reason) for r in results] == [
        ("failed" if outbound.key in bad else "delivered", outbound.key) for outbound in batch
    ]
    assert target.taken == Counter(outbound.key for outbound in batch if outbound.key not in bad)
    assert target.order == [outbound.key for outbound in batch if outbound.key not in bad]


@given(st.integers(1, 500).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1))))
async def test_one_bad_entity_costs_a_logarithm_of_requests(case: tuple[int, int]) -> None:
    size, bad = case
    target = AllOrNothing({f"k{bad}"})
    await in_parts(batch_of(size), target.attempt)
    assert target.requests <= 2 * math.ceil(math.log2(size)) + 1


@given(bad_and_size, st.integers(0, 30))
async def test_an_outage_on_the_way_loses_no_verdict(case: tuple[int, set[str]], requests: int) -> None:
    size, bad = case
    batch, target = batch_of(size), AllOrNothing(bad, requests=requests)
    try:
        results = await in_parts(batch, target.attempt)
    except OutageError:
        assert not target.taken
        return
    assert len(results) == size
    delivered = [outbound.key for outbound, result in zip(batch, results, strict=True) if result.status == "delivered"]
    assert delivered == target.order
    for outbound, result in zip(batch, results, strict=True):
        assert result.status == "pending" or (result.status == "failed") == (outbound.key in bad)


@pytest.mark.parametrize("error", [OutageError("away"), SetupError("401 Unauthorized")])
async def test_the_pending_say_what_stopped_them(error: Exception) -> None:
    target = AllOrNothing({"k0"}, requests=2, error=error)
    results = await in_parts(batch_of(2), target.attempt)
    assert [(r.status, r.reason) for r in results] == [("failed", "k0"), ("pending", str(error))]


@pytest.mark.parametrize("error", [OutageError("away"), SetupError("401 Unauthorized")])
async def test_what_stops_everything_is_raised(error: Exception) -> None:
    with pytest.raises(type(error)):
        await in_parts(batch_of(4), AllOrNothing(set(), requests=0, error=error).attempt)

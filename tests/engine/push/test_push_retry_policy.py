"""The policy of retries: bounded, growing, and never ahead of what the target asked for."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_integrations.engine.push.retry_policy import (
    CIRCUIT_FIRST,
    CIRCUIT_LONGEST,
    LONGEST_ASKED,
    circuit_pause,
    next_attempt,
    transient,
)
from airflow_integrations.route.delivery import Retry

NOW = 1_800_000_000.0

durations = st.integers(1, 10**6).map(lambda seconds: timedelta(seconds=seconds))


@st.composite
def policies(draw: st.DrawFn) -> Retry:
    delay, longer = draw(durations), draw(durations)
    return Retry(attempts=draw(st.integers(1, 1000)), delay=delay, max_delay=delay + longer, age=draw(durations))


asked = st.none() | st.floats(0, 10**7)
dice = st.integers(0, 2**32).map(random.Random)


@given(policies(), st.integers(0, 1200), st.floats(-(10.0**6), 2 * 10.0**6), asked, dice)
def test_an_attempt_is_due_within_its_bounds_or_not_at_all(
    retry: Retry, attempts: int, age: float, retry_after: float | None, rng: random.Random
) -> None:
    due = next_attempt(retry, attempts=attempts, since=NOW - age, now=NOW, retry_after=retry_after, rng=rng)
    exhausted = attempts >= retry.attempts or NOW - (NOW - age) >= retry.age.total_seconds()
    assert (due is None) == exhausted
    if due is not None:
        pause = due - NOW
        wanted = min(retry_after or 0.0, LONGEST_ASKED)
        assert pause >= retry.delay.total_seconds() / 2 - 1e-6
        assert pause >= wanted - 1e-6
        assert pause <= max(retry.max_delay.total_seconds(), wanted) + 1e-6


@given(policies(), st.integers(1, 998), dice)
def test_the_pause_doubles_until_the_longest(retry: Retry, attempts: int, rng: random.Random) -> None:
    class Highest(random.Random):
        def uniform(self, a: float, b: float) -> float:
            return b

    def pause(made: int) -> float:
        patient = retry.model_copy(update={"attempts": 1000})
        due = next_attempt(patient, attempts=made, since=NOW, now=NOW, retry_after=None, rng=Highest())
        assert due is not None
        return due - NOW

    longest = retry.max_delay.total_seconds()
    assert pause(attempts + 1) == pytest.approx(min(longest, 2 * pause(attempts)))
    assert pause(1) == pytest.approx(retry.delay.total_seconds())


@given(st.integers(1, 1000), dice, st.floats(0, 600))
def test_an_entity_is_given_up_in_the_end(most: int, rng: random.Random, duration: float) -> None:
    """However the dice fall, one that is never taken is sent at most so often, and not long past its age."""
    retry = Retry(attempts=most, delay="1m", max_delay="1h", age="3d")
    now, attempts, due = NOW, 0, NOW
    while True:
        now, attempts = due + duration, attempts + 1
        after = next_attempt(retry, attempts=attempts, since=NOW, now=now, retry_after=None, rng=rng)
        if after is None:
            break
        assert after > now
        due = after
    assert attempts <= most
    assert now <= NOW + 3 * 86400 + 3600 + duration


@given(st.integers(-5, 10**6), dice)
def test_a_circuit_stays_open_for_half_a_minute_to_a_quarter_of_an_hour(outages: int, rng: random.Random) -> None:
    pause = circuit_pause(outages, rng)
    assert CIRCUIT_FIRST / 2 <= pause <= CIRCUIT_LONGEST
    if outages <= 1:
        assert pause <= CIRCUIT_FIRST
    if outages >= 6:
        assert pause >= CIRCUIT_LONGEST / 2


def test_entities_that_failed_together_come_back_apart() -> None:
    rng, retry = random.Random(7), Retry()
    due = {next_attempt(retry, attempts=3, since=NOW, now=NOW, retry_after=None, rng=rng) for _ in range(100)}
    assert len(due) == 100


@pytest.mark.parametrize(
    ("status", "on", "expected"),
    [
        (None, (), False),
        (400, (), False),
        (409, (), False),
        (409, (409, 423), True),
        (422, (409,), False),
        (408, (), True),
        (425, (), True),
        (429, (), True),
        (500, (), True),
        (503, (), True),
    ],
)
def test_what_means_later(status: int | None, on: tuple[int, ...], expected: bool) -> None:
    assert transient(Retry(on=on), status) is expected

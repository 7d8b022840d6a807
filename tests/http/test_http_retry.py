from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_integrations.http import Answer, Limits, Request
from airflow_integrations.http.limits import HeldTooLongError
from airflow_integrations.http.retry import (
    LAST_CEILING,
    LONGEST,
    Verdict,
    asked_wait,
    back_off,
    not_understood,
    quota_wait,
    verdict,
)

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("status", "repeatable", "expected"),
    [
        (200, False, Verdict.FINAL),
        (404, True, Verdict.FINAL),
        (422, False, Verdict.FINAL),
        (408, True, Verdict.AGAIN),
        (408, False, Verdict.UNKNOWN),
        (429, False, Verdict.AGAIN),
        (503, False, Verdict.AGAIN),
        (500, True, Verdict.AGAIN),
        (500, False, Verdict.UNKNOWN),
        (599, False, Verdict.UNKNOWN),
    ],
)
def test_verdicts(status, repeatable, expected):
    assert verdict(status, repeatable=repeatable) is expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"Retry-After": "120"}, 120),
        ({"Retry-After": " 1.5 "}, 1.5),
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": str(int(NOW) + 7)}, 7),
        ({"Retry-After": f"{int(NOW) + 7}.5"}, 7.5),
        ({"Retry-After": str((int(NOW) + 7) * 1000)}, 7),
        ({"Retry-After": str((int(NOW) + 7) * 1000_000)}, 7),
        ({"Retry-After": str(int(NOW) - 7)}, 0),
        ({"Retry-After": "PT1S"}, 1),
        ({"Retry-After": "P1DT0H"}, 86_400),
        ({"Retry-After": "PT1M30.5S"}, 90.5),
        ({"Retry-After": "PT"}, None),
        ({"Retry-After": "500ms"}, 0.5),
        ({"Retry-After": "6m0s"}, 360),
        ({"Retry-After": "30 seconds"}, 30),
        ({"Retry-After": "2027-01-15T08:01:00Z"}, 60),
        ({"Retry-After": "2027-01-15T09:01:00+01:00"}, 60),
        ({"Retry-After": "Fri, 15 Jan 2100 08:01:00 GMT"}, LONGEST),
        ({"Retry-After": "99999999"}, LONGEST),
        ({"Retry-After": "9" * 14}, LONGEST),
        ({"Retry-After": "PT9999999H"}, LONGEST),
        ({"X-RateLimit-Reset": "6m0s", "X-RateLimit-Remaining": "0"}, 360),
        ({"X-RateLimit-Reset": "2027-01-15T08:01:00Z", "X-RateLimit-Remaining": "0"}, 60),
        ({"Retry-After": str(int(NOW) - 3593), "Date": "Fri, 15 Jan 2027 07:00:00 GMT"}, 7),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "1e9"}, None),
        ({"Retry-After": "٣"}, None),
        ({"Retry-After": "9" * 400}, None),
        ({"Retry-After": "Fri, 15 Jan 2027 08:01:00 GMT"}, 60),
        ({"Retry-After": "Fri, 15 Jan 2027 07:00:00 GMT"}, 0),
        ({"Retry-After": "Friday, 15-Jan-27 08:01:00 GMT"}, 60),
        # the server's clock is an hour behind ours: what counts is the distance it means
        ({"Retry-After": "Fri, 15 Jan 2027 07:01:00 GMT", "Date": "Fri, 15 Jan 2027 07:00:00 GMT"}, 60),
        ({"Retry-After": "soon", "X-RateLimit-Reset": "9"}, 9),
        ({"X-RateLimit-Reset": "9"}, 9),
        ({"X-RateLimit-Reset": "9", "X-RateLimit-Remaining": "3"}, None),
        ({"X-RateLimit-Reset": str(int(NOW) + 9), "X-RateLimit-Remaining": "0"}, 9),
        ({"X-RateLimit-Reset": str((int(NOW) + 9) * 1000)}, 9),
        ({"RateLimit": '"default";r=0;t=30'}, 30),
        ({"RateLimit": '"burst";r=5;t=1, "day";r=0;t=3600'}, 3600),
        ({"RateLimit": "limit=100, remaining=0, reset=30"}, 30),
        ({"RateLimit": "limit=100, remaining=7, reset=30"}, None),
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": "4"}, 4),
    ],
)
def test_what_servers_ask(headers, expected):
    assert asked_wait(headers, NOW) == expected


@pytest.mark.parametrize("text", ["soon", "1e9", "-5", "", "9" * 400])
def test_what_cannot_be_read_is_said(text):
    assert text[:50] in not_understood({"Retry-After": text})
    assert not_understood({"Retry-After": "PT1S"}) == not_understood({}) == ""


def test_a_quota_on_a_success_counts_only_when_it_is_used_up():
    assert quota_wait({"X-RateLimit-Reset": "9"}, NOW) is None
    assert quota_wait({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9"}, NOW) == 9


@given(
    st.dictionaries(st.sampled_from(["Retry-After", "Date", "RateLimit", "X-RateLimit-Reset"]), st.text(max_size=60))
)
def test_no_header_breaks_it(headers):
    wait = asked_wait(headers, NOW)
    assert wait is None or 0 <= wait <= LONGEST


@given(st.integers(1, 10_000), st.integers())
def test_back_off_is_jittered_below_a_ceiling(retry, seed):
    wait = back_off(retry, random.Random(seed))
    assert 0 <= wait <= min(LAST_CEILING, 0.5 * 2 ** min(retry - 1, 20))


async def test_a_hold_is_waited_for_and_may_be_prolonged(clock):
    limits = Limits(sleep=clock.sleep, now=clock.now)
    assert limits.free
    limits.hold(5)
    limits.hold(3)
    assert not limits.free
    with pytest.raises(HeldTooLongError) as caught:
        await limits.released(4)
    assert caught.value.seconds == 5

    async def sleep(seconds):
        await clock.sleep(seconds)
        if len(clock.slept) == 1:
            limits.hold(2)

    limits._sleep = sleep
    assert await limits.released(10) == 7
    assert limits.free


async def test_turns_are_a_pace_apart_in_the_order_of_asking(clock):
    limits = Limits(requests_per_second=2, sleep=clock.sleep, now=clock.now)
    started = []
    for _ in range(3):
        await limits.turn()
        started.append(clock.time)
    assert [later - started[0] for later in started] == [0, 0.5, 1.0]
    clock.time += 60  # what was not used is not saved up
    assert await limits.turn() == 0
    assert await limits.turn() == 0.5


def answer(content):
    return Answer(200, {}, content, "http://x/", Request("GET", "/"))


@given(st.binary(max_size=2000), st.integers(1, 400))
def test_an_excerpt_is_one_printable_line(content, limit):
    text = answer(content).excerpt(limit)
    assert len(text) <= limit
    assert text.isprintable()


def test_excerpts():
    assert answer(b"  a\r\n\tb\x00c ").excerpt() == "a b\N{REPLACEMENT CHARACTER}c"
    assert answer(b"x" * 500).excerpt(10) == "x" * 9 + "…"
    assert answer("ü".encode() * 10).excerpt(10) == "ü" * 10

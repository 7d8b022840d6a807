"""Which of two versions is older, and of which nobody knows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_integrations.entity import compare, older, version_text
from airflow_integrations.errors import EntityError

SWAPPED = {"older": "newer", "newer": "older", "equal": "equal", "unlike": "unlike"}
moments = st.datetimes(datetime(1970, 1, 2), datetime(9998, 1, 1), timezones=st.just(UTC))
offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.lists(st.tuples(moments, offsets), min_size=2, max_size=2))
def test_times_compare_as_moments(given_times: list[tuple[datetime, timezone]]) -> None:
    one, other = (moment.astimezone(offset) for moment, offset in given_times)
    found = compare(one.isoformat(), other.isoformat())
    assert found == ("older" if one < other else "newer" if one > other else "equal")


@given(st.decimals(allow_nan=False, allow_infinity=False), st.decimals(allow_nan=False, allow_infinity=False))
def test_numbers_compare_as_numbers(one: Decimal, other: Decimal) -> None:
    found = compare(str(one), str(other))
    assert found in ("unlike", "older" if one < other else "newer" if one > other else "equal")
    assert found != "unlike" or max(one, other).adjusted() + 1 in (13, 16, 19)


@given(st.text(), st.text())
def test_any_two_compare(one: str, other: str) -> None:
    assert compare(one, one) == "equal"
    if "unlike" not in (compare(one, other), compare(other, one)):
        assert compare(one, other) == SWAPPED[compare(other, one)]


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ("2026-01-01", "1767225600", "unlike"),
        ("1767225600", "2026-01-01", "unlike"),
        ("2026-01-01", "2026-01-01T00:00:00Z", "unlike"),
        ("2026-01-01T00:00:00", "2026-01-01T00:00:00Z", "unlike"),
        ("2026-13-45", "2026-01-01", "unlike"),
        ("v9", "v10", "newer"),
        ("NaN", "1", "unlike"),
        ("1e3", "1000", "equal"),
        ("5", "1767225600000000", "unlike"),
        ("1767225600", "1767225600000", "unlike"),
        ("1767225600000000", "5", "newer"),
        ("5", "1767225600", "older"),
        ("500000000000", "1000000000000", "older"),
        ("-1", "0", "older"),
        ("2026-01-01T00:00:00.1234567Z", "2026-01-01T01:00:00.1234568+01:00", "older"),
        ("2026-01-01T00:00:00.12345670Z", "2026-01-01T00:00:00.1234567Z", "equal"),
    ],
)
def test_what_is_what(one: str, other: str, found: str) -> None:
    assert compare(one, other) == found
    assert "unlike" in (found, compare(other, one)) or compare(other, one) == SWAPPED[found]
    assert older(one, other) is (found == "older")


def test_no_version_is_older_than_any() -> None:
    assert [older(None, "1"), older("1", None), older(None, None)] == [True, False, False]


def test_a_version_is_text_a_number_or_a_moment() -> None:
    madrid = timezone(timedelta(hours=2))
    assert version_text(datetime(2026, 6, 1, 12, tzinfo=madrid)) == "2026-06-01T10:00:00+00:00"
    assert [version_text(value) for value in (7, Decimal("7.10"), "a", ["a", 7])] == ["7", "7.10", "a", "a|7"]
    assert version_text(date(2026, 6, 1)) == "2026-06-01"
    for wrong, told in (
        (None, "has no version"),
        (True, "a version must be"),
        (datetime(2026, 1, 1), "needs a time zone"),
    ):
        with pytest.raises(EntityError, match=told):
            version_text(wrong)

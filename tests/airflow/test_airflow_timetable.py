"""Windows of schedules, by Airflow's own scheduling code: no gap, no overlap, across time changes and weekends."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pendulum
import pytest
from airflow.serialization.encoders import coerce_to_core_timetable
from airflow.timetables.base import DataInterval, TimeRestriction
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_integrations.airflow.timetable import end_date, start_date, timetable
from airflow_integrations.route import Schedule


def windows(count: int, **options: Any) -> list[tuple[datetime, datetime]]:
    """The first windows that the scheduler would make."""
    schedule = Schedule(**{"catchup": True} | options)
    core = coerce_to_core_timetable(timetable(schedule))
    start, end = start_date(schedule), end_date(schedule)
    allowed = TimeRestriction(
        earliest=pendulum.instance(start) if start else None,
        latest=pendulum.instance(end) if end else None,
        catchup=schedule.catchup,
    )
    found: list[tuple[datetime, datetime]] = []
    last: DataInterval | None = None
    while len(found) < count:
        info = core.next_dagrun_info(last_automated_data_interval=last, restriction=allowed)
        if info is None:
            break
        last = info.data_interval
        found.append((_plain(last.start), _plain(last.end)))
    return found


def _plain(moment: Any) -> datetime:
    return datetime.fromtimestamp(moment.timestamp(), UTC)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_cron_window_reaches_from_the_tick_before_to_the_tick() -> None:
    assert windows(2, cron="*/5 * * * *", start="2026-01-01T00:00:00Z") == [
        (utc("2026-01-01T00:00"), utc("2026-01-01T00:05")),
        (utc("2026-01-01T00:05"), utc("2026-01-01T00:10")),
    ]


def test_a_start_without_a_time_of_day_is_midnight_in_the_time_zone() -> None:
    assert windows(1, cron="@daily", timezone="Europe/Madrid", start="2026-07-01")[0][0] == utc("2026-06-30T22:00")
    assert windows(1, every="15m", timezone="Europe/Madrid", start="2026-07-01")[0][0] == utc("2026-06-30T22:00")


def test_weekdays_only_still_cover_the_weekend() -> None:
    found = windows(3, cron="0 9 * * 1-5", start="2026-01-01T09:00:00Z")  # a Thursday
    assert found[1] == (utc("2026-01-02T09:00"), utc("2026-01-05T09:00"))


@pytest.mark.parametrize(
    ("start", "hours"),
    [("2026-03-28", [24, 23, 24]), ("2026-10-24", [24, 25, 24])],
    ids=["the clock goes forward", "the clock goes back"],
)
def test_days_are_23_and_25_hours_long_when_the_clock_changes(start: str, hours: list[int]) -> None:
    found = windows(3, cron="0 0 * * *", timezone="Europe/Madrid", start=start)
    assert [(end - begin) / timedelta(hours=1) for begin, end in found] == hours


def test_a_tick_in_the_hour_that_does_not_exist_leaves_no_gap() -> None:
    found = windows(4, cron="30 2 * * *", timezone="Europe/Madrid", start="2026-03-27")
    assert all(before[1] == after[0] for before, after in itertools.pairwise(found))
    assert all(begin < end for begin, end in found)


def test_an_interval_is_as_long_as_it_says_also_when_the_clock_changes() -> None:
    found = windows(60, every="1h30m", timezone="Europe/Madrid", start="2026-03-28")
    assert {end - begin for begin, end in found} == {timedelta(minutes=90)}


@settings(max_examples=40, deadline=None)
@given(
    cron=st.sampled_from(["*/5 * * * *", "17 * * * *", "0 */7 * * *", "30 2 * * *", "0 0 * * 0", "@monthly"]),
    zone=st.sampled_from(["UTC", "Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    day=st.dates(datetime(2024, 1, 1).date(), datetime(2027, 12, 31).date()),
)
def test_windows_follow_each_other_without_gap_or_overlap(cron: str, zone: str, day: Any) -> None:
    found = windows(30, cron=cron, timezone=zone, start=day.isoformat())
    assert len(found) == 30
    assert all(begin < end for begin, end in found)
    assert all(before[1] == after[0] for before, after in itertools.pairwise(found))


def test_no_window_starts_after_the_end() -> None:
    found = windows(10, cron="@daily", start="2026-01-01", end="2026-01-03")
    assert [begin.day for begin, _ in found] == [1, 2, 3]


def test_without_catch_up_only_the_newest_window_is_run() -> None:
    found = windows(1, cron="@daily", start="2020-01-01", catchup=False)
    assert datetime.now(UTC) - found[0][1] < timedelta(days=1)


def test_no_schedule_is_none() -> None:
    assert (timetable(None), start_date(None), end_date(None)) == (None, None, None)

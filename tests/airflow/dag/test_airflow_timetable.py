"""Windows of schedules, by Airflow's own scheduling code: no gap, no overlap, across time changes and weekends."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pendulum
import pytest
import time_machine
from airflow.serialization.encoders import coerce_to_core_timetable
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import DataInterval, TimeRestriction
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from airflow_integrations.airflow.dag.factory import build_dag
from airflow_integrations.airflow.dag.timetable import end_date, start_date, timetable
from airflow_integrations.route.definition import Route, Schedule


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
    assert core is not None
    found: list[tuple[datetime, datetime]] = []
    last: DataInterval | None = None
    while len(found) < count:
        info = core.next_dagrun_info(last_automated_data_interval=last, restriction=allowed)
        if info is None:
            break
        last = info.data_interval
        assert last is not None
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
    assume(
        not (zone == "Australia/Lord_Howe" and cron == "17 * * * *")
    )  # Airflow stops there, see docs/routes/route-files.md
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


SHOWN = [
    ({"every": "1m"}, "every 1m", "Every 1m"),
    ({"every": "1h30m"}, "every 1h30m", "Every 1h30m"),
    ({"cron": "0 9 * * *", "timezone": "Europe/Madrid"}, "0 9 * * * Europe/Madrid", "At 09:00, Europe/Madrid"),
    ({"cron": "@daily", "timezone": "Europe/Madrid"}, "0 0 * * * Europe/Madrid", "At 00:00, Europe/Madrid"),
    ({"cron": "0 9 * * *"}, "0 9 * * *", "At 09:00"),
]


def _serialized(**route: Any) -> Any:
    """The timetable as the scheduler has it: through the serialized DAG, as JSON."""
    plain = {
        "route": "orders",
        "entity": {"name": "order", "key": "order.id"},
        "incoming": {"none": {}},
        "outgoing": {"none": {}},
    }
    dag = build_dag(Route.load({**plain, **route}))
    return DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag)))).timetable


@pytest.mark.parametrize(("options", "summary", "description"), SHOWN)
def test_airflow_shows_what_the_file_says(options: dict[str, Any], summary: str, description: str) -> None:
    known = _serialized(schedule={"start": "2026-01-01", **options})
    assert (known.summary, known.description) == (summary, description)


def test_airflow_shows_the_zone_of_a_trigger_and_of_what_assets_join() -> None:
    trigger = {"assets": "a", "at": "0 9 * * *", "timezone": "Europe/Madrid"}
    assert _serialized(trigger=trigger).summary == "Asset or 0 9 * * * Europe/Madrid"
    both = _serialized(trigger={"assets": "a"}, schedule={"every": "15m", "start": "2026-01-01"})
    assert both.summary == "Asset or every 15m"


@settings(max_examples=60, deadline=None)
@given(
    options=st.sampled_from([options for options, _, _ in SHOWN]),
    start=st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)),
    asked=st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)),
    catchup=st.booleans(),
)
def test_the_windows_are_those_of_airflow(
    options: dict[str, Any], start: datetime, asked: datetime, catchup: bool
) -> None:
    schedule = Schedule(start=start.replace(tzinfo=UTC).isoformat(), catchup=catchup, **options)
    plain = coerce_to_core_timetable(timetable(schedule))
    shown = coerce_to_core_timetable(timetable(schedule, shown=True))
    again = type(shown).deserialize(shown.serialize())
    assert again == shown
    moment = pendulum.instance(asked.replace(tzinfo=UTC))
    first = start_date(schedule)
    assert first is not None
    restriction = TimeRestriction(earliest=pendulum.instance(first), latest=None, catchup=catchup)
    last: Any = None
    with time_machine.travel(moment, tick=False):
        for _ in range(3):
            infos = [
                known.next_dagrun_info(last_automated_data_interval=last, restriction=restriction)
                for known in (plain, shown, again)
            ]
            assert infos[0] == infos[1] == infos[2]
            last = infos[0].data_interval
        assert plain.infer_manual_data_interval(run_after=moment) == again.infer_manual_data_interval(run_after=moment)


def test_a_task_gets_airflows_own_timetables() -> None:
    assert type(timetable(Schedule(every="1m", start="2026-01-01"))).__module__.startswith("airflow.sdk")

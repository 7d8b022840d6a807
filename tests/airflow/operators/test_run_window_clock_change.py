"""A run triggered by hand around a change of the clock has the interval that the scheduler had last completed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pendulum
import pytest
from airflow.serialization.encoders import coerce_to_core_timetable
from airflow.timetables.base import TimeRestriction

from airflow_integrations.airflow.dag.timetable import timetable
from airflow_integrations.airflow.operators.run_window import window
from airflow_integrations.route.definition import Schedule
from airflow_integrations.window import Window

CHANGES = [
    ("Europe/Madrid", "2026-03-29"),
    ("Europe/Madrid", "2026-10-25"),
    ("America/New_York", "2026-03-08"),
    ("America/New_York", "2026-11-01"),
    ("Australia/Lord_Howe", "2026-04-05"),
    ("Australia/Lord_Howe", "2026-10-04"),
]
CRONS = [
    "30 2 * * *",
    "0 2 * * *",
    "0 3 * * *",
    "30 1 * * *",
    "0 */6 * * *",
    "@daily",
    "17 * * * *",
    "*/20 * * * *",
    "*/15 2 * * *",
    "15,45 1-3 * * *",
]
RARE = {"30 2 * * 0": 8, "15 2 1 * *": 32}
"""Days that an interval may have."""


def dag(cron: str, zone: str) -> Any:
    """With the scheduler's half of the timetable, which answers each question once: Airflow takes milliseconds."""
    core: Any = coerce_to_core_timetable(timetable(Schedule(cron=cron, timezone=zone)))
    core.infer_manual_data_interval = cache(core.infer_manual_data_interval)
    return SimpleNamespace(timetable=core)


def scheduled(core: Any, cron: str, zone: str, start: datetime, end: datetime) -> list[Window]:
    """All intervals of the scheduler, from one that begins well before ``start`` to the first that ends behind it.

    Empty where the scheduler itself loses its way: it skips ticks of the hour that is skipped, and finds no next one of
    an hourly schedule where clocks change by half an hour.
    """
    if cron in ("*/15 2 * * *", "15,45 1-3 * * *") or (cron in ("17 * * * *", "*/20 * * * *") and "Lord" in zone):
        return []
    always = TimeRestriction(earliest=pendulum.instance(start), latest=None, catchup=True)
    assert core is not None
    found: list[Window] = []
    last = None
    while not found or found[-1].end <= end:
        info = core.next_dagrun_info(last_automated_data_interval=last, restriction=always)
        assert info is not None
        last = info.data_interval
        assert last is not None
        found.append(Window(last.start, last.end))
    return found


def moments(zone: str, day: str) -> list[datetime]:
    """Every hour of both days, and every half hour around the change."""
    first = datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(hours=12)
    night = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    hours = {first + timedelta(hours=hour, minutes=7) for hour in range(48)}
    return sorted(hours | {night + timedelta(minutes=30 * half, seconds=7) for half in range(-2, 12)})


@pytest.mark.parametrize(("zone", "day"), CHANGES)
@pytest.mark.parametrize("cron", [*CRONS, *RARE])
def test_every_hour_of_both_days(cron: str, zone: str, day: str, make_context: Callable[..., Any]) -> None:
    """With a logical date, for which Airflow works out an interval, and without one."""
    made, when = dag(cron, zone), moments(zone, day)
    intervals = scheduled(made.timetable, cron, zone, when[0] - timedelta(days=70 if cron in RARE else 5), when[-1])
    longest = timedelta(days=RARE.get(cron, 1), hours=2)
    end = None
    for moment in when:
        raw = made.timetable.infer_manual_data_interval(run_after=pendulum.instance(moment))
        given = {"data_interval_start": raw.start, "data_interval_end": raw.end, "logical_date": moment}
        found = window(make_context(made, run_after=moment))
        assert found == window(make_context(made, run_after=moment, **given)), moment
        assert found.start < found.end <= moment < found.end + longest
        assert found.end - found.start < longest
        assert end is None or end <= found.end, "a later run has an earlier window"
        end = found.end
        if intervals:
            assert found == max((one for one in intervals if one.end <= moment), key=lambda one: one.end), moment


@pytest.mark.parametrize(
    ("day", "ticks"),
    [
        ("2026-03-29", ["2026-03-27T01:30Z", "2026-03-28T01:30Z", "2026-03-29T01:30Z", "2026-03-30T00:30Z"]),
        ("2026-10-25", ["2026-10-23T00:30Z", "2026-10-24T00:30Z", "2026-10-25T01:30Z", "2026-10-26T01:30Z"]),
    ],
)
def test_each_quarter_of_both_days_has_the_scheduler_s_interval(
    make_context: Callable[..., Any], day: str, ticks: list[str]
) -> None:
    made = dag("30 2 * * *", "Europe/Madrid")
    core = made.timetable
    moments = [datetime.fromisoformat(tick) for tick in ticks]
    for quarter in range(-4, 25 * 4):
        moment = datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(minutes=15 * quarter)
        start, end = [tick for tick in moments if tick <= moment][-2:]
        raw = core.infer_manual_data_interval(run_after=pendulum.instance(moment))
        context = make_context(made, data_interval_start=raw.start, data_interval_end=raw.end, logical_date=moment)
        assert window(context) == Window(start, end), moment


def test_an_interval_that_somebody_asked_for_stays(make_context: Callable[..., Any]) -> None:
    start, end = (datetime(2026, 3, day, 5, tzinfo=UTC) for day in (20, 29))
    context = make_context(
        dag("30 2 * * *", "Europe/Madrid"),
        data_interval_start=start,
        data_interval_end=end,
        logical_date=end,
        run_after=end,
    )
    assert window(context) == Window(start, end)

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_integrations.airflow.dag.timetable import timetable
from airflow_integrations.airflow.operators.run_window import window
from airflow_integrations.errors import RunError
from airflow_integrations.route.definition import Schedule
from airflow_integrations.window import EPOCH, Window

T0, T1, T2 = (datetime(2026, 1, 1, hour, tzinfo=UTC) for hour in (0, 1, 2))


def dag(**schedule: Any) -> Any:
    return SimpleNamespace(timetable=timetable(Schedule(**schedule)) if schedule else None)


def test_the_window_that_was_asked_for_comes_first(make_context: Callable[..., Any]) -> None:
    context = make_context(dag(every="1h"), data_interval_start=T1, data_interval_end=T2, run_after=T2)
    assert window(context, Window(T0, T1)) == Window(T0, T1)


def test_a_backfill_is_not_given_one_window_for_all_of_its_runs(make_context: Callable[..., Any]) -> None:
    context = make_context(dag(every="1h"), data_interval_start=T1, data_interval_end=T2, run_after=T2)
    context["dag_run"].run_type = "backfill"
    assert window(context) == Window(T1, T2)
    with pytest.raises(RunError, match="leave both empty"):
        window(context, Window(T0, T1))


def test_a_scheduled_run_has_its_data_interval(make_context: Callable[..., Any]) -> None:
    context = make_context(dag(every="1h"), data_interval_start=T0, data_interval_end=T1, run_after=T2)
    assert window(context) == Window(T0, T1)


def test_a_trigger_without_a_logical_date_has_the_last_complete_interval(make_context: Callable[..., Any]) -> None:
    moment = datetime(2026, 1, 1, 1, 17, 42, tzinfo=UTC)
    assert window(make_context(dag(cron="0 * * * *"), run_after=moment)) == Window(T0, T1)


def test_it_is_the_schedules_time_zone_that_counts(make_context: Callable[..., Any]) -> None:
    moment = datetime(2026, 7, 2, 12, tzinfo=UTC)
    found = window(make_context(dag(cron="@daily", timezone="Asia/Kathmandu"), run_after=moment))
    assert found.dump() == ("2026-06-30T18:15:00Z", "2026-07-01T18:15:00Z")


def test_without_a_schedule_it_is_everything_up_to_the_run(make_context: Callable[..., Any]) -> None:
    assert window(make_context(dag(), run_after=T1)) == Window(EPOCH, T1)


def test_an_empty_data_interval_is_no_window(make_context: Callable[..., Any]) -> None:
    context = make_context(dag(), data_interval_start=T1, data_interval_end=T1, run_after=T2)
    assert window(context) == Window(EPOCH, T1)


def test_a_dag_by_hand_whose_timetable_has_empty_intervals(make_context: Callable[..., Any]) -> None:
    from airflow.sdk import CronTriggerTimetable

    by_hand = SimpleNamespace(timetable=CronTriggerTimetable("0 * * * *", timezone="UTC"))
    assert window(make_context(by_hand, run_after=T1)) == Window(EPOCH, T1)


def test_a_context_that_says_nothing_is_refused(make_context: Callable[..., Any]) -> None:
    with pytest.raises(RunError, match="give window_start and window_end"):
        window(make_context(dag()))

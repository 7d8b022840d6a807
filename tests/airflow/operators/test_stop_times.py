"""A stage that is stopped has ended by itself before Airflow kills it."""

from __future__ import annotations

import inspect

from airflow.sdk.execution_time.supervisor import WatchedSubprocess

from airflow_integrations.stop_times import AIRFLOW_KILLS_AFTER, ANSWER_SECONDS, BREAK_OFF_SECONDS, STAGE_SECONDS


def test_airflow_kills_as_late_as_is_said() -> None:
    assert inspect.signature(WatchedSubprocess.kill).parameters["escalation_delay"].default == AIRFLOW_KILLS_AFTER


def test_a_stage_ends_before_it_is_killed() -> None:
    assert ANSWER_SECONDS < STAGE_SECONDS < STAGE_SECONDS + BREAK_OFF_SECONDS < AIRFLOW_KILLS_AFTER

"""A route's schedule as an Airflow timetable whose runs have real windows.

Always the ``DataInterval`` timetables: under a bare cron string or ``CronTriggerTimetable`` a run's interval is empty
or of fixed length, so that ``0 9 * * 1-5`` would never see what came between Friday and Sunday.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pendulum
from airflow.sdk import CronDataIntervalTimetable, DeltaDataIntervalTimetable

from airflow_integrations.route import Schedule

__all__ = ["end_date", "interval_end", "start_date", "timetable"]


def timetable(schedule: Schedule | None) -> CronDataIntervalTimetable | DeltaDataIntervalTimetable | None:
    """The DAG's ``schedule``; None for a route that only runs when it is triggered."""
    if schedule is None:
        return None
    if schedule.cron is not None:
        return CronDataIntervalTimetable(schedule.cron, pendulum.timezone(schedule.timezone))
    assert schedule.every is not None  # Schedule has exactly one of both
    return DeltaDataIntervalTimetable(schedule.every)


def start_date(schedule: Schedule | None) -> datetime | None:
    """When the first window starts, in the schedule's time zone."""
    return _moment(schedule, schedule.moment("start") if schedule else None)


def end_date(schedule: Schedule | None) -> datetime | None:
    """After this no window starts."""
    return _moment(schedule, schedule.moment("end") if schedule else None)


def interval_end(schedule: Schedule, start: datetime) -> datetime:
    """When the interval that begins at ``start`` ends: then its run is created."""
    if schedule.every is not None:
        return start + schedule.every
    from croniter import croniter

    cron = "0 0 1 */3 *" if schedule.cron == "@quarterly" else schedule.cron
    end: datetime = croniter(cron, start.astimezone(ZoneInfo(schedule.timezone))).get_next(datetime)
    return end


def _moment(schedule: Schedule | None, moment: datetime | None) -> datetime | None:
    if schedule is None or moment is None:
        return None
    return pendulum.instance(moment).in_timezone(schedule.timezone)

"""A route's schedule as an Airflow timetable whose runs have real windows.

Always the ``DataInterval`` timetables: under a bare cron string or ``CronTriggerTimetable`` a run's interval is empty
or of fixed length, so that ``0 9 * * 1-5`` would never see what came between Friday and Sunday.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pendulum
from airflow.sdk import AssetOrTimeSchedule, CronDataIntervalTimetable, CronTriggerTimetable, DeltaDataIntervalTimetable

from airflow_integrations.airflow.dag.assets import triggering_assets
from airflow_integrations.route.definition import Route, Schedule

__all__ = ["dag_schedule", "end_date", "interval_end", "start_date", "timetable"]


def dag_schedule(route: Route, *, shown: bool = True) -> Any:
    """The DAG's ``schedule``: the route's own times, else those of its trigger, and the assets that make it run.

    ``shown``: with a summary for Airflow's pages.
    """
    trigger = route.trigger
    times: Any = timetable(route.schedule, shown=shown)
    if times is None and trigger is not None and (cron := trigger.at or trigger.sweep) is not None:
        zone = pendulum.timezone(trigger.timezone)
        times = CronTriggerTimetable(cron, timezone=zone)
        if shown and trigger.timezone != "UTC":
            from airflow_integrations.airflow.dag.shown_timetables import ZonedCronTriggerTimetable

            times = ZonedCronTriggerTimetable(cron, timezone=zone)
    assets = triggering_assets(route)
    if assets is None or times is None:
        return assets if times is None else times
    return AssetOrTimeSchedule(timetable=times, assets=assets)


def timetable(schedule: Schedule | None, *, shown: bool = False) -> Any:
    """The times of a route's schedule; None where it has none. ``shown``: with a summary for Airflow's pages."""
    if schedule is None:
        return None
    if schedule.cron is not None:
        zone = pendulum.timezone(schedule.timezone)
        if shown and schedule.timezone != "UTC":
            from airflow_integrations.airflow.dag.shown_timetables import ZonedCronTimetable

            return ZonedCronTimetable(schedule.cron, zone)
        return CronDataIntervalTimetable(schedule.cron, zone)
    assert schedule.every is not None  # Schedule has exactly one of both
    if shown:
        from airflow_integrations.airflow.dag.shown_timetables import EveryTimetable

        return EveryTimetable(schedule.every)
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

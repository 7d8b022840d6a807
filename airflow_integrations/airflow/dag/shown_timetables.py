"""Airflow's timetables, with what a route's file says as their summary: Airflow's list of DAGs shows it.

Airflow's own show ``every: 1m`` as ``0:01:00``, and a cron expression without its time zone. Nothing but the words is
different. The plugin registers these classes: Airflow finds them by their names when it reads a serialized DAG.
"""

from __future__ import annotations

from typing import Any

from airflow.timetables.interval import CronDataIntervalTimetable, DeltaDataIntervalTimetable
from airflow.timetables.trigger import CronTriggerTimetable

from airflow_integrations.config.types import duration_text

__all__ = ["EveryTimetable", "ZonedCronTimetable", "ZonedCronTriggerTimetable"]


class EveryTimetable(DeltaDataIntervalTimetable):
    """``every: 15m``, shown as ``every 15m``."""

    def __init__(self, delta: Any) -> None:
        super().__init__(delta)
        self.description = f"Every {duration_text(delta)}"

    @property
    def summary(self) -> str:
        return f"every {duration_text(self._delta)}"


class _Zoned:
    """A cron expression that is shown with its time zone."""

    description: str

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.description:
            self.description = f"{self.description}, {_name(self)}"

    @property
    def summary(self) -> str:
        return f"{super().summary} {_name(self)}"  # type: ignore[misc]


class ZonedCronTimetable(_Zoned, CronDataIntervalTimetable):
    """``cron: "0 9 * * *"`` in ``timezone: Europe/Madrid``, shown as ``0 9 * * * Europe/Madrid``."""


class ZonedCronTriggerTimetable(_Zoned, CronTriggerTimetable):
    """The times of a trigger, which have no windows, in a time zone."""


def _name(timetable: Any) -> str:
    return str(timetable._timezone.name)

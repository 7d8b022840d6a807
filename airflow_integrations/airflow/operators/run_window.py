"""The interval of a run: one answer for scheduled, backfill, asset and REST runs.

From it, and from what the route has completed before, fetch decides the window (``engine.windows``).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_integrations.errors import RunError
from airflow_integrations.window import EPOCH, Window

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.timetables.base import DataInterval

__all__ = ["interval", "run_type", "window"]

_OTHER_DAY = timedelta(days=2)
"""So far from a change of the clock, an interval is right."""
_MOST_MINUTES = 25 * 60


def window(context: Context, asked: Window | None = None) -> Window:
    """The interval of a run, or the window it was asked for, from the first of these that is there:

    1. ``asked``: what its conf says.
    2. Its data interval, where that has a length (scheduled and backfill runs, runs triggered with a logical date). One
       that Airflow worked out for a run by hand is worked out again: around a change of the clock it may be wrong.
    3. The last complete interval of the DAG's timetable at the time the run was for (a trigger without a logical date).
    4. Everything up to that time (a DAG without a schedule).

    A run by assets has no interval: it is for everything up to the moment at which it started. Not the one that it is
    for by Airflow, which is that of the first change: it takes all that came before it started along, and nobody is
    woken for those again.
    """
    if asked is not None:
        if run_type(context) == "backfill":
            raise RunError(
                "a backfill has a run for each of its windows, and window_start and window_end would give all of them "
                "the same; leave both empty, or trigger one run with them instead of a backfill"
            )
        return asked
    given = interval(context)
    if given is not None:
        return given
    run: Any = context.get("dag_run")
    moment = context.get("data_interval_end") or getattr(run, "run_after", None)
    if moment is None:
        raise RunError("the run is for no time at all; give window_start and window_end in its conf")
    last = _last_interval(_timetable(context), _asked_at(context) or moment)
    if run_type(context) == "asset_triggered":
        return Window(last.start if last else EPOCH, max(moment, run.start_date or moment))
    return last or Window(EPOCH, moment)


def interval(context: Context) -> Window | None:
    """The run's data interval, where it has a length; corrected where Airflow got it wrong for a run by hand."""
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    if start is None or end is None or start >= end:
        return None
    asked_at = _asked_at(context)
    if asked_at is not None:
        timetable = _timetable(context)
        found = _inferred(timetable, asked_at)
        if found is not None and (found.start, found.end) == (start, end):
            return _complete(timetable, found, asked_at) or Window(start, end)
    return Window(start, end)


def run_type(context: Context) -> str | None:
    """What started the run. Airflow gives an enumeration whose members are not plain texts."""
    run_type: Any = getattr(context.get("dag_run"), "run_type", None)
    found: str | None = getattr(run_type, "value", run_type)
    return found


def _asked_at(context: Context) -> datetime | None:
    """The moment that a run by hand is for: its logical date, or when it was asked for. None for other runs."""
    if (run_type(context) or "manual") != "manual":
        return None
    moment: datetime | None = context.get("logical_date") or getattr(context.get("dag_run"), "run_after", None)
    return moment


def _timetable(context: Context) -> Any:
    """The scheduler's half of the DAG's timetable, which alone can tell intervals; None where there is none."""
    timetable = getattr(context.get("dag"), "timetable", None)
    if timetable is None:
        return None
    from airflow.serialization.encoders import coerce_to_core_timetable  # it takes a while, and is rarely needed

    return coerce_to_core_timetable(timetable)


def _last_interval(timetable: Any, moment: datetime) -> Window | None:
    """None where the timetable has no intervals, or only empty ones."""
    found = _inferred(timetable, moment)
    return None if found is None else _complete(timetable, found, moment)


def _complete(timetable: Any, found: DataInterval, moment: datetime) -> Window | None:
    """What Airflow worked out for a moment, where that is an interval that is over; otherwise the last one that is.

    A timetable that reckons on the clocks of a zone errs where they skip an hour or show it twice: it finds an interval
    that is empty, or one that ends in the future. Then the last two ticks that are over are looked for.
    """
    if found.start < found.end <= moment:
        return Window(found.start, found.end)
    before = _inferred(timetable, min(found.start, found.end) - _OTHER_DAY)
    if before is None or before.start >= before.end:
        return None
    end = _last_tick(timetable, moment)
    start = end and _last_tick(timetable, end - timedelta(seconds=1))
    return Window(start, end) if start and end else None


def _last_tick(timetable: Any, moment: datetime) -> datetime | None:
    """The last tick that is not after a moment. Ticks are whole minutes, and clocks change by a day at most.

    Asked some minutes too late the timetable tells one that is still to come: what is looked for is the first minute
    before these.
    """

    def tick(minutes: int) -> datetime | None:
        found = _inferred(timetable, moment - timedelta(minutes=minutes))
        return found.end if found is not None and found.end <= moment else None

    wrong, right = -1, 0
    while (found := tick(right)) is None:
        if right == _MOST_MINUTES:
            return None
        wrong, right = right, min(max(1, 2 * right), _MOST_MINUTES)
    while right - wrong > 1:
        middle = (right + wrong) // 2
        earlier = tick(middle)
        if earlier is None:
            wrong = middle
        else:
            right, found = middle, earlier
    return found


def _inferred(timetable: Any, moment: datetime) -> DataInterval | None:
    """The interval that Airflow works out for a run by hand."""
    if timetable is None:
        return None
    import pendulum

    try:
        found: DataInterval = timetable.infer_manual_data_interval(run_after=pendulum.instance(moment))
    except NotImplementedError:
        return None
    return found

"""Which interval a run is for: one answer for scheduled, backfill, asset and REST runs.

From it, and from what the route has completed before, fetch decides the window (``engine.windows``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_integrations.errors import RunError
from airflow_integrations.window import EPOCH, Window

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = ["run_type", "window"]


def window(context: Context, asked: Window | None = None) -> Window:
    """The interval of a run, or the window it was asked for, from the first of these that is there:

    1. ``asked``: what its conf says.
    2. Its data interval, where that has a length (scheduled and backfill runs, runs triggered with a logical date).
    3. The last complete interval of the DAG's timetable at the time the run was for (a trigger without a logical date).
    4. Everything up to that time (a DAG without a schedule).

    A run by assets has no interval: it is for everything up to the moment at which it started. Not the one that it is
    for by Airflow, which is that of the first change: it takes all that came before it started along, and nobody is
    woken for those again.
    """
    if asked is not None:
        return asked
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    if start is not None and end is not None and start < end:
        return Window(start, end)
    run: Any = context.get("dag_run")
    moment = end or getattr(run, "run_after", None)
    if moment is None:
        raise RunError("the run is for no time at all; give window_start and window_end in its conf")
    last = _last_interval(getattr(context.get("dag"), "timetable", None), moment)
    if run_type(context) == "asset_triggered":
        return Window(last.start if last else EPOCH, max(moment, run.start_date or moment))
    return last or Window(EPOCH, moment)


def run_type(context: Context) -> str | None:
    """What started the run. Airflow gives an enumeration whose members are no plain texts."""
    run_type: Any = getattr(context.get("dag_run"), "run_type", None)
    found: str | None = getattr(run_type, "value", run_type)
    return found


def _last_interval(timetable: Any, moment: Any) -> Window | None:
    """None where the timetable has no intervals, or only empty ones."""
    if timetable is None:
        return None
    # Only the scheduler's half of a timetable can tell intervals; it takes a while to import and is rarely needed.
    import pendulum
    from airflow.serialization.encoders import coerce_to_core_timetable
    from airflow.timetables.base import DataInterval

    try:
        interval: DataInterval = coerce_to_core_timetable(timetable).infer_manual_data_interval(
            run_after=pendulum.instance(moment)
        )
    except NotImplementedError:
        return None
    return Window(interval.start, interval.end) if interval.start < interval.end else None

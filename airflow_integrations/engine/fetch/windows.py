"""Decide which stretch of time a run asks its source for, and whether the route's next run goes on from its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time
from zoneinfo import ZoneInfo

from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import EPOCH, Window, on_clocks

__all__ = ["as_fetched", "gapless", "may_miss", "moves_cursor", "moves_mark", "settled_window", "window_of"]


def gapless(run: Run) -> bool:
    """Whether the run's window begins where the last completed one ended.

    Backfills and windows that were asked for are exactly theirs. A route without a schedule is asked for everything up
    to the moment, unless it says ``window.mode: gapless`` or ``window.initial``.
    """
    options = run.route.window
    if options.mode == "interval" or run.explicit or run.events or run.kind == "backfill":
        return False
    return run.route.schedule is not None or not options.model_fields_set.isdisjoint({"mode", "initial"})


def window_of(
    run: Run,
    mark: datetime | None,
    *,
    stored: Window | None = None,
    first: datetime | None = None,
    missed: datetime | None = None,
) -> Window:
    """The window of a run whose ``window`` is still its interval, or what it was asked for.

    ``mark`` is the end of the last window that the route completed. ``stored`` is what an earlier attempt of this very
    run decided: it stays so. ``first`` is where the earliest window begins that a run by schedule or assets was given:
    it counts as long as no run was completed, so that a first run that failed loses nothing. ``missed`` is where the
    earliest window starts that was given to a run which did not complete it, and that no other one has covered.
    """
    interval = run.window
    if not gapless(run):
        return interval
    if stored is not None:
        return stored
    if mark is None:
        initial = _initial(run.route)
        start = initial if initial is not None else min(filter(None, (interval.start, first, missed)))
    elif mark >= interval.end and interval.start > EPOCH:
        return interval  # an old run again: what came after it is done
    else:
        start = mark - run.route.window.overlap
        start = start if missed is None else min(start, missed)
    return Window(min(start, interval.end), interval.end)


def _initial(route: Route) -> datetime | None:
    initial = route.window.initial
    if initial is None:
        return None
    moment = initial if isinstance(initial, datetime) else datetime.combine(initial, time())
    return (
        moment if moment.tzinfo else on_clocks(moment, ZoneInfo(route.schedule.timezone if route.schedule else "UTC"))
    )


def moves_mark(run: Run, mark: datetime | None) -> bool:
    """Whether the route's mark moves to the end of the run's window when the run is completed.

    ``run.window`` is the window that fetch decided (:func:`as_fetched`), ``mark`` the route's mark now. A run of a few
    keys, a limit or given entities is not the whole window, and a window that begins behind the mark would leave a gap.
    """
    return may_miss(run) and (mark is None or run.window.start <= mark)


def may_miss(run: Run) -> bool:
    """Whether the next runs are to ask for the run's window where it is not completed."""
    return _whole(run) and gapless(run) and run.window.start < run.window.end


def moves_cursor(run: Run) -> bool:
    """Whether what the run has seen becomes the route's cursor: it fetched everything newer than the one before."""
    return _whole(run) and not run.explicit and run.kind != "backfill"


def _whole(run: Run) -> bool:
    asked = run.keys is None and run.entities is None and run.limit is None and run.retry is None
    return asked and not run.events and not run.dry_run


def settled_window(staging: Staging) -> Window | None:
    """The window that the run's fetch decided; None where fetch has not begun."""
    manifest = staging.manifest("fetch")
    return None if manifest is None else Window.parse(*manifest.window)


def as_fetched(run: Run, staging: Staging) -> Run:
    """The run with the window and the cursor that its fetch decided: for the stages after it.

    The run as it is where fetch has not begun.
    """
    manifest = staging.manifest("fetch")
    if manifest is None:
        return run
    window = Window.parse(*manifest.window)
    return replace(run, window=window, interval=run.interval or run.window, cursor=manifest.since)

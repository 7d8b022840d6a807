"""A run as the command line asks for it: window, params, keys, entities."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from airflow_integrations.cli.command import UsageError
from airflow_integrations.engine.fetch.upstream_route import source_of
from airflow_integrations.errors import RunError
from airflow_integrations.route.definition import Route, Schedule
from airflow_integrations.route_files.scalars import ScalarError, resolve
from airflow_integrations.run import Run
from airflow_integrations.simulate.params import route_params
from airflow_integrations.simulate.sample import read_entities
from airflow_integrations.window import EPOCH, Window, on_clocks

__all__ = ["EVENTS_ONLY", "asked_run", "last_window", "where_from"]

EVENTS_ONLY = "This route fetches nothing, its entities come as events: give it some with --entities FILE."


def asked_run(route: Route, args: argparse.Namespace, *, run_id: str, now: datetime) -> Run:
    """The run that the options describe. Raises UsageError."""
    limit = args.limit
    if limit is not None and limit < 1:
        raise UsageError(f"--limit is a whole number above 0, not {limit}")
    if args.key and args.entities:
        raise UsageError("--key and --entities exclude each other: leave out of the file what is not wanted")
    return Run(
        route,
        run_id,
        _window(route.schedule, args.window_start, args.window_end, now),
        params=_params(route, args.param),
        keys=frozenset(args.key) or None,
        entities=_entities(args.entities) if args.entities else None,
        limit=limit,
        dry_run=getattr(args, "dry_run", False),
        kind="cli",
        explicit=args.window_start is not None,
    )


def _params(route: Route, given: list[str]) -> dict[str, Any]:
    try:
        return route_params(route, dict(_param(route, text) for text in given))
    except RunError as error:
        raise UsageError(str(error)) from None


def _entities(name: str) -> tuple[Any, ...]:
    try:
        return tuple(read_entities(Path(name)))
    except RunError as error:
        raise UsageError(f"{error}. --entities takes a JSON or YAML list, or JSON lines") from None


def where_from(run: Run) -> str:
    """What the run fetches, for people."""
    source = source_of(run.route)
    if run.entities is not None:
        return f"entities of a file, window {run.window}"
    if run.route.incoming.kind == "none":
        return "what waits in the inbox"
    if source is None or run.entities is not None:
        return f"window {run.window}"
    if run.route.incoming.config.what == "acknowledgements":
        return f"what {source} has to acknowledge"
    if run.explicit:
        return f"what {source} fetched for {run.window}"
    return f"what is staged of {source}" if run.keys is not None else f"what {source} fetched and is unread"


def _window(schedule: Schedule | None, start: str | None, end: str | None, now: datetime) -> Window:
    if start is None and end is None:
        return last_window(schedule, now)
    if start is None:
        raise UsageError("--window-end needs --window-start")
    zone = schedule.timezone if schedule else "UTC"
    try:
        return Window(_moment(start, zone), _moment(end, zone, late=True) if end is not None else now)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _moment(text: str, zone: str, *, late: bool = False) -> datetime:
    """A moment without a time zone, or a day, is meant in the zone of the route's schedule.

    Where clocks change it may be two: ``late`` says which.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is not a time; write it like 2026-01-31 or 2026-01-31T06:00:00Z") from None
    return moment if moment.tzinfo else on_clocks(moment, ZoneInfo(zone), late=late)


def last_window(schedule: Schedule | None, now: datetime) -> Window:
    """The last interval that is complete, as a run that is triggered by hand in Airflow has it; fetch begins the window
    of a gapless route earlier where it has to.

    Without a schedule: everything up to now.
    """
    if schedule is None:
        return Window(EPOCH, now)
    if schedule.every is not None:
        return Window(now - schedule.every, now)
    from croniter import croniter

    assert schedule.cron is not None
    ticks = croniter(
        "0 0 1 */3 *" if schedule.cron == "@quarterly" else schedule.cron, now.astimezone(ZoneInfo(schedule.timezone))
    )
    end = ticks.get_prev(datetime)
    return Window(ticks.get_prev(datetime).astimezone(UTC), end.astimezone(UTC))


def _param(route: Route, text: str) -> tuple[str, Any]:
    """``name=value``: read as YAML would read it, unless the route's default is a text."""
    name, separator, value = text.partition("=")
    if not separator:
        raise UsageError(f"--param {text!r}: write it as name=value")
    default = route.params.get(name)
    if isinstance(default, str):
        return name, value
    try:
        read: Any = resolve(value)
    except ScalarError as error:
        raise UsageError(f"--param {name}: {error}") from None
    kind = (int, Decimal) if isinstance(default, Decimal) else object if default is None else type(default)
    if not isinstance(read, kind) or (isinstance(read, bool) != isinstance(default, bool) and default is not None):
        raise UsageError(f"--param {name}: {value!r} is of another type than the route's default, {default!r}")
    return name, read

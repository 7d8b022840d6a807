"""``list``: the routes of the folder at a glance."""

from __future__ import annotations

import argparse
import sys

from airflow_integrations.cli.command import OK
from airflow_integrations.cli.route_options import routes_folder
from airflow_integrations.cli.terminal import console, out, table
from airflow_integrations.config.types import duration_text
from airflow_integrations.formats.json import encode
from airflow_integrations.plurals import counted, plural
from airflow_integrations.route.definition import Route, Schedule
from airflow_integrations.route.stage import Stage
from airflow_integrations.route_files.load import LoadedRoute, read_routes
from airflow_integrations.schema.shipped import outdated_schema

__all__ = ["run"]

WIDE = 110
"""From so many columns on, the routes' files are listed too; below it they would squeeze the rest."""


def run(args: argparse.Namespace) -> int:
    root = routes_folder(args)
    found = read_routes(root)
    if args.format == "json":
        out(encode([_plain(loaded, root.resolve().parent) for loaded in found.routes.values()]).decode())
    elif not found.routes:
        out(f"No valid route in {root}. Write one: airflow-integrations new NAME")
    else:
        screen = console()
        columns = ["route", "from", "to", "schedule", "priority", "file"]
        if screen.width < WIDE:
            columns.remove("file")
        shown = table(*columns)
        shown.columns[0].no_wrap = True
        for loaded in sorted(found.routes.values(), key=lambda loaded: loaded.route.route):
            plain = _plain(loaded, root.resolve().parent)
            shown.add_row(*(plain[column] for column in columns))
        screen.print(shown)
    if outdated := outdated_schema(root):
        print(f"note: {outdated}", file=sys.stderr)  # noqa: T201
    if found.mistakes:
        files = len({mistake.file for mistake in found.mistakes})
        has, is_ = plural(files, "has", "have"), plural(files, "is", "are")
        broken = f"{counted(files, 'file')} {has} mistakes and {is_} not listed"
        print(f"{broken}: airflow-integrations validate shows them", file=sys.stderr)  # noqa: T201
    return OK


def _plain(loaded: LoadedRoute, parent: object) -> dict[str, str]:
    route = loaded.route
    return {
        "route": route.route,
        "from": _source(route),
        "to": _system(route.outgoing),
        "schedule": schedule_text(route.schedule, events=route.trigger is not None),
        "priority": route.priority,
        "file": str(loaded.path.relative_to(str(parent))),
    }


def _system(stage: Stage) -> str:
    """``http shop``: the kind, and the Connection where there is one."""
    connection = getattr(stage.config, "connection", None)
    return f"{stage.kind} {connection}" if connection else stage.kind


def _source(route: Route) -> str:
    """Where entities come from: what is fetched, and how events come."""
    found = [] if route.incoming.kind == "none" else [_system(route.incoming)]
    if (trigger := route.trigger) is not None:
        found += [f"webhook {trigger.webhook.path}"] if trigger.webhook is not None else []
        found += [_system(trigger.listen)] if trigger.listen is not None else []
    return ", ".join(found) or "events"


def schedule_text(schedule: Schedule | None, *, events: bool = False) -> str:
    """``*/5 * * * * Europe/Madrid``, ``every 15m``, ``on events``, ``when triggered``."""
    if schedule is None:
        return "on events" if events else "when triggered"
    zone = "" if schedule.timezone == "UTC" else f" {schedule.timezone}"
    if schedule.cron is not None:
        return schedule.cron + zone
    assert schedule.every is not None  # Schedule has exactly one of both
    return f"every {duration_text(schedule.every)}{zone}"

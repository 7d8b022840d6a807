"""``queue``: what waits in each route."""

from __future__ import annotations

import argparse
import time

from airflow_integrations.cli.airflow_access import open_ledger
from airflow_integrations.cli.command import OK
from airflow_integrations.cli.terminal import console, out, table
from airflow_integrations.display.printable import ago, json_text, moment, visible
from airflow_integrations.ledger.queries.overview import queue

__all__ = ["run"]


def run(args: argparse.Namespace) -> int:
    now = time.time()
    with open_ledger() as ledger:
        lines = queue(ledger, now)
    if args.format == "json":
        out(json_text(lines, indent=2))
        return OK
    if not lines:
        out("The ledger knows no route yet: a route is there from its first run on.")
        return OK
    shown = table(
        "route",
        "inbox",
        "since",
        "open",
        "in flight",
        "oldest",
        "next attempt",
        "system away until",
        "complete up to",
        "cursor",
    )
    for line in lines:
        shown.add_row(
            line.route,
            str(line.events or ""),
            ago(line.oldest_event, now),
            ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in sorted(line.counts.items())),
            str(line.leased or ""),
            ago(line.oldest, now),
            ago(line.next_attempt, now),
            moment(line.circuit_until),
            line.mark or "",
            visible(line.cursor or ""),
        )
    console().print(shown)
    return OK

"""``entities errors``: what went wrong, grouped by kind of error."""

from __future__ import annotations

import argparse
import time

from airflow_integrations.cli.command import OK
from airflow_integrations.cli.legible import ago, json_text, visible
from airflow_integrations.cli.surroundings import open_ledger
from airflow_integrations.cli.terminal import console, out, table
from airflow_integrations.ledger.overview import error_groups

__all__ = ["run"]


def run(args: argparse.Namespace) -> int:
    with open_ledger() as ledger:
        groups = error_groups(ledger.database, args.route)
    if args.format == "json":
        out(json_text(groups, indent=2))
        return OK
    if not groups:
        out("Nothing is wrong: every entity is delivered or closed.")
        return OK
    now = time.time()
    shown = table("route", "status", "entities", "since", "last", "error", "such as", "fingerprint")
    for group in groups:
        status = f"HTTP {group.http_status} " if group.http_status else ""
        shown.add_row(
            group.route,
            group.status.replace("_", " "),
            str(group.count),
            ago(group.first, now),
            ago(group.last, now),
            visible(f"{status}{group.example_message or group.error_class or ''}"[:300]),
            visible(group.example_key),
            group.fingerprint or "",
        )
    console().print(shown)
    return OK

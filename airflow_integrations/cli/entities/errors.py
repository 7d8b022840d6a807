"""``entities errors``: what went wrong, grouped by kind of error."""

from __future__ import annotations

import argparse
import time

from airflow_integrations.cli.airflow_access import open_ledger, staging_base
from airflow_integrations.cli.command import OK
from airflow_integrations.cli.entities.mask import mask_of
from airflow_integrations.cli.terminal import console, out, table
from airflow_integrations.display.printable import ago, json_text, visible, visible_key, with_status
from airflow_integrations.engine.masked_reasons import masked_group
from airflow_integrations.ledger.queries.overview import error_groups, latest
from airflow_integrations.ledger.queries.staged_bytes import known_routes

__all__ = ["run"]


def run(args: argparse.Namespace) -> int:
    with open_ledger() as ledger:
        database, base = ledger, staging_base()
        groups = error_groups(database, args.route)
        masks = {name: mask_of(database, name) for name in {group.route for group in groups}}
        groups = [masked_group(database, base, group, masks[group.route]) for group in groups]
        newest = {} if groups else latest(database, [args.route] if args.route else known_routes(database))
    if args.format == "json":
        out(json_text(groups, indent=2))
        return OK
    if not groups:
        out("Nothing is wrong: every entity is delivered or closed.")
        for route, runs in newest.items():
            if runs.finished is not None and runs.finished.verdict is not None:
                out(f"The last run of {route} failed all the same: {runs.finished.verdict}")
                out(f"  airflow-integrations runs {route}")
                if runs.finished.counts.get("rejected"):  # what has a key would be listed
                    out(f"  airflow-integrations runs {route} --without-key {runs.finished.run_id}")
        return OK
    now = time.time()
    shown = table("route", "status", "entities", "since", "last", "error", "example", "fingerprint")
    for group in groups:
        shown.add_row(
            group.route,
            group.status.replace("_", " "),
            str(group.count),
            ago(group.first, now),
            ago(group.last, now),
            visible(with_status(group.http_status, group.example_message or group.error_class or "")[:300]),
            visible_key(group.example_key),
            group.fingerprint or "",
        )
    console().print(shown)
    return OK

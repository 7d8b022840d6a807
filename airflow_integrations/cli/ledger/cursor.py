"""``cursor``: from where a route's next run goes on, as its cursor and its mark say."""

from __future__ import annotations

import argparse
import time
from datetime import UTC, datetime

from airflow_integrations.cli.airflow_access import open_ledger
from airflow_integrations.cli.command import OK, UsageError
from airflow_integrations.cli.entities.list import time_of
from airflow_integrations.cli.entities.selected import by
from airflow_integrations.cli.terminal import out
from airflow_integrations.display.printable import json_text, visible
from airflow_integrations.ledger.runs.checkpoints import clear_cursor, position, set_cursor, set_mark

__all__ = ["run"]


def run(args: argparse.Namespace) -> int:
    setting = args.cursor_command == "set"
    if setting and (args.value is None) == (args.mark is None):
        raise UsageError("give either the cursor's VALUE or --mark TIME")
    now = time.time()
    with open_ledger() as ledger:
        before = position(ledger, args.route)
        if setting and args.mark is not None:
            mark = datetime.fromtimestamp(time_of(args.mark, "--mark") or 0.0, UTC)
            set_mark(ledger, args.route, mark, by(), now)
        elif setting:
            set_cursor(ledger, args.route, args.value, by(), now)
        elif args.cursor_command == "clear":
            clear_cursor(ledger, args.route, by(), now)
        after = position(ledger, args.route)
    if args.cursor_command == "show" and args.format == "json":
        out(json_text(after, indent=2))
        return OK
    for name, was, value in (("mark", before.mark, after.mark), ("cursor", before.cursor, after.cursor)):
        change = f" (was {was or 'not set'})" if was != value else ""
        out(visible(f"{name:<8}{value or 'not set'}{change}"))
    return OK

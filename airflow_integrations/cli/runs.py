"""``runs``: the books of a route's runs."""

from __future__ import annotations

import argparse

from airflow_integrations.cli.command import OK, UsageError
from airflow_integrations.cli.legible import json_text, moment, visible
from airflow_integrations.cli.surroundings import open_ledger
from airflow_integrations.cli.terminal import console, out, table
from airflow_integrations.engine.settle import INCOMING, OUTCOMES, Balance
from airflow_integrations.ledger.answers import RunBooks
from airflow_integrations.ledger.overview import runs

__all__ = ["run"]


def run(args: argparse.Namespace) -> int:
    if args.limit < 1:
        raise UsageError(f"--limit is a whole number above 0, not {args.limit}")
    with open_ledger() as ledger:
        page = runs(ledger.database, args.route, args.limit, args.before)
    if args.format == "json":
        out(json_text(page.runs, indent=2))
        return OK
    shown = table("run", "window", "started", "took", "result", "books")
    for books in page.runs:
        shown.add_row(
            visible(books.run_id),
            " → ".join(books.window),
            moment(books.started),
            f"{books.finished - books.started:.0f}s" if books.finished is not None else "not finished",
            "" if books.finished is None else "failed" if books.verdict else "ok",
            _equation(books),
        )
    console().print(shown)
    if page.before is not None:
        out(f"There are older ones: --before {page.before}")
    return OK


def _equation(books: RunBooks) -> str:
    """``5 fetched = 4 delivered + 1 filtered``; nothing before settle has closed them."""
    if books.finished is None:
        return ""
    counts = {**dict.fromkeys((*INCOMING, *OUTCOMES), 0), **books.counts}
    return Balance(counts, None, None).lines()[0]

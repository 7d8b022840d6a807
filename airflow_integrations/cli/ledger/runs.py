"""``runs``: the books of a route's runs."""

from __future__ import annotations

import argparse

import msgspec

from airflow_integrations.cli.airflow_access import open_ledger, staging_base
from airflow_integrations.cli.command import OK, UsageError
from airflow_integrations.cli.terminal import console, out, table
from airflow_integrations.display.printable import json_text, moment, visible
from airflow_integrations.engine.settle.balance import Balance
from airflow_integrations.errors import RunError
from airflow_integrations.ledger.queries.overview import runs
from airflow_integrations.ledger.queries.run_folders import run_folder
from airflow_integrations.ledger.queries.views import RunBooks
from airflow_integrations.ledger.status import INCOMING, OUTCOMES

__all__ = ["run"]


def run(args: argparse.Namespace) -> int:
    if args.limit < 1:
        raise UsageError(f"--limit is a whole number above 0, not {args.limit}")
    if args.without_key is not None:
        return _without_key(args)
    with open_ledger() as ledger:
        page = runs(ledger, args.route, args.limit, args.before)
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


def _without_key(args: argparse.Namespace) -> int:
    from airflow_integrations.cli.entities.mask import mask_of
    from airflow_integrations.engine.settle.without_key import without_key
    from airflow_integrations.formats.json import encode_anyhow
    from airflow_integrations.masking.mask import hide
    from airflow_integrations.masking.payloads import masked
    from airflow_integrations.staging.folder import Staging

    with open_ledger() as ledger:
        mask = mask_of(ledger, args.route)
        folder = run_folder(ledger, args.route, args.without_key)
        if folder is None and not any(
            books.run_id == args.without_key for books in runs(ledger, args.route, 1000).runs
        ):
            raise RunError(f"the ledger does not know the run {args.without_key!r} of {args.route}")
    staging = Staging(staging_base(), args.route, args.without_key)
    found = without_key(staging.sibling(folder) if folder else staging)
    lines = []
    for problem in found.problems:
        (record,), secrets = masked(mask, encode_anyhow(problem.value))
        lines.append((str(hide(problem.reason, secrets)), record or b"null"))
    if args.format == "json":
        out(json_text([{"reason": reason, "record": msgspec.Raw(record)} for reason, record in lines], indent=2))
        return OK
    if not lines:
        out("Nothing that this run staged was rejected because of its key (or its payloads are gone).")
    for reason, record in lines:
        out(visible(reason))
        out(visible(f"  {record.decode('utf-8', 'replace')}"))
    if found.more:
        out(f"These are the first {len(lines)}.")
    return OK


def _equation(books: RunBooks) -> str:
    """``5 fetched = 4 delivered + 1 filtered``; nothing before settle has closed them."""
    if books.finished is None:
        return ""
    counts = {**dict.fromkeys((*INCOMING, *OUTCOMES), 0), **books.counts}
    return Balance(counts, None, None).lines()[0]

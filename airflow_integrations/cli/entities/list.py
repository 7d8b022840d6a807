"""``entities list``: the entities of a route that fit a description."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from airflow_integrations.cli.airflow_access import open_ledger, staging_base
from airflow_integrations.cli.command import OK, UsageError
from airflow_integrations.cli.entities.mask import mask_of
from airflow_integrations.cli.terminal import console, out, table
from airflow_integrations.display.printable import json_text, moment, visible, visible_key, with_status
from airflow_integrations.engine.masked_reasons import Reasons
from airflow_integrations.ledger.queries.entities import find
from airflow_integrations.ledger.queries.views import EntityLine
from airflow_integrations.ledger.storage.database import Database

__all__ = ["run", "time_of"]

PAGE = 1_000
"""Entities that are read at a time."""


def run(args: argparse.Namespace) -> int:
    if args.limit < 1:
        raise UsageError(f"--limit is a whole number above 0, not {args.limit}")
    description = {
        "route": args.route,
        "statuses": args.status,
        "fingerprint": args.error,
        "text": args.text,
        "prefix": args.prefix,
        "inside": args.contains,
        "target_id": args.target_id,
        "since": time_of(args.since, "--since"),
        "until": time_of(args.until, "--until"),
    }
    with open_ledger() as ledger:
        found = _found(ledger, description, args.after, args.limit + 1)
        if args.format == "jsonl":
            for number, line in enumerate(found):
                if number < args.limit:
                    out(json_text(line))
            return OK
        lines = list(found)
    shown = lines[: args.limit]
    if args.format == "json":
        out(json_text(shown, indent=2))
        return OK
    _print(shown)
    if len(lines) > len(shown):
        out(visible(f"There are more: --after {shown[-1].key}, or a larger --limit."))
    return OK


def time_of(text: str | None, option: str) -> float | None:
    """Seconds since the epoch of what an option says; UTC where it has no zone. Raises UsageError."""
    if text is None:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} {text!r} is not a time; write it like 2026-01-31 or 2026-01-31T06:00:00Z") from None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def _found(database: Database, description: dict[str, Any], after: str | None, limit: int) -> Iterator[EntityLine]:
    reasons = Reasons(database, staging_base(), description["route"], mask_of(database, description["route"]))
    while limit > 0:
        page = find(database, **description, limit=min(limit, PAGE), after=after)
        yield from reasons.lines(page.entities)
        limit -= len(page.entities)
        if page.after is None:
            return
        after = page.after


def _print(lines: list[EntityLine]) -> None:
    if not lines:
        out("No entity fits this description.")
        return
    shown = table("key", "status", "decided", "attempts", "next attempt", "target id", "error")
    for line in lines:
        shown.add_row(
            visible_key(line.key),
            line.status.replace("_", " "),
            moment(line.changed),
            str(line.attempts or ""),
            moment(line.next_attempt),
            visible(line.target_id or ""),
            visible(with_status(line.http_status, line.message or line.error_class or "")[:300]),
        )
    console().print(shown)

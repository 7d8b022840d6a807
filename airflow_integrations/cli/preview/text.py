"""A preview for people: before and after side by side, then what fell out on the way, then the requests."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any

import msgspec
from rich.console import Group
from rich.text import Text

from airflow_integrations.cli.preview.forecast import Prospects
from airflow_integrations.cli.run.options import EVENTS_ONLY, where_from
from airflow_integrations.cli.terminal import console, table
from airflow_integrations.display.printable import visible
from airflow_integrations.display.reasons import place_and_reason
from airflow_integrations.engine.fetch.upstream_route import source_of
from airflow_integrations.engine.push.forecast import Forecast
from airflow_integrations.formats.json import encode
from airflow_integrations.plurals import plural
from airflow_integrations.route.by_key import spread_note
from airflow_integrations.route.contracts.seen import Different
from airflow_integrations.run import Run
from airflow_integrations.simulate.replay import Heard
from airflow_integrations.simulate.trial import Passed, Trial

__all__ = ["aligned", "pretty", "show"]

MOST_LINES = 80
"""Lines of one entity or body; what is longer is cut and says so."""
MOST_LINE = 200
"""Characters of one line."""
MOST_REQUESTS = 20
_SIGNS = {"new": "+", "gone": "-", "type": "~"}


def pretty(value: Any) -> list[str]:
    """JSON over several lines, numbers as they are, bounded."""
    lines = msgspec.json.format(encode(value), indent=2).decode().splitlines()
    cut = [
        line if len(line) <= MOST_LINE else f"{line[:MOST_LINE]}… ({len(line)} characters)"
        for line in lines[:MOST_LINES]
    ]
    return cut if len(lines) <= MOST_LINES else [*cut, f"… ({len(lines) - MOST_LINES} more lines)"]


def aligned(before: list[str], after: list[str]) -> Iterator[tuple[str, str, bool]]:
    """Lines side by side: ``(left, right, equal)``, equal lines on one height."""
    for what, left, left_end, right, right_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        height = max(left_end - left, right_end - right)
        for row in range(height):
            yield (
                before[left + row] if left + row < left_end else "",
                after[right + row] if right + row < right_end else "",
                what == "equal",
            )


def show(run: Run, trial: Trial, prospects: Prospects, differing: list[Different]) -> None:
    """Print it all."""
    screen = console()
    went = ", ".join(
        f"{len(found)} {name}"
        for name, found in (
            (plural(len(trial.passed), "goes on", "go on"), trial.passed),
            ("filtered", trial.filtered),
            ("merged", trial.merged),
            ("rejected", trial.rejected),
        )
        if found
    )
    fetched = trial.balance.counts["fetched"] if trial.balance else len(trial.fetched)
    screen.print(f"{run.route.route}: {where_from(run)}: {fetched} fetched" + (f": {went}" if went else ""))
    for name, how in trial.signed_in.items():
        screen.print(Text(f"{name}: signed in by {how}"))
    if not fetched and trial.error is None:
        screen.print(_nothing(run))
    for passed, prospect in zip(trial.passed, prospects.of(trial.passed), strict=True):
        screen.print()
        screen.print(_side_by_side(passed, prospect))
    _fallen(screen, trial)
    if any(trial.requests.values()):
        screen.print()
        fresh = "" if prospects.all_new else ", as if the target had none of them yet"
        screen.print(f"Would be sent{fresh} (headers are not shown; nothing was):", style="bold")
        shown = [heard for requests in trial.requests.values() for heard in requests]
        for heard in shown[:MOST_REQUESTS]:
            screen.print(_request(heard))
        if len(shown) > MOST_REQUESTS:
            screen.print(f"… and {len(shown) - MOST_REQUESTS} more requests")
    for store, values in trial.stored.items():
        screen.print()
        screen.print(f"Would be stored in {store}:", style="bold")
        for line in pretty(values):
            screen.print(Text(f"    {line}"))
    if differing:
        screen.print()
        screen.print("Fields that differ from what the contract has learned:", style="bold")
        for one in differing:
            screen.print(Text(f"    {_SIGNS[one.kind]} {visible(str(one))}", style="yellow"))
    if note := spread_note(run.route):
        screen.print(f"note: {note}")
    for warning in trial.warnings:
        screen.print(f"warning: {warning}", style="yellow")
    if trial.error is not None:
        screen.print(f"failed: {trial.error}", style="red")
    for line in prospects.lines(trial):
        screen.print()
        screen.print(line)


def _nothing(run: Run) -> str:
    source = source_of(run.route)
    if run.route.incoming.kind == "none":
        return EVENTS_ONLY
    if source is None:
        return "The source has nothing in this window; --window-start TIME looks further back."
    return f"There is nothing; --window-start TIME shows again what {source} fetched since then and is still staged."


def _side_by_side(passed: Passed, prospect: Forecast | None) -> Any:
    expected = f" ({prospect.replace('_', ' ')})" if prospect else ""
    shown = table(f"{passed.key}{expected}: before", "", "after")
    for left, right, equal in aligned(pretty(passed.source), pretty(passed.value)):
        mark = "" if equal else "~" if left and right else "-" if left else "+"
        shown.add_row(Text(left, style="" if equal else "red"), mark, Text(right, style="" if equal else "green"))
    return shown


def _fallen(screen: Any, trial: Trial) -> None:
    rows = [(left.key, "filtered", left.place, "") for left in trial.filtered]
    rows += [(left.key, "merged", left.place, "") for left in trial.merged]
    rows += [
        (problem.key or "(none)", problem.status.replace("_", " "), *place_and_reason(problem.stage, problem.reason))
        for problem in trial.rejected
    ]
    rows += [
        (problem.key, "would fail", *place_and_reason(problem.stage, problem.reason)) for problem in trial.unwritable
    ]
    if rows:
        shown = table("key", "became", "by", "reason")
        for row in rows:
            shown.add_row(*row)
        screen.print()
        screen.print(shown)


def _request(heard: Heard) -> Any:
    head = Text(f"{heard.connection}: {heard}", style="bold")
    if heard.data is None:
        return head
    body = heard.data
    if b"\0" in heard.body[:4096]:
        return Group(head, Text(f"    {len(heard.body):,} bytes that are not text"))
    lines = pretty(body) if not isinstance(body, str) else body.splitlines()[:MOST_LINES]
    return Group(head, Text("\n".join(f"    {line[:MOST_LINE]}" for line in lines)))

"""The daily summary: what flowed and what failed, one message for all routes of a target. Numbers only."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from airflow_integrations.alerting.messages import Message
from airflow_integrations.ledger.queries.health import OPEN_STATUSES, Books, Depth
from airflow_integrations.ledger.status import WRONG
from airflow_integrations.plurals import counted

__all__ = ["RouteDay", "summary"]

_CAME = ("fetched", "carried_in")
_WENT = ("delivered", "unchanged", "filtered", "merged", "superseded", "skipped", "rejected", "failed", "in_doubt")


@dataclass(frozen=True, slots=True)
class RouteDay:
    """One route's day. ``depth``: what is open now; None: the ledger does not know the route."""

    route: str
    books: Books
    depth: Depth | None
    link: str | None = None


def summary(days: Sequence[RouteDay], until: float) -> Message:
    """Routes in which something went wrong come first."""
    ordered = sorted(days, key=lambda day: (-_wrong(day), -day.books.failed, day.route))
    delivered = sum(day.books.counts.get("delivered", 0) for day in days)
    wrong = sum(map(_wrong, days))
    failed = sum(day.books.failed for day in days)
    runs, routes = counted(failed, "failed run"), counted(len(days), "route")
    subject = f"Daily summary: {delivered} delivered, {wrong} went wrong, {runs}, {routes}"
    head = f"The 24 hours until {datetime.fromtimestamp(until, UTC).strftime('%Y-%m-%d %H:%M UTC')}"
    lines = [f"{day.route}: {_told(day)}" for day in ordered]
    pages = [
        f'<a href="{html.escape(day.link)}">{html.escape(day.route)}</a>: {html.escape(_told(day))}'
        if day.link
        else html.escape(line)
        for day, line in zip(ordered, lines, strict=True)
    ]
    page = f"<p>{head}</p>\n<p>" + "<br>\n".join(pages) + "</p>"
    return Message(subject, "\n".join([head, "", *lines]) + "\n", page, bool(wrong or failed))


def _wrong(day: RouteDay) -> int:
    return sum(day.books.counts.get(name, 0) for name in WRONG)


def _told(day: RouteDay) -> str:
    books = day.books
    if not books.runs:
        runs = "no run ended"
    else:
        runs = counted(books.runs, "run") + (f", {books.failed} failed" if books.failed else "")
    parts = [runs, *filter(None, (_counts(books.counts, _CAME), _counts(books.counts, _WENT)))]
    if day.depth is not None:
        waiting = {str(status): count for status, count in day.depth.counts.items()}
        inbox = f"{counted(day.depth.events, 'event')} in the inbox" if day.depth.events else ""
        if still := ", ".join(filter(None, (_counts(waiting, OPEN_STATUSES), inbox))):
            parts.append(f"open now: {still}")
    return "; ".join(parts)


def _counts(counts: Mapping[str, int], names: Sequence[str]) -> str:
    return ", ".join(f"{counts[name]} {name.replace('_', ' ')}" for name in names if counts.get(name))

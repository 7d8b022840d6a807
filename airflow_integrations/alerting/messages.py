"""Alerts in words: one message for all that a target is to hear at once. Keys and reasons, never a payload.

Reasons come from other systems and are hostile: they become one short line of printable characters each.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from airflow_integrations.alerting.lifecycle import Transition
from airflow_integrations.ledger.queries.views import ErrorGroup
from airflow_integrations.plurals import counted
from airflow_integrations.route.alerts import Kind

__all__ = ["MOST_ITEMS", "Item", "Message", "message", "one_line", "reason"]

MOST_ITEMS = 20
"""Alerts told at length in one message; of the others there is the number."""
_REASON = 200
_DETAIL = 500

_TITLES: dict[Kind, str] = {
    "failure": "a run failed",
    "error_rate": "too many errors",
    "nothing_received": "nothing was received",
    "queue_older_than": "entities wait for too long",
    "source_behind": "too much waits at the source",
    "late": "a run is late",
    "contract": "the source's fields have changed",
}
_HEADS: dict[Transition, str] = {"firing": "ALERT", "still": "STILL", "resolved": "RESOLVED", "passed": "PASSED"}


@dataclass(frozen=True, slots=True)
class Item:
    """Transition one alert of one route has to tell."""

    what: Transition
    route: str
    kind: Kind
    detail: str
    since: float | None
    over: float | None
    times: int = 1
    """So many times it has begun since the target was last told."""
    reasons: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    """Name and address."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message: a line, and what it is about, as text and as HTML."""

    subject: str
    text: str
    html: str
    bad: bool
    """Whether something is wrong; else it only says that something is over."""


def message(items: Sequence[Item]) -> Message:
    """Of at least one item. What is wrong comes before what is over."""
    ordered = sorted(items, key=lambda item: (list(_HEADS).index(item.what), item.route, item.kind))
    told, more = ordered[:MOST_ITEMS], len(ordered) - MOST_ITEMS
    texts = [_text(item) for item in told]
    htmls = [_html(item) for item in told]
    if more > 0:
        texts.append(f"… and {more} more")
        htmls.append(f"<p>… and {more} more</p>")
    bad = ordered[0].what in ("firing", "still")
    return Message(_subject(ordered), "\n\n".join(texts) + "\n", "\n".join(htmls), bad)


def reason(group: ErrorGroup) -> str:
    """A group of errors in one line, with one of its keys."""
    told = one_line(group.example_message or group.error_class or "no reason is known", _REASON)
    example = one_line(group.example_key, 80)
    return f"{group.count} × {group.status.replace('_', ' ')}: {told} ({example})"


def one_line(text: str, most: int) -> str:
    """Printable characters only, on one line, cut short."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _subject(items: Sequence[Item]) -> str:
    first = items[0]
    if len(items) == 1:
        return f"{_HEADS[first.what]} {first.route}: {_TITLES[first.kind]}"
    bad = sum(item.what in ("firing", "still") for item in items)
    over = len(items) - bad
    counts = [*([counted(bad, "alert")] if bad else []), *([f"{over} resolved"] if over else [])]
    routes = sorted({item.route for item in items})
    shown = ", ".join(routes[:3]) + (f" and {len(routes) - 3} more routes" if len(routes) > 3 else "")
    return f"{', '.join(counts)}: {shown}"


def _lines(item: Item) -> list[str]:
    since = f"since {_clock(item.since)}" if item.since is not None else ""
    times = f"{item.times} times" if item.times > 1 else ""
    if item.what == "resolved":
        when = f"over since {_clock(item.over)}" if item.over is not None else "over"
    elif item.what == "passed":
        when = ", ".join(filter(None, (times, f"over since {_clock(item.over)}" if item.over is not None else "")))
    else:
        when = ", ".join(filter(None, (since, times)))
    return [one_line(item.detail, _DETAIL), *item.reasons, *([when] if when else [])]


def _text(item: Item) -> str:
    links = [f"  {name}: {address}" for name, address in item.links]
    lines = [f"  {line}" for line in _lines(item)]
    return "\n".join([f"{_HEADS[item.what]} {item.route}: {_TITLES[item.kind]}", *lines, *links])


def _html(item: Item) -> str:
    head = html.escape(f"{_HEADS[item.what]} {item.route}: {_TITLES[item.kind]}")
    lines = "<br>\n".join(html.escape(line) for line in _lines(item))
    links = " · ".join(f'<a href="{html.escape(address)}">{html.escape(name)}</a>' for name, address in item.links)
    return f"<p><b>{head}</b><br>\n{lines}{'<br>' if links else ''}\n{links}</p>"


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")

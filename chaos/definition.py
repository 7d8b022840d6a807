"""The items that flow, what must become of each of them, and the route that moves them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_integrations.window import Window

__all__ = ["FIRST", "ROUTE", "SECOND", "expected", "item", "items", "number", "refused", "route", "total"]

ROUTE = "chaos"
_START = datetime(2026, 1, 1, tzinfo=UTC)
FIRST = Window(_START, _START + timedelta(hours=1))
"""Every item is new in it."""
SECOND = Window(FIRST.end, FIRST.end + timedelta(hours=1))
"""A tenth of the items changes in it."""


def number(position: int) -> str:
    return f"I-{position:07d}"


def _draft(position: int) -> bool:
    return position % 50 == 7


def _changes(position: int) -> bool:
    return position % 10 == 1


def _faulty(position: int, version: int) -> bool:
    """Rejected by the route's schema; where such an item changes, the change puts it right."""
    return position % 97 == 3 and version == 1


def refused(number: str) -> bool:
    """The target never takes these."""
    return int(number[2:]) % 91 == 5


def total(position: int, version: int) -> str:
    """What the target must hold of an item's version, to the cent."""
    return f"{(position * 37 + version * 11) % 100_000 / 100:.2f}"


def item(position: int, version: int) -> dict[str, Any]:
    return {
        "number": number(position),
        "version": version,
        "status": "draft" if _draft(position) else "open",
        "quantity": -1 if _faulty(position, version) else position % 7 + 1,
        "total": total(position, version),
        "note": f"Item {position} in its state {version}, with a little text that it carries about",
    }


def items(entities: int, window_start: str) -> Iterator[tuple[int, int]]:
    """``(position, version)`` of all items that the source gives for a window."""
    if window_start == FIRST.dump()[0]:
        return ((position, 1) for position in range(entities))
    return ((position, 2) for position in range(entities) if _changes(position))


def expected(position: int, *, changed: bool = True) -> tuple[str, int]:
    """``(fate, version)``: what the ledger must say of an item in the end, and of which version of it."""
    version = 2 if changed and _changes(position) else 1
    if _draft(position):
        return "filtered", version
    if _faulty(position, version):
        return "rejected", version
    return ("failed" if refused(number(position)) else "delivered"), version


def route(*, batch: int, concurrency: int) -> dict[str, Any]:
    window = {"from": "{{ window.start }}", "to": "{{ window.end }}"}
    return {
        "route": ROUTE,
        "entity": {"name": "article", "key": "article.number", "version": "article.version"},
        "incoming": {
            "http": {
                "connection": "source",
                "path": "/items",
                "query": window,
                "records": "body.items",
                "pagination": {"style": "cursor", "next": "body.next", "param": "cursor"},
            }
        },
        "transform": [
            {"filter": 'article.status != "draft"'},
            {"map": {name: f"article.{name}" for name in ("number", "version", "quantity", "total")}},
            {"validate": {"schema": {"properties": {"quantity": {"minimum": 0}}}}},
        ],
        "outgoing": {
            "http": {
                "connection": "target",
                "path": "/items",
                "idempotent": True,
                "results": {"items": "body.results", "ok": "item.ok", "id": "item.id", "reason": "item.reason"},
            }
        },
        "delivery": {
            "batch": batch,
            "concurrency": concurrency,
            "retry": {"delay": "1s", "max_delay": "2s", "attempts": 100},
        },
    }

"""The orders of ``python -m chaos.steps``, and the route that sends each of them in three steps."""

from __future__ import annotations

from typing import Any

__all__ = ["PARTIES", "ROUTE", "order", "route", "steps_of"]

ROUTE = "chaos_steps"
PARTIES = "/parties"


def _lines(number: int) -> int:
    return number % 3 + 1


def order(number: int) -> dict[str, Any]:
    lines = [{"pos": pos, "sku": f"SKU-{number}-{pos}"} for pos in range(_lines(number))]
    return {"number": str(number), "customer": f"C-{number}", "lines": lines, "total": f"{number}.05"}


def steps_of(number: str) -> list[str]:
    """What the target has to confirm of an order, in order."""
    return ["party", *(f"line[{pos}]" for pos in range(_lines(int(number)))), "sale"]


def route(*, concurrency: int) -> dict[str, Any]:
    party = {"code": "order.customer", "order": "order.number"}
    return {
        "route": ROUTE,
        "entity": {"name": "order", "key": "order.number"},
        "incoming": {"http": {"connection": "shop", "path": "/orders", "records": "body.orders"}},
        "outgoing": {
            "http": {
                "connection": "erp",
                "idempotent": True,
                "steps": [
                    {
                        "name": "party",
                        "upsert": {
                            "find": {
                                "path": PARTIES,
                                "query": {"code": "{{ order.customer }}"},
                                "target": "body.data",
                                "id": "target.id",
                            },
                            "create": {"path": PARTIES, "body": party},
                            "update": {"method": "PUT", "path": f"{PARTIES}/{{{{ target.id }}}}", "body": party},
                        },
                        "result": "body.id",
                    },
                    {
                        "name": "line",
                        "each": "order.lines",
                        "path": "/lines",
                        "body": {"order": "order.number", "pos": "item.pos", "sku": "item.sku", "party": "party"},
                        "result": "body.id",
                    },
                    {
                        "name": "sale",
                        "path": "/sales",
                        "body": {"order": "order.number", "party": "party", "lines": "line", "total": "order.total"},
                        "result": "body.id",
                    },
                ],
                "target_id": "sale",
            }
        },
        "delivery": {"concurrency": concurrency, "retry": {"delay": "1s", "max_delay": "2s", "attempts": 100}},
    }

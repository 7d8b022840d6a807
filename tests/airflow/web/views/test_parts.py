"""What the console tells of a run that several tasks have transformed and sent is what it tells of any other."""

from __future__ import annotations

from typing import Any

import pytest
from web_scene import ORDERS, Server, flow

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("console")]

REFUSED = [order | {"number": f"refused-{order['number']}"} for order in ORDERS[:8]]
KEYS = ["0000", "0009", "0017", "0038", "refused-0003", "refused-0007"]
ASKED = ["/routes/orders/entities", "/routes/orders/entities?status=failed", "/errors", "/routes/orders/runs"]
OF_THE_MOMENT = {"Date", "at", "bytes", "version", "delivered_version"}


async def seen(server: Server, parts: int) -> dict[str, Any]:
    server.empty()
    await flow(server, "orders", "run", ORDERS + REFUSED, parts=parts)
    found = {key: server.get(f"/routes/orders/entities/{key}") for key in KEYS}
    return {key: _timeless(view) for key, view in found.items()} | {path: _timeless(server.get(path)) for path in ASKED}


def _timeless(view: Any) -> Any:
    """Without moments, places, lengths of time and sizes, which no two runs have in common; lists of things that
    happen at the same time in one order."""
    if isinstance(view, dict):
        return {name: _timeless(inner) for name, inner in view.items() if name not in OF_THE_MOMENT}
    if isinstance(view, list):
        return sorted((_timeless(inner) for inner in view), key=repr)
    return None if isinstance(view, float) else view


async def test_pages_of_a_run_of_three_parts(server: Server) -> None:
    one, three = await seen(server, 1), await seen(server, 3)
    assert one.keys() == three.keys()
    assert [(path, which) for path, view in one.items() for which in _differing(view, three[path])] == []


def _differing(one: Any, other: Any) -> list[Any]:
    if isinstance(one, dict) and isinstance(other, dict):
        return [(name, which) for name in one.keys() | other for which in _differing(one.get(name), other.get(name))]
    return [] if one == other else [(one, other)]

"""``list`` says where the entities of routes come from that fetch nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

INCOMING = "incoming: {http: {connection: shop, path: /o}}"
END = "entity: {name: order, key: order.id}\noutgoing: {none: {}}\n"


@pytest.mark.parametrize(
    ("trigger", "source", "schedule"),
    [
        ("trigger: {webhook: {path: shop/orders, verify: none}}", "webhook shop/orders", "on events"),
        ("trigger: {listen: {rabbitmq: {connection: broker, queue: o}}}", "rabbitmq broker", "on events"),
        (
            "trigger: {webhook: {path: o, verify: none}}\nschedule: {every: 5m}\n" + INCOMING,
            "http shop, webhook o",
            "every 5m",
        ),
        (INCOMING, "http shop", "when triggered"),
    ],
)
def test_the_source_of_a_route(call: Any, routes: Any, trigger: str, source: str, schedule: str) -> None:
    (routes / "some.yaml").write_text(f"{trigger}\n{END}")
    (found,) = [each for each in json.loads(call("list", "--json")[1]) if each["route"] == "some"]
    assert (found["from"], found["schedule"]) == (source, schedule)

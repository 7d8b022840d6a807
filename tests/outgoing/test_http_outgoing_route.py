"""The configuration as a part of a route: names and contradictions are found when the route is made."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from airflow_integrations.route import Route

FIND = {
    "path": "/orders",
    "query": {"ref": "{{ order.number }}"},
    "target": "[i for i in body if i.ref == order.number]",
}


def route(http: dict[str, Any], batch: int = 1) -> Route:
    return Route.load(
        {
            "route": "orders",
            "entity": {"name": "order", "key": "order.number"},
            "incoming": {"http": {"connection": "shop", "path": "/orders", "records": "body"}},
            "outgoing": {"http": {"connection": "erp", **http}},
            "delivery": {"batch": batch},
        }
    )


@pytest.mark.parametrize(
    ("http", "batch"),
    [
        ({"path": "/o/{{ order.number }}", "body": {"o": "order", "raw": "source"}, "id": "body.id"}, 1),
        ({"path": "/o", "body": {"orders": "entities", "to": "window.end"}}, 50),
        ({"path": "/o", "results": {"items": "body.r", "match": "item.n", "ok": "item.ok and status == 200"}}, 50),
        ({"upsert": {"find": FIND, "update": {"path": "/o/{{ target.id }}"}}, "id": "body.id"}, 1),
        ({"path": "/o", "success_when": 'status == 409 and headers["X-A"] == request.method'}, 1),
    ],
)
def test_valid_routes(http: dict[str, Any], batch: int) -> None:
    loaded = route(http, batch)
    assert Route.model_validate(loaded.model_dump(mode="json", exclude_unset=True)) == loaded


@pytest.mark.parametrize(
    ("http", "batch", "place"),
    [
        ({"path": "/o/{{ ordre.number }}"}, 1, "path"),
        ({"path": "/o", "body": {"a": "EUR"}}, 1, "body.a"),
        ({"path": "/o/{{ target.id }}"}, 1, "path"),
        ({"path": "/o", "id": "order.number"}, 1, "id"),
        ({"path": "/o", "success_when": "item.ok"}, 1, "success_when"),
        ({"path": "/o/{{ order.number }}"}, 50, "path"),
        ({"path": "/o", "body": {"a": "order.number"}}, 50, "body"),
        ({"path": "/o", "id": "body.id"}, 50, "id"),
        ({"upsert": {"find": FIND, "create": {"path": "/o"}}}, 50, "upsert"),
    ],
)
def test_mistakes_are_told_at_their_place(http: dict[str, Any], batch: int, place: str) -> None:
    with pytest.raises(ValidationError) as caught:
        route(http, batch)
    assert [".".join(map(str, error["loc"])) for error in caught.value.errors()] == [f"outgoing.http.{place}"]

"""The configuration as a part of a route: names and contradictions are found when the route is made."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from airflow_integrations.route.definition import Route

FIND = {
    "path": "/orders",
    "query": {"ref": "{{ order.number }}"},
    "target": "[i for i in body if i.ref == order.number]",
}


def route(http: dict[str, Any], batch: int = 1, **more: Any) -> Route:
    return Route.load(
        {
            "route": "orders",
            "entity": {"name": "order", "key": "order.number"},
            "incoming": {"http": {"connection": "shop", "path": "/orders", "records": "body"}},
            "outgoing": {"http": {"connection": "erp", **http}},
            **more,
            "delivery": {"batch": batch, **more.get("delivery", {})},
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
        ({"path": "/o", "waiting_when": "status == 202", "waiting_deadline": "12h"}, 50),
        ({"path": "/o", "id": "body.id", "delete": {"path": "/o/{{ target_id }}", "query": {"k": "{{ key }}"}}}, 1),
        ({"path": "/o", "delete": {"method": "POST", "path": "/g", "body": {"n": "order.number"}}}, 50),
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
        ({"path": "/o/{{ target_id }}"}, 1, "path"),
        ({"path": "/o", "delete": {"path": "/o/{{ target_id }}"}}, 1, "delete.path"),
        ({"path": "/o", "waiting_when": "order.number"}, 1, "waiting_when"),
        ({"path": "/o", "verify": {"path": "/o"}}, 1, "verify"),
    ],
)
def test_mistakes_are_told_at_their_place(http: dict[str, Any], batch: int, place: str) -> None:
    with pytest.raises(ValidationError) as caught:
        route(http, batch)
    assert [".".join(map(str, error["loc"])) for error in caught.value.errors()] == [f"outgoing.http.{place}"]


def places(caught: pytest.ExceptionInfo[ValidationError]) -> list[str]:
    return [".".join(map(str, error["loc"])) for error in caught.value.errors()]


@pytest.mark.parametrize(
    ("more", "mended"),
    [
        ({"missing": "emit"}, {"delete": {"path": "/o/{{ key }}"}}),
        (
            {"delivery": {"in_doubt": "verify"}},
            {"verify": {"path": "/o", "query": FIND["query"], "found_when": "body.n == order.number", "id": "body.id"}},
        ),
    ],
)
def test_what_a_route_asks_for_must_be_possible(more: dict[str, Any], mended: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        route({"path": "/o"}, **more)
    assert places(caught) == ["outgoing.http"]
    for batch in (1, 50):
        loaded = route({"path": "/o", **mended}, batch, **more)
        assert Route.model_validate(loaded.model_dump(mode="json", exclude_unset=True)) == loaded

"""What a route may not say under ``steps`` and ``choose``."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from test_http_outgoing_steps import CHOOSE, LINES, STEPS, VERIFIED

from airflow_integrations.outgoing.http.target import HttpOutgoing
from airflow_integrations.route.connections import connections_of
from airflow_integrations.route.definition import Route


def route(http: dict[str, Any], **more: Any) -> Route:
    definition = {
        "route": "orders",
        "entity": {"name": "order", "key": "order.number"},
        "incoming": {"http": {"connection": "shop", "path": "/orders"}},
        "outgoing": {"http": {"connection": "erp", **http}},
        **more,
    }
    return Route.load(definition)


MISTAKES: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (STEPS, {"delivery": {"batch": 5}}, "delivery.batch sends 5 together"),
    (CHOOSE, {"delivery": {"batch": 5}}, "delivery.batch sends 5 together"),
    ({"steps": []}, {}, "at least 1 item"),
    ({"steps": [{"path": "/a"}], "path": "/b"}, {}, "path does not go with steps"),
    ({"steps": [{"path": "/a"}], "id": "body.id"}, {}, "id does not go with steps"),
    ({"steps": [{"path": "/a"}], "choose": [{"path": "/a"}]}, {}, "choose does not go with steps"),
    ({"choose": [{"path": "/a"}], "target_id": "1"}, {}, "target_id does not go with choose"),
    ({"path": "/a", "target_id": "order.id"}, {}, "without steps write id"),
    ({"steps": [{"name": "a"}]}, {}, "path is missing"),
    ({"steps": [{"path": "/a"}, {"path": "/a"}]}, {}, "give each a name of its own"),
    ({"steps": [{"name": "order", "path": "/a"}]}, {}, "'order' is the entity already"),
    ({"steps": [{"name": "item", "path": "/a"}]}, {}, "already means something"),
    ({"steps": [{"path": "/a", "result": "body.id"}]}, {}, "it has none; write name"),
    ({"steps": [{"path": "/{{ b }}"}, {"name": "b", "path": "/b", "result": "body.id"}]}, {}, "its step comes later"),
    ({"steps": [{"path": "/{{ item.id }}"}]}, {}, "unknown name item"),
    ({"steps": [{"path": "/a", "waiting_when": "status == 202"}, {"path": "/b"}]}, {}, "only the last step may wait"),
    ({"choose": [{"path": "/a"}, {"path": "/b"}]}, {}, "without `when` it is always taken"),
    ({"steps": [{"path": "/a"}]}, {"delivery": {"in_doubt": "verify"}}, "write verify"),
    ({"steps": [VERIFIED]}, {"delivery": {"in_doubt": "hold"}}, "verify is never asked: delivery.in_doubt is hold"),
    ({"steps": [{**VERIFIED, "idempotent": True}]}, {}, "does no harm"),
    ({"steps": [{**VERIFIED, "verify": {"path": "/a"}}]}, {}, "write verify with an id"),
    ({"steps": [{"path": "/a/{{ target_id }}"}]}, {}, "nothing tells what the target calls an entity"),
    ({"path": "/a/{{ target_id }}", "id": "body.id"}, {"delivery": {"batch": 5}}, "target_id is one entity's"),
]


@pytest.mark.parametrize(("http", "more", "told"), MISTAKES)
def test_mistakes(http: dict[str, Any], more: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match="(?s).*" + told.replace("(", r"\(").replace("{", r"\{")):
        route(http, **more)


@pytest.mark.parametrize("http", [STEPS, CHOOSE, {"steps": [VERIFIED]}, {"steps": [LINES]}])
def test_they_are_as_they_should_be(http: dict[str, Any]) -> None:
    made = route(http)
    assert made.outgoing.component() is HttpOutgoing


def test_another_connection_of_a_step_is_one_of_the_route() -> None:
    made = route({"steps": [{"path": "/a"}, {"path": "/b", "connection": "crm"}]})
    assert connections_of(made) == ["shop", "erp", "crm"]

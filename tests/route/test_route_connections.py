"""Which systems a route asks."""

from __future__ import annotations

from typing import Any

from airflow_integrations.route.connections import asked_by_delivery, connections_of, stores_of
from airflow_integrations.route.definition import Route

SHOP = {"http": {"connection": "shop", "path": "/"}}
ERP = {"http": {"connection": "erp", "path": "/"}}
LOOKUP = {"lookup": {"name": "customer", "http": {"connection": "crm", "path": "/"}}}


def route(*transform: Any, outgoing: Any) -> Route:
    entity = {"key": "entity.id"}
    return Route.load({"route": "a", "entity": entity, "incoming": SHOP, "transform": transform, "outgoing": outgoing})


def test_the_systems_that_delivery_asks_are_named() -> None:
    assert asked_by_delivery(route(outgoing=ERP)) == "erp"
    assert asked_by_delivery(route(LOOKUP, outgoing=ERP)) == "erp or crm"
    assert asked_by_delivery(route(outgoing={"none": {}})) == "the target"
    assert connections_of(route(LOOKUP, outgoing=ERP)) == ["shop", "crm", "erp"]


def test_places_of_files_are_told_from_other_systems() -> None:
    found = route(LOOKUP, outgoing={"files": {"connection": "partner", "path": "/in/a.csv"}})
    assert stores_of(found) == {"partner"}
    assert connections_of(found) == ["shop", "crm", "partner"]

"""Routes whose entities wait for each other are found when the folder is checked."""

from __future__ import annotations

from typing import Any

from airflow_integrations.route.definition import Route
from airflow_integrations.route.links import link_mistakes


def route(name: str, *others: str, missing: str | None = "retry") -> Route:
    lookups = [
        {"lookup": {"name": f"l{number}", "route": other, "key": "x.key", "missing": missing}}
        for number, other in enumerate(others)
    ]
    definition: dict[str, Any] = {
        "route": name,
        "entity": {"name": "x", "key": "x.id"},
        "schedule": {"every": "1h"},
        "incoming": {"none": {}},
        "transform": lookups,
        "outgoing": {"none": {}},
    }
    return Route.load(definition)


def mistakes(*routes: Route) -> list[tuple[str, str]]:
    found = link_mistakes({each.route: each for each in routes}, lambda name: False)
    return [(name, text) for name, _, text in found]


def test_a_circle_of_waiting_routes_is_a_mistake_in_each() -> None:
    assert mistakes(route("a", "b"), route("b", "c"), route("c", "a")) == [
        ("a", "entities of these routes would wait for each other: a → b → c → a; write missing: null in one of them"),
        ("b", "entities of these routes would wait for each other: b → c → a → b; write missing: null in one of them"),
        ("c", "entities of these routes would wait for each other: c → a → b → c; write missing: null in one of them"),
    ]


def test_who_does_not_wait_closes_no_circle() -> None:
    assert mistakes(route("a", "b"), route("b", "a", missing=None)) == []


def test_a_route_may_wait_for_its_own_entities() -> None:
    assert mistakes(route("a", "a")) == []


def test_a_route_that_is_not_there_is_named() -> None:
    ((name, text),) = mistakes(route("orders", "custmers"), route("customers"))
    assert name == "orders"
    assert "unknown route 'custmers', did you mean 'customers'?" in text

"""Which routes several processes may transform, each the entities of its own keys."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_integrations.route.by_key import spread_note, why_not_by_key
from airflow_integrations.route.definition import Route

HTTP = {"connection": "erp", "path": "/customers", "query": {"q": "{{ order.customer }}"}}


def route(*steps: Any, **parts: Any) -> Route:
    return Route.load(
        {
            "route": "orders",
            "entity": {"name": "order", "key": "order.id"},
            "incoming": {"http": {"connection": "shop", "path": "/orders"}},
            "transform": list(steps),
            "outgoing": {"http": {"connection": "erp", "path": "/orders"}},
            **parts,
        }
    )


@pytest.mark.parametrize(
    "step",
    [
        {"filter": "order.id > 0"},
        {"map": {"id": "order.id"}},
        {"set": {"id": "order.id"}},
        {"rename": {"a": "b"}},
        {"drop": ["a"]},
        {"validate": {"schema": {"type": "object"}}},
        {"merge": "newest"},
        {"python": "shop_rules:clean"},
        {"lookup": {"name": "customer", "http": HTTP}},
        {"lookup": {"name": "customer", "http": HTTP, "missing": "retry"}},
        {"lookup": {"name": "customer", "store": "codes", "key": "order.sku", "missing": "null"}},
    ],
)
def test_steps_that_look_at_one_key(step: Any) -> None:
    entity = {"name": "order", "key": "order.id", "version": "order.updated"}
    assert why_not_by_key(route(step, entity=entity)) is None


@pytest.mark.parametrize(
    ("step", "why"),
    [
        ({"split": {"each": "order.lines", "key": "item.id"}}, "transform.1.split may need all entities of a run"),
        ({"store": {"name": "codes", "key": "order.sku", "set": {"a": "order.a"}}}, "transform.1.store may need"),
        ({"lookup": {"name": "customer", "http": HTTP, "missing": "fail"}}, "transform.1.lookup may need"),
        (
            {
                "lookup": {
                    "name": "customer",
                    "http": {**HTTP, "create": {"path": "/customers", "body": {"a": "order.a"}}},
                }
            },
            "transform.1.lookup may need",
        ),
    ],
)
def test_steps_that_may_need_all_of_a_run(step: Any, why: str) -> None:
    assert (why_not_by_key(route({"filter": "order.id > 0"}, step)) or "").startswith(why)


def test_a_kind_of_somebody_else_needs_all_until_it_says_otherwise() -> None:
    class Theirs:
        pass

    class Stage:
        kind = "theirs"
        config = None

        def component(self) -> Any:
            return Theirs

    told = route().model_copy(update={"transform": (Stage(),)})
    assert why_not_by_key(told) == "transform.0.theirs may need all entities of a run"


def test_a_contract_and_another_place_of_transform_need_one_process() -> None:
    assert why_not_by_key(route(contract={})) == "a contract looks at all entities of a run"
    apart = route(tasks={"spread": 2, "transform": {"queue": "large"}})
    assert why_not_by_key(apart) == "tasks.transform runs elsewhere than tasks.push"
    assert spread_note(apart) == (
        "tasks.spread: 2 tasks send a large run, and one transforms it, because tasks.transform runs elsewhere than "
        "tasks.push"
    )
    assert spread_note(route(tasks={"spread": 2})) is None
    assert spread_note(route(contract={})) is None

"""A route as text, and what a text tells of its mask, however much of it is left."""

from __future__ import annotations

from airflow_integrations.masking import HIDDEN
from airflow_integrations.route import Route
from airflow_integrations.route_text import definition_yaml, mask_in, read_definition

ROUTE = Route.load(
    {
        "route": "orders",
        "description": "incoming: is a word of it",
        "mask": ["customer.email", "order.iban"],
        "entity": {"name": "order", "key": "order.number"},
        "incoming": {"http": {"connection": "shop", "path": "/orders"}},
        "transform": [{"filter": "order.total > 0"}] * 50,
        "outgoing": {"none": {}},
    }
)


def test_a_definition_loads_again() -> None:
    assert Route.load(read_definition(definition_yaml(ROUTE)) or {}) == ROUTE


def test_a_mask_is_read_of_what_is_left_of_a_definition() -> None:
    text = definition_yaml(ROUTE)
    whole = mask_in(text)
    assert whole.value({"customer": {"email": "a"}, "iban": 1}) == {"customer": {"email": HIDDEN}, "iban": HIDDEN}
    for length in range(text.index("\nincoming:") + 10, len(text), 97):
        assert mask_in(text[:length]).paths == whole.paths


def test_two_definitions_hide_together_what_each_hides() -> None:
    other = "route: orders\nmask: [name]\nentity: {name: order, key: order.number}\nincoming: {}\n"
    assert mask_in(definition_yaml(ROUTE), other).value({"name": "x", "iban": 1}) == {"name": HIDDEN, "iban": HIDDEN}
    assert not mask_in(None, "")
    assert not mask_in("}{")
    assert read_definition("[1]") is None

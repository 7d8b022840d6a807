"""A route as text, and what a text tells of its mask, however much of it is left."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from airflow_integrations.masking.mask import HIDDEN
from airflow_integrations.route.definition import Route
from airflow_integrations.route.definition_text import mask_in, read_definition
from airflow_integrations.route.dump import definition_yaml, plain_definition
from airflow_integrations.route_files.parser import parse

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


LIKE_NUMBERS = ["0.10", "08", "1e5", "1E+5", "0o17", "0x1F", "+5", "-.5", "5.", "1_000", "12:30", "no", "null", "~", ""]
values = st.recursive(
    st.one_of(
        st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30),
        st.integers(-(10**30), 10**30),
        st.sampled_from(LIKE_NUMBERS),
        st.text(st.characters(exclude_categories=["Cs"])),
        st.booleans(),
        st.none(),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)),
    max_leaves=8,
)


def told_apart(value: Any) -> Any:
    """1, True, Decimal("1.0") and "1" are four."""
    if isinstance(value, dict):
        return {name: told_apart(inner) for name, inner in value.items()}
    return [told_apart(inner) for inner in value] if isinstance(value, list) else (type(value), str(value))


def with_values(value: Any) -> Route:
    return Route.load(
        {
            "route": "orders",
            "entity": {"key": "entity.id"},
            "params": {"a": value},
            "incoming": {"http": {"connection": "shop", "path": "/"}},
            "transform": [{"map": {"x": {"const": value}}}, {"validate": {"schema": {"const": value}}}],
            "outgoing": {"http": {"connection": "erp", "method": "PUT", "path": "/", "body": {"x": {"const": value}}}},
        }
    )


@given(values)
def test_every_value_stays_what_it_is(value: Any) -> None:
    plain = plain_definition(with_values(value))
    held = [
        plain["params"]["a"],
        plain["transform"][0]["map"]["x"]["const"],
        plain["transform"][1]["validate"]["schema"]["const"],
        plain["outgoing"]["http"]["body"]["x"]["const"],
    ]
    assert [told_apart(each) for each in held] == [told_apart(value)] * 4
    assert plain_definition(Route.load(plain)) == plain


@pytest.mark.parametrize("value", [Decimal("0.10"), Decimal("1E+5"), Decimal("-1.5"), 10**30, *LIKE_NUMBERS])
def test_a_number_is_a_number_in_the_text_and_a_text_is_none(value: Any) -> None:
    text = definition_yaml(with_values(value))
    node, mistakes = parse(text.encode(), "orders.yaml")
    assert node is not None
    assert not mistakes
    assert told_apart(node.plain()["params"]["a"]) == told_apart(value)
    assert yaml.safe_load(text)["route"] == "orders"

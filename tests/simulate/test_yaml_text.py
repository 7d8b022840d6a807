from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from airflow_integrations.route_files.parser import parse
from airflow_integrations.simulate.yaml_text import yaml_text

numbers = st.integers(-(10**300), 10**300) | st.decimals(
    allow_nan=False, allow_infinity=False, min_value=Decimal("-1e200"), max_value=Decimal("1e200"), places=6
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    [
        "null",
        "on",
        "010",
        "1e5",
        "- a",
        "a: b",
        "#",
        "'",
        '"',
        "<<",
        "~",
        "12:30",
        "a\tb",
        "\u2028",
        "*x",
        "&x",
        "{{ x }}",
        "a #b",
    ]
)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_reading_it_again_gives_the_same(value):
    node, mistakes = parse(yaml_text({"x": value}).encode(), "x")
    assert mistakes == []
    assert node is not None
    assert node.plain() == {"x": value}

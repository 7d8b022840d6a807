from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_integrations.testing.compare import differences, shown

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


@given(json_values)
def test_a_value_does_not_differ_from_itself(value):
    assert list(differences(value, value)) == []
    assert list(differences(value, value, partial=True)) == []


@given(st.dictionaries(st.text(), json_values, max_size=5), st.text(), json_values)
def test_partial_allows_more_fields_and_exact_does_not(expected, name, value):
    got = {name: value, **expected}
    assert list(differences(expected, got, partial=True)) == []
    assert bool(list(differences(expected, got))) == (name not in expected)


@pytest.mark.parametrize(
    ("expected", "got", "told"),
    [
        (Decimal("1.10"), Decimal("1.1"), None),
        (1, Decimal("1.0"), None),
        (1, True, "expected 1, got true"),
        ("1", 1, 'expected "1", got 1'),
        (None, {}, "expected null, got {}"),
        ([1, 2], [1], "[1]: expected 2, but there is none"),
        ([1], [1, 2], "[1]: not expected, got 2"),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, "a[0].b: expected 1, got 2"),
        ({"a": 1}, {}, "a: expected 1, but the field is missing"),
    ],
    ids=str,
)
def test_differences_in_words(expected, got, told):
    assert list(differences(expected, got)) == ([told] if told else [])


def test_a_list_has_its_length_even_partially():
    assert list(differences([{"a": 1}], [{"a": 1, "b": 2}, {}], partial=True)) == ["[1]: not expected, got {}"]


def test_what_is_long_is_cut():
    assert len(shown("x" * 100_000)) < 250

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from outgoing_target import orders

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions import Structure
from airflow_integrations.formats.json import decode, encode
from airflow_integrations.outgoing import Outbound
from airflow_integrations.outgoing.http.request_body import array, structured

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.decimals(allow_nan=False, allow_infinity=False, places=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


@given(st.lists(json_values, min_size=1, max_size=8))
def test_joined_bytes_are_the_array_of_the_entities(values: list[Any]) -> None:
    part = [Outbound(str(number), encode(value)) for number, value in enumerate(values)]
    assert decode(array(part, {})) == decode(encode(values))


@given(json_values)
def test_a_structures_json_holds_the_same_values(value: Any) -> None:
    body = structured(Structure({"v": "order.v"}, "request"))(orders("1"), {"order": {"v": value}})
    assert body is not None
    assert decode(body) == {"v": decode(encode(value))}


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("-Infinity"), [{"a": Decimal("sNaN")}]])
def test_what_is_no_json_number_is_the_entitys_fault(value: Any) -> None:
    body = structured(Structure({"v": "order.v"}, "request"))
    with pytest.raises(EntityError) as caught:
        body(orders("1"), {"order": {"v": value}})
    assert (caught.value.field or "").startswith("body")


def test_a_text_that_says_nan_is_text() -> None:
    body = structured(Structure({"v": "order.v"}, "request"))
    assert body(orders("1"), {"order": {"v": "NaN or -Infinity"}}) == b'{"v":"NaN or -Infinity"}'


def test_what_has_no_json_form_is_the_entitys_fault() -> None:
    body = structured(Structure({"v": "order.v"}, "request"))
    with pytest.raises(EntityError):
        body(orders("1"), {"order": {"v": dt.timedelta(1).__class__}})

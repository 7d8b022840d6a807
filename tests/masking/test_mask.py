"""What nobody is shown of a payload."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from airflow_integrations.masking.mask import HIDDEN, Mask, hide
from airflow_integrations.masking.payloads import masked
from airflow_integrations.route.definition import Route

ORDER = {
    "number": 7,
    "customer": {"email": "ana@example.com", "name": "Ana"},
    "lines": [{"note": "leave it at the door", "sku": "A"}, {"note": None, "sku": "B"}, {"sku": "C"}],
}


@pytest.mark.parametrize(
    ("path", "hidden"),
    [
        ("customer.email", {"customer": {"email": HIDDEN, "name": "Ana"}}),
        ("order.customer.email", {"customer": {"email": HIDDEN, "name": "Ana"}}),
        ("customer", {"customer": HIDDEN}),
        ("customer.*", {"customer": {"email": HIDDEN, "name": HIDDEN}}),
        ("lines.*.note", {"lines": [{"note": HIDDEN, "sku": "A"}, {"note": None, "sku": "B"}, {"sku": "C"}]}),
        ("lines.note", {"lines": [{"note": HIDDEN, "sku": "A"}, {"note": None, "sku": "B"}, {"sku": "C"}]}),
        ("*.email", {"customer": {"email": HIDDEN, "name": "Ana"}}),
        ("lines.*", {"lines": [HIDDEN, HIDDEN, HIDDEN]}),
        ("customer.fax", {}),
        ("number.digits", {}),
    ],
)
def test_paths_name_what_is_hidden(path: str, hidden: dict[str, Any]) -> None:
    before = repr(ORDER)
    assert Mask([path], entity="order").value(ORDER) == ORDER | hidden
    assert repr(ORDER) == before


def test_what_is_hidden_in_the_source_is_hidden_in_what_the_target_gets() -> None:
    (source, target), secrets = masked(
        Mask(["customer.email", "iban"]),
        b'{"customer":{"email":"ana@example.com"},"iban":4711000000000000000001}',
        b'{"Mail":"<ana@example.com>","Bank":{"4711000000000000000001":1.50},"N":4711000000000000000001}',
    )
    assert source == b'{"customer":{"email":"***"},"iban":"***"}'
    assert target == b'{"Mail":"<***>","Bank":{"***":1.50},"N":"***"}'
    assert hide("ana@example.com is unknown", secrets) == "*** is unknown"


def test_short_values_are_hidden_in_their_own_place_only() -> None:
    (source, target), secrets = masked(Mask(["grade"]), b'{"grade":"A"}', b'{"Sku":"A-1"}')
    assert (source, target, secrets) == (b'{"grade":"***"}', b'{"Sku":"A-1"}', frozenset())


def test_numbers_keep_their_digits_and_what_is_no_json_is_hidden_as_a_whole() -> None:
    (amount, broken, none), _ = masked(Mask(["x"]), b'{"total":12345678901234567890.10}', b'{"email": "ana@ex', None)
    assert (amount, broken, none) == (b'{"total":12345678901234567890.10}', b'"***"', None)


def test_without_a_mask_bytes_stay_as_they_are() -> None:
    assert masked(Mask(), b'{ "a":1 }', b"torn") == ((b'{ "a":1 }', b"torn"), frozenset())


leaves = (
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text("abäx1.")
)
values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("abc"), inner))


@given(values, st.lists(st.sampled_from(["a", "b.c", "*", "a.*", "*.b", "a.b.c"]), min_size=1))
def test_no_named_value_is_left_anywhere(value: Any, paths: list[str]) -> None:
    mask = Mask(paths)
    shown = hide(mask.value(value), secrets := mask.secrets(value))
    assert not [text for text in _texts(shown) if any(secret in text for secret in secrets)]
    assert mask.value(mask.value(value)) == mask.value(value)


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(text for inner in value.values() for text in _texts(inner))]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    return [str(value)] if isinstance(value, str | int | Decimal) else []


@pytest.mark.parametrize("path", ["", "a..b", " a", "a*.b", "a.**"])
def test_a_path_that_is_none_is_refused(path: str) -> None:
    definition = {"route": "orders", "entity": {"key": "entity.id"}, "incoming": {"none": {}}, "outgoing": {"none": {}}}
    with pytest.raises(ValidationError, match="is not a path"):
        Route.load({**definition, "mask": [path]})

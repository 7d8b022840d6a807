"""Cutting gives what decoding gives, or steps aside."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_integrations.formats.json import decode
from airflow_integrations.formats.partial import Cutter, partial_decoder

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.text(max_size=5)
    | st.decimals(allow_nan=False, allow_infinity=False, places=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(records=st.lists(values, max_size=5), others=st.dictionaries(st.sampled_from(["next", "total", "more"]), values))
def test_records_and_fields_are_those_of_the_whole_document(records: list[Any], others: dict[str, Any]) -> None:
    encode = msgspec.json.Encoder(decimal_format="number").encode
    content = encode({"first": 1, **others, "data": {"orders": records, "count": 3}, "last": [{}]})
    cutter = Cutter.make(("data", "orders"), [("next",), ("total",)])
    assert cutter is not None
    cut = cutter.cut(content)
    assert cut is not None
    body, raws = cut
    whole = decode(content)
    assert [decode(bytes(raw)) for raw in raws] == whole["data"]["orders"]
    assert body.get("next") == whole.get("next")
    assert body.get("total") == whole.get("total")
    assert set(body) <= {"next", "total", "data"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b'{"orders": null}',
        b'{"orders": {"1": 2}}',
        b'{"other": []}',
        b'{"orders": [1',
        b'{"orders": ["\xff"]}',
        b"<html>",
        b'{"orders": [1]} x',
        b"[" * 100_000,
    ],
)
def test_anything_unexpected_is_left_to_the_whole_decoder(content: bytes) -> None:
    cutter = Cutter.make(("orders",), [])
    assert cutter is not None
    assert cutter.cut(content) is None


@pytest.mark.parametrize("besides", [[("orders",)], [("orders", "x")], [("data", "orders", "0")]])
def test_fields_within_the_records_cannot_be_cut(besides: list[tuple[str, ...]]) -> None:
    records = ("data", "orders") if besides[0][0] == "data" else ("orders",)
    assert Cutter.make(records, besides) is None


def test_a_document_that_is_the_list_itself() -> None:
    cutter = Cutter.make((), [])
    assert cutter is not None
    cut = cutter.cut(json.dumps([{"a": 1}, 2]).encode())
    assert cut is not None
    assert [bytes(raw) for raw in cut[1]] == [b'{"a": 1}', b"2"]
    assert Cutter.make((), [("next",)]) is None


@given(
    record=values,
    fields=st.lists(st.lists(st.text("ab", min_size=1, max_size=2), min_size=1, max_size=3).map(tuple), max_size=4),
)
def test_a_partial_decoder_never_shows_other_values(record: Any, fields: list[tuple[str, ...]]) -> None:
    decoder = partial_decoder(fields)
    assert decoder is not None
    content = msgspec.json.Encoder(decimal_format="number").encode(record)
    try:
        partial = decoder.decode(content)
    except msgspec.ValidationError:
        return  # not an object somewhere: then the whole is decoded
    whole = decode(content)
    for path in fields:
        ours, theirs = partial, whole
        for step in path:
            ours = ours.get(step) if isinstance(ours, dict) else None
            theirs = theirs.get(step) if isinstance(theirs, dict) else None
        assert ours == theirs

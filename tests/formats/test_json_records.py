"""A document with broken records is taken apart into exactly the records that it has."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_integrations.formats import BadRecord
from airflow_integrations.formats.json import encode, read
from airflow_integrations.formats.json_records import separated

texts = st.text(st.sampled_from('a"\\{}[],: é'), max_size=6)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
BROKEN = [b'{"a": NaN}', b"[-Infinity]", b'"\xff"', b"nonsense", b'{"a" 1}', b'{"a": "\n"}', b'{"a": [1,]}']
records = st.lists(values.map(encode) | st.sampled_from(BROKEN), max_size=6)


@given(records, values, st.lists(texts, max_size=3), st.sampled_from([b"", b" ", b"\n\t"]))
def test_each_record_is_itself_or_bad(records: list[bytes], other: Any, path: list[str], space: bytes) -> None:
    content = b"[" + (space + b"," + space).join(records) + space + b"]"
    around: Any = []
    for name in reversed(path):
        content = b'{"x' + b'": ' + encode(other) + b"," + encode(name) + b":" + space + content + b',"y":[[],{}]}'
        around = {"x": other, name: around, "y": [[], {}]}
    found = separated(content, tuple(path))
    if {"x", "y"} & set(path):
        return  # of a name that stands twice the last one counts
    assert found is not None
    document, pieces = found
    assert document == read(json.dumps(around).encode())
    assert len(pieces) == len(records)
    for piece, record in zip(pieces, records, strict=True):
        if record in BROKEN:
            assert isinstance(piece, BadRecord)
            assert piece.content == record.decode("utf-8", "backslashreplace")
        else:
            assert isinstance(piece, msgspec.Raw)
            assert bytes(piece) == record


@pytest.mark.parametrize(
    ("content", "path"),
    [
        (b"", ()),
        (b"[NaN", ()),
        (b"[NaN,]", ()),
        (b"[1,,NaN]", ()),
        (b"[NaN}", ()),
        (b'[{"a": 1}}, NaN]', ()),
        (b'[{"a": [1}, NaN]', ()),
        (b'[{"a": "x}, NaN]', ()),
        (b"[NaN] x", ()),
        (b'{"a": NaN}', ("a",)),
        (b'{"a": [NaN], "b": NaN}', ("a",)),
        (b'{"a": [NaN], "a": [1]}', ("a",)),
        (b'{"a": {"b": [NaN]}}', ("a",)),
        (b'{"a": {"b": [NaN]}}', ("b",)),
        (b'{"b": {"a": [NaN]}}', ("a",)),
        (b'{"b": "a", "a": {}, "c": [NaN]}', ("a",)),
        (b"<br />[NaN]", ()),
        (b'"[NaN]"', ()),
    ],
)
def test_what_cannot_be_taken_apart(content: bytes, path: tuple[str, ...]) -> None:
    assert separated(content, path) is None


def test_a_text_that_looks_like_records_is_none() -> None:
    content = b'[{"a": NaN}, {"t": "x\\"}, {\\"a\\": 1}, "}, {"t": "]"}]'
    found = separated(content, ())
    assert found is not None
    assert [type(piece) for piece in found[1]] == [BadRecord, msgspec.Raw, msgspec.Raw]

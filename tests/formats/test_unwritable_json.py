"""What cannot be written as JSON is told with its place and what to do, and not in a codec's words."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_integrations.formats.json import encode
from airflow_integrations.formats.unwritable_json import NOT_JSON, why_not_json

HALF = "\ud83d"


def told(value: Any, what: str = "this") -> str:
    try:
        encode(value)
    except NOT_JSON as error:
        return why_not_json(error, value, what)
    raise AssertionError("it can be written")


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (HALF, "the text has"),
        ({"a": "x", "b": [1, {"name": f"tea {HALF}"}]}, "the text at b[1].name has"),
        ([{"a": HALF}, {"a": HALF}], "the text at [0].a has"),
        ({HALF: 1}, "one of its names has"),
        ({"a": ({HALF: 1},)}, "a name in a[0] has"),
    ],
)
def test_half_a_character_has_its_place(value: Any, where: str) -> None:
    text = told(value, "the entity")
    assert text.startswith(f"the entity cannot be written as JSON: {where} half of a surrogate pair")
    assert "correct it at the source" in text
    assert "codec" not in text


def test_a_long_place_is_cut() -> None:
    value: Any = HALF
    for _ in range(200):
        value = {"field": value}
    text = told(value)
    assert "field.field.field" in text
    assert len(text) < 400


def test_a_deep_value_is_told_as_such() -> None:
    value: Any = 1
    for _ in range(100_000):
        value = [value]
    assert told(value) == "this cannot be written as JSON: it is nested too deeply"


def test_others_keep_their_words() -> None:
    assert told({"a": object()}).startswith("this cannot be written as JSON: ")

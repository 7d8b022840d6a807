"""A Decimal may be NaN or infinite, and JSON is not: such an entity is refused before it is staged, and alone."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from airflow_integrations.engine.segment_lines import (
    encode_fetched,
    encode_staged,
    encode_staged_together,
)
from airflow_integrations.entity import Entity
from airflow_integrations.formats.unwritable_json import NOT_JSON, why_not_json

GOOD = Entity("1", {"text": "NaN", "more": "-Infinity"})


@pytest.mark.parametrize("value", [Decimal("NaN"), [Decimal("-Infinity")], {"a": Decimal("sNaN")}])
def test_one_that_could_not_be_read_again_is_not_staged(value: Any) -> None:
    assert encode_staged_together([GOOD, Entity("2", value)]) is None
    for encoded in (
        lambda: encode_staged(Entity("2", value)),
        lambda: encode_staged(GOOD, lambda _: (value, None)),
        lambda: encode_fetched("2", None, value),
    ):
        with pytest.raises(NOT_JSON) as caught:
            encoded()
        assert "NaN or Infinity" in why_not_json(caught.value, value)


def test_a_text_that_says_so_is_a_text() -> None:
    assert encode_staged(GOOD) == b'["1",null,{"text":"NaN","more":"-Infinity"}]'
    assert encode_staged_together([Entity("1", {"n": 1})]) == b'["1",null,{"n":1}]'

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_integrations.outgoing.http.answers.reasons import MAX_REASON_LENGTH, id_text, reason_text

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(values | st.text(min_size=400, max_size=2100))
def test_a_reason_is_one_printable_bounded_line(value: Any) -> None:
    text = reason_text(value)
    assert len(text) <= MAX_REASON_LENGTH
    assert text.isprintable()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("no  such\r\n customer ", "no such customer"),
        ("\x1b[31mred", "\N{REPLACEMENT CHARACTER}[31mred"),
        (ValueError("closed"), "closed"),
        ({"code": 7, "total": Decimal("1.10")}, "code: 7; total: 1.10"),
        (["a", None], "a"),
        ("x" * 501, "x" * 499 + "…"),
        ("x" * 500, "x" * 500),
        (object(), "object"),
    ],
)
def test_reasons(value: Any, text: str) -> None:
    assert reason_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("D-7", "D-7"),
        (10**30, "1" + "0" * 30),
        (Decimal("1E+3"), "1000"),
        (["A", 7], "A|7"),
        (None, None),
        ("", None),
        (" ", None),
        (True, None),
        ({"id": 1}, None),
        ([], None),
        ("a\nb", None),
        ("x" * 513, None),
        (1.5, None),
    ],
)
def test_ids(value: Any, text: str | None) -> None:
    assert id_text(value) == text

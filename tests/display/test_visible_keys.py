"""Two keys that differ look different."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_integrations.display.printable import visible_key


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("A1", "A1"),
        ("A1 ", "A1␣"),
        (" A1", "␣A1"),
        ("A 1", "A 1"),
        ("A  1", "A␣␣1"),
        ("A\xa01\u200b", "A\\xa01\\u200b"),
        ("", ""),
    ],
)
def test_spaces_that_nobody_would_notice_are_shown(key: str, shown: str) -> None:
    assert visible_key(key) == shown


@given(st.text(st.sampled_from("A \xa0\t\u200b"), max_size=6), st.text(st.sampled_from("A \xa0\t\u200b"), max_size=6))
def test_what_differs_looks_different(one: str, other: str) -> None:
    assert (visible_key(one) == visible_key(other)) == (one == other)
    assert " " not in visible_key(one)[:1] + visible_key(one)[-1:]

"""A test's name is short, and the same at each moment that it is collected."""

from __future__ import annotations

import gzip

import pytest
from names_of_tests import unsteady, value_in_name


def test_what_is_packed_at_another_moment_has_the_same_name() -> None:
    names = {value_in_name(gzip.compress(b"id\n1\n", mtime=moment)) for moment in (0, 1, 1_796_000_000)}
    assert names == {"25 bytes"}


@pytest.mark.parametrize("value", ["x" * 10_000, b"x" * 10_000])
def test_a_long_value_is_named_by_its_beginning(value: str | bytes) -> None:
    assert value_in_name(value) == f"{value[:40]!r}, 10000 in all"


@pytest.mark.parametrize("value", ["paid", b"paid\r\n", 1, None, ["a"]])
def test_what_is_short_or_no_text_is_left_to_pytest(value: object) -> None:
    assert value_in_name(value) is None


def test_sets_and_addresses_are_no_names() -> None:
    steady = ["one[{'a': {'b': 'c'}}]", "one[['a', 'b']]", "one[frozenset({'a'})]"]
    changing = [f"two[{frozenset(('a', 'b'))}]", f"three[{object()}]"]
    assert unsteady([*steady, *changing]) == changing

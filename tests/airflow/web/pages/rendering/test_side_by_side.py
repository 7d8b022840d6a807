"""Two texts side by side: nothing is lost, and what differs is marked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from airflow_integrations.airflow.web.pages.rendering.side_by_side import MOST_LINES, sides

_line = st.text(st.characters(exclude_characters="\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"), max_size=6)
_text = st.lists(_line, max_size=12).map("\n".join)


def _joined(parts: tuple[tuple[str, bool], ...] | None) -> list[str]:
    return [] if parts is None else ["".join(text for text, _ in parts)]


@given(_text, _text)
def test_each_side_reads_as_its_text(before: str, after: str) -> None:
    rows = sides(before, after)
    assert [line for row in rows for line in _joined(row.left)] == before.splitlines()
    assert [line for row in rows for line in _joined(row.right)] == after.splitlines()


@given(_text)
def test_equal_texts_have_no_mark(text: str) -> None:
    assert {row.kind for row in sides(text, text)} <= {"same"}


def test_what_differs_within_a_line_is_marked() -> None:
    (row,) = sides('  "Currency": null,', '  "Currency": "EUR",')
    assert row.left == (('  "Currency": ', False), ("null", True), (",", False))
    assert row.right == (('  "Currency": ', False), ('"EUR"', True), (",", False))


def test_long_equal_stretches_are_folded_where_that_is_asked_for() -> None:
    lines = [f"line {number}" for number in range(40)]
    changed = [*lines[:20], "another", *lines[21:]]
    rows = sides("\n".join(lines), "\n".join(changed), whole=False)
    assert [row.kind for row in rows] == ["gap", *["same"] * 3, "changed", *["same"] * 3, "gap"]
    assert rows[0].left == (("17 equal lines", False),)


def test_of_endless_texts_the_beginning_is_compared_and_the_rest_is_said() -> None:
    rows = sides("\n".join("a" for _ in range(MOST_LINES + 5)), "a")
    assert rows[-1].kind == "gap"
    assert rows[-1].left == (("5 more lines are not compared", False),)


def test_a_comma_behind_a_value_is_no_difference() -> None:
    rows = sides('{\n  "a": 1\n}', '{\n  "a": 1,\n  "b": 2\n}')
    assert [row.kind for row in rows] == ["same", "same", "came", "same"]
    assert _joined(rows[1].left) + _joined(rows[1].right) == ['  "a": 1', '  "a": 1,']

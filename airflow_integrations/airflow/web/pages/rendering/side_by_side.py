"""Two payloads side by side, line by line, with what differs marked. Pure: texts in, rows out."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

__all__ = ["MOST_LINES", "Side", "sides"]

MOST_LINES = 3_000
"""Of each text; what is behind them is not compared, and said to be left out."""
CONTEXT = 3
"""Equal lines that are shown around a difference."""

Kind = Literal["same", "changed", "gone", "came", "gap"]


@dataclass(frozen=True, slots=True)
class Side:
    """One row. ``left`` and ``right`` are runs of text: marked or not. None: nothing is on that side."""

    kind: Kind
    left: tuple[tuple[str, bool], ...] | None
    right: tuple[tuple[str, bool], ...] | None


def sides(before: str, after: str, *, whole: bool = True) -> list[Side]:
    """The rows of both texts. Unless ``whole``, long stretches that are equal become one row of kind ``gap``."""
    left, right = before.splitlines(), after.splitlines()
    rows: list[Side] = []
    cut_left, cut_right = left[:MOST_LINES], right[:MOST_LINES]
    # What follows a value says nothing about it: the last field of an object has no comma.
    matcher = difflib.SequenceMatcher(None, _values(cut_left), _values(cut_right), autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            both = list(zip(cut_left[i1:i2], cut_right[j1:j2], strict=True))
            rows += _equal(both, whole=whole, first=i1 == 0, last=i2 == len(cut_left))
        else:
            rows += _differing(cut_left[i1:i2], cut_right[j1:j2])
    more = max(len(left), len(right)) - MOST_LINES
    if more > 0:
        rows.append(_gap(f"{more} more lines are not compared"))
    return rows


def _values(lines: list[str]) -> list[str]:
    return [line.removesuffix(",") for line in lines]


def _equal(lines: list[tuple[str, str]], *, whole: bool, first: bool, last: bool) -> Iterator[Side]:
    head, tail = (0 if first else CONTEXT), (0 if last else CONTEXT)
    if whole or len(lines) <= head + tail + 1:
        head, tail = len(lines), 0
    for line, other in lines[:head]:
        yield Side("same", _plain(line), _plain(other))
    hidden = len(lines) - head - tail
    if hidden > 0:
        yield _gap(f"{hidden} equal lines")
    for line, other in lines[len(lines) - tail :] if tail else ():
        yield Side("same", _plain(line), _plain(other))


def _differing(left: list[str], right: list[str]) -> Iterator[Side]:
    for old, new in zip(left, right, strict=False):
        yield Side("changed", *_marked(old, new))
    common = min(len(left), len(right))
    for old in left[common:]:
        yield Side("gone", _plain(old), None)
    for new in right[common:]:
        yield Side("came", None, _plain(new))


def _marked(old: str, new: str) -> tuple[tuple[tuple[str, bool], ...], tuple[tuple[str, bool], ...]]:
    """What lies between the beginning and the end that both lines share."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return _parts(old, start, end), _parts(new, start, end)


def _parts(line: str, start: int, end: int) -> tuple[tuple[str, bool], ...]:
    stop = len(line) - end
    parts = ((line[:start], False), (line[start:stop], True), (line[stop:], False))
    return tuple(part for part in parts if part[0]) or (("", False),)


def _plain(line: str) -> tuple[tuple[str, bool], ...]:
    return ((line, False),)


def _gap(text: str) -> Side:
    return Side("gap", _plain(text), None)

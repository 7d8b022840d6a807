"""Order values of a field: numbers as numbers, RFC 3339 times as moments, everything else as text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple

from airflow_integrations.expressions.evaluation.limits import has_some_digits

__all__ = [
    "DIGITS",
    "LOCAL_TIME",
    "NUMBER",
    "TEXT",
    "TIME",
    "SortValue",
    "of_text",
    "of_text_only",
    "same_place",
    "sort_value",
    "step_back",
    "why_not_in_order",
]

NUMBER, TIME, LOCAL_TIME, TEXT = "a number", "a time", "a time without a zone", "a text"
DIGITS = "a text of digits"
"""Ordered as numbers among each other, and as texts where others are among them."""

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d([.,]\d+)?)?([Zz]|[+-]\d\d:?\d\d)?")
_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_OUT_OF_ORDER = re.compile(
    r"""
      (?P<first>(?:[A-Za-z]{3},?[ ])?\d{1,2}(?:[./-]\d{1,2}[./-]|[ -][A-Za-z]{3,9}[ -])\d{2,4}(?!\d))
    | (?P<name>(?:\d{4}[ ./-]|(?:[A-Za-z]{3,9},?[ ])?)
        (?i:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t|tember)?|oct(?:ober)?
        |nov(?:ember)?|dec(?:ember)?)[. /-]{1,2}\d{1,2}(?![0-9A-Za-z]))
    | (?P<week>(?i:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6},?[ ]\d{4}[./-])
    | (?P<short>\d{4}(?P<sep>[./-])(?:\d(?P=sep)\d|\d\d(?P=sep)\d(?!\d))|\d{4}(?P<sep2>[./-])\d\d(?P=sep2)\d\d[Tt ]+\d:)
    | (?P<half>\d{4}[./-]\d{1,2}[./-]\d{1,2}[Tt ].{0,20}\d[ ]?[AaPp]\.?[Mm]\b)
    """,
    re.ASCII | re.VERBOSE,
)
_WHY = {
    "first": "the day or month comes before the year",
    "name": "the month is a word",
    "week": "the day of the week comes first",
    "short": "a month, day or hour below 10 has one digit",
    "half": "the hours are those of a clock with a.m. and p.m.",
}


class SortValue(NamedTuple):
    kind: str
    order: Any
    """What values of one kind are compared by."""
    text: str


def of_text(text: str) -> SortValue:
    """A text as what it seems to be: a number, a time or just a text."""
    if _NUMBER.fullmatch(text):
        return SortValue(NUMBER, Decimal(text), text)
    if _MOMENT.fullmatch(text):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return of_text_only(text)
        return SortValue(LOCAL_TIME if moment.tzinfo is None else TIME, (moment, text), text)
    return of_text_only(text)


def of_text_only(text: str) -> SortValue:
    return SortValue(TEXT, text, text)


def sort_value(found: Any) -> SortValue | None:
    """A field's value as JSON gives it; None for what is neither a number that can be written out nor a text."""
    if isinstance(found, bool) or not isinstance(found, str | int | Decimal):
        return None
    if isinstance(found, Decimal) and not has_some_digits(found):
        return None
    if not isinstance(found, str):
        return SortValue(NUMBER, Decimal(found), format(Decimal(found), "f"))
    value = of_text(found)
    return SortValue(DIGITS, value.order, found) if value.kind == NUMBER else value


def why_not_in_order(text: str) -> str | None:
    """Why the order of such texts is not that of the times they stand for; None where it is."""
    found = _OUT_OF_ORDER.match(text)
    return None if found is None else next(why for name, why in _WHY.items() if found.group(name))


def same_place(one: SortValue, other: SortValue) -> bool:
    """Whether a source may order two values of one kind either way: they are equal, or differ in case alone."""
    if one.kind in (TIME, LOCAL_TIME) and one.kind == other.kind:
        return bool(one.order[0] == other.order[0])
    if one.kind in (NUMBER, DIGITS) and one.kind == other.kind:
        return bool(one.order == other.order)
    return one.text.casefold() == other.text.casefold()


def step_back(values: Sequence[SortValue]) -> tuple[SortValue, SortValue] | None:
    """Two neighbours of which the second comes before the first, in any order that a source may have; None without.

    Databases order texts by their characters, without regard to case, or without regard to punctuation; texts of digits
    also as numbers. Of texts beyond ASCII, and of dates that do not order as texts, nothing is said.
    """
    kinds = {value.kind for value in values}
    orders: list[Callable[[SortValue], Any]]
    if kinds <= {TIME} or kinds <= {LOCAL_TIME}:
        orders = [lambda value: value.order[0]]
    elif kinds <= {NUMBER}:
        orders = [lambda value: value.order]
    else:
        orders = [_text, lambda value: value.text.casefold(), _letters_and_digits]
        orders += [lambda value: value.order] if kinds == {DIGITS} else []
    found = None
    for order in orders:
        found = next((pair for pair in pairwise(values) if order(pair[1]) < order(pair[0])), None)
        if found is None:
            return None
    if len(orders) > 1 and not all(value.text.isascii() and why_not_in_order(value.text) is None for value in values):
        return None
    return found


def _text(value: SortValue) -> str:
    return value.text


def _letters_and_digits(value: SortValue) -> str:
    return "".join(char for char in value.text.casefold() if char.isalnum())

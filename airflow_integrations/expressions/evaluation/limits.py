"""The bounds that keep a hostile payload from costing more than it should, and how numbers are computed."""

from __future__ import annotations

import decimal
from typing import Any

from airflow_integrations.errors import EntityError

__all__ = [
    "ARITHMETIC",
    "MAX_CHARACTERS",
    "MAX_DIGITS",
    "MAX_STEPS",
    "MAX_TEXT",
    "LimitError",
    "bounded_text",
    "has_some_digits",
    "measure",
    "plain_digits",
]

MAX_DIGITS = 1000
"""Digits of a number that arithmetic gives. 10^400 and 40-digit ids have room, a bomb has not."""
MAX_TEXT = 10_000_000
"""Characters of one text that an expression builds."""
MAX_STEPS = 1_000_000
"""Elements that all loops of one evaluation go through together; pieces that one text is cut into."""
MAX_CHARACTERS = 64_000_000
"""Bytes, roughly, that one step's expressions build for one entity; characters that the result of loops has."""

ARITHMETIC = decimal.Context(
    prec=MAX_DIGITS,
    Emax=MAX_DIGITS,
    Emin=-MAX_DIGITS,
    traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow, decimal.Inexact],
)
"""Sums and products are exact or an error; only division and rounding may round, each in a context of its own."""


class LimitError(EntityError):
    """What loops and operations do together reached a bound. No part alone is at fault; it is costly to reach again."""


def bounded_text(text: str) -> str:
    """The text itself. Raises EntityError where it is too long."""
    if len(text) > MAX_TEXT:
        raise EntityError(f"the text has {len(text)} characters; an expression may build at most {MAX_TEXT}")
    return text


def has_some_digits(number: decimal.Decimal) -> bool:
    """Whether a Decimal can be written without an exponent: ``1e999999999`` would not fit into memory."""
    exponent = number.as_tuple().exponent
    return isinstance(exponent, int) and max(number.adjusted(), -exponent) <= MAX_DIGITS


def plain_digits(number: decimal.Decimal) -> str:
    """A Decimal without an exponent, such as ``0.000001``. Raises EntityError where that takes too many digits."""
    if not number.is_finite():
        raise EntityError("the number is not finite")
    if not has_some_digits(number):
        raise EntityError(f"written out, the number has more than {MAX_DIGITS} digits")
    return format(number, "f")


def measure(value: Any) -> None:
    """Raises LimitError where a value, written out as JSON, has more than MAX_CHARACTERS characters."""
    left = MAX_CHARACTERS
    waiting = [value]
    while waiting:
        inner = waiting.pop()
        kind = type(inner)
        if kind is str:
            left -= len(inner) + 2
        elif kind is dict:
            waiting.extend(inner.values())
            left -= sum(map(len, inner)) + 4 * len(inner) + 2
        elif kind is list or kind is tuple:
            waiting.extend(inner)
            left -= len(inner) + 2
        else:
            left -= 8
        if left < 0:
            raise LimitError(f"the result would have more than {MAX_CHARACTERS} characters")

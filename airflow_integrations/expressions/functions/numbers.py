"""Functions over numbers. They take int and Decimal and give int and Decimal; no binary float is ever made."""

from __future__ import annotations

import builtins
import decimal
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions.evaluation.limits import MAX_DIGITS
from airflow_integrations.expressions.functions.catalogue import function

__all__ = ["check_rounding", "decimal_", "integer", "round_"]

_ROUNDINGS = {
    "half_even": decimal.ROUND_HALF_EVEN,
    "half_up": decimal.ROUND_HALF_UP,
    "down": decimal.ROUND_DOWN,
    "up": decimal.ROUND_UP,
    "floor": decimal.ROUND_FLOOR,
    "ceiling": decimal.ROUND_CEILING,
}


def check_rounding(constants: dict[str, Any], given: Any) -> None:
    """Raises ValueError where a rounding that is written out has an unknown name."""
    word = constants.get("rounding", "half_even")
    if word not in _ROUNDINGS:
        raise ValueError(f"unknown rounding {word!r}; one of {', '.join(_ROUNDINGS)}")


def _rounded(number: Decimal, places: int, rounding: str) -> Decimal:
    if type(places) is not int or not -MAX_DIGITS <= places <= MAX_DIGITS:
        raise EntityError("places is a whole number, such as 2")
    if rounding not in _ROUNDINGS:
        raise EntityError(f"rounding is one of {', '.join(_ROUNDINGS)}")
    if number.adjusted() + places > MAX_DIGITS:
        raise EntityError(f"rounded, the number has more than {MAX_DIGITS} digits")
    context = decimal.Context(prec=2 * MAX_DIGITS + 2, rounding=_ROUNDINGS[rounding])
    return number.quantize(Decimal((0, (1,), -places)), context=context)


MAX_WRITTEN = 5_000
"""Characters of a number in a text: more than JSON's numbers may have."""
_EXPONENT = (
    "the text is a number with an exponent, as spreadsheets write long numbers after they have lost digits; "
    "take it from the source in full, or write exponent=True where the digits are known to be all there"
)


def _no_number(text: str) -> str:
    """Say why a text cannot be read as a number, without quoting it: a mask may hide it."""
    if not text.strip():
        return "the text is not a number: it is empty; write `or 0` behind the field where it may be"
    if re.fullmatch(r"[+-]?[\d. ]*,\d+", text.strip()):
        return 'the text is not a number: it has a decimal comma; write .replace(".", "").replace(",", ".") behind it'
    return "the text is not a number"


def _number(value: Any, exponent: bool = False) -> Decimal:
    kind = type(value)
    if kind is str:
        if len(value) > MAX_WRITTEN:
            raise EntityError(f"the text is not a number: it has {len(value)} characters")
        try:
            number = Decimal(value)
        except decimal.InvalidOperation:
            raise EntityError(_no_number(value)) from None
        if not number.is_finite() or "_" in value or not value.isascii():
            raise EntityError(_no_number(value))
        if ("E" in value or "e" in value) and not exponent and number:
            raise EntityError(_EXPONENT)
        return number
    if kind is Decimal:
        return value  # type: ignore[no-any-return]
    if kind is int:
        return Decimal(value)
    if value is None:
        raise EntityError("it is missing; write decimal(… or 0) where it may be missing")
    raise EntityError("only text and numbers can be a decimal")


@function("Numbers", name="decimal", returns="number", checked=check_rounding, reads="little")
def decimal_(value: Any, places: int | None = None, rounding: str = "half_even", exponent: bool = False) -> Decimal:
    """An exact decimal number from a number or its text, such as `"19.90"`; rounded where `places` is given.
    `rounding`: half_even, half_up, down, up, floor or ceiling. Text such as `"4.01E+12"`, whose exponent stands for
    digits that are not written, is an error unless `exponent=True`."""
    if type(value) is str and len(value) <= MAX_WRITTEN:  # the usual case, without another call
        try:
            number = Decimal(value)
        except decimal.InvalidOperation:
            raise EntityError(_no_number(value)) from None
        if not number.is_finite() or "_" in value or not value.isascii():
            raise EntityError(_no_number(value))
        if ("E" in value or "e" in value) and not exponent and number and number.as_tuple().exponent > 0:  # type: ignore[operator]
            raise EntityError(_EXPONENT)
    else:
        number = _number(value)
    return number if places is None else _rounded(number, places, rounding)


@function("Numbers", returns="number", reads="little")
def integer(value: Any, exponent: bool = False) -> int:
    """A whole number from a number or its text; an error where it has a fraction. Text such as `"4.00638E+12"` (a
    spreadsheet's EAN) is an error unless `exponent=True`: its digits were most likely rounded away."""
    if type(value) is int:
        return value
    number = _number(value, exponent)
    if number.adjusted() > MAX_DIGITS:
        raise EntityError(f"the number has more than {MAX_DIGITS} digits")
    whole = number.to_integral_value()
    if whole != number:
        raise EntityError("the number has a fraction; write integer(round(…))")
    return int(whole)


@function("Numbers", name="round", returns="number", checked=check_rounding, reads="little")
def round_(value: Any, places: int = 0, rounding: str = "half_even") -> int | Decimal:
    """A number rounded to `places` digits behind the point; half to even, as in Python, unless `rounding` is given."""
    if type(value) is int:
        if places >= 0:
            return value
        return int(_rounded(Decimal(value), places, rounding))
    if type(value) is not Decimal:
        raise EntityError("round() takes a number; write decimal(…) around text")
    rounded = _rounded(value, places, rounding)
    return rounded if places > 0 else integer(rounded)


@function("Numbers", name="abs", returns="number", runs=builtins.abs, reads="little")
def abs_(value: Any) -> Any:
    """The number without its sign."""


@function("Numbers", name="sum", returns="number", runs=builtins.sum)
def sum_(values: Sequence[Any]) -> Any:
    """The sum of a list of numbers; 0 for an empty list."""


def _most(name: str, pick: Any, values: tuple[Any, ...], default: Any) -> Any:
    elements = values[0] if len(values) == 1 else values
    if not isinstance(elements, (list, tuple)):
        raise EntityError(f"{name}() takes a list, or several values")
    if elements:
        return pick(elements)
    if default is _NONE:
        raise EntityError(f"{name}() of an empty list; write {name}(…, default=0) where it may be empty")
    return default


class _Nothing:
    def __repr__(self) -> str:
        return "…"


_NONE: Any = _Nothing()


@function("Numbers", name="min", reads="deep", builds="nothing")
def min_(*values: Any, default: Any = _NONE) -> Any:
    """The smallest of a list, or of several values; `default` where the list is empty."""
    return _most("min", builtins.min, values, default)


@function("Numbers", name="max", reads="deep", builds="nothing")
def max_(*values: Any, default: Any = _NONE) -> Any:
    """The largest of a list, or of several values; `default` where the list is empty."""
    return _most("max", builtins.max, values, default)

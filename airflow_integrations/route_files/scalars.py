"""Read plain scalars by the core schema of YAML 1.2 (section 10.3.2), with exact decimals.

So ``on``, ``NO``, ``12:30``, ``1_000`` and ``2026-01-01`` are text, and ``010`` is ten.
"""

from __future__ import annotations

import re
from decimal import Decimal

__all__ = ["ScalarError", "resolve"]

_CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OTHER_BASE = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_DECIMAL = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_A_NUMBER = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")

_MAX_DIGITS = 400
"""Digits or exponent of a number: beyond any amount or id, short of what makes arithmetic slow."""


class ScalarError(ValueError):
    """A number that no JSON document could carry on, or that is absurdly long."""


def resolve(text: str) -> str | int | Decimal | bool | None:
    """The value of a scalar that is written without quotes. Raises ScalarError."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in "+-.0123456789":
        return text
    if _INTEGER.fullmatch(text):
        return int(_bounded(text))
    if _OTHER_BASE.fullmatch(text):
        return int(_bounded(text), 0)
    if _DECIMAL.fullmatch(text):
        number = Decimal(_bounded(text))
        if number and abs(number.adjusted()) > _MAX_DIGITS:
            raise ScalarError(f"the number {text} is out of range; quote it if it is text")
        return number
    if _NOT_A_NUMBER.fullmatch(text):
        raise ScalarError(f"{text} is not a number that data can carry; quote it if it is text")
    return text


def _bounded(text: str) -> str:
    if len(text) > _MAX_DIGITS:
        raise ScalarError(f"a number of {len(text)} digits is too long; quote it if it is text")
    return text

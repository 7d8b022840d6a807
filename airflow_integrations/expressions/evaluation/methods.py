"""The methods and attributes that expressions may use on text, lists, numbers and moments."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions.evaluation.limits import MAX_STEPS, MAX_TEXT, bounded_text

__all__ = ["METHODS", "METHOD_NAMES", "attributes"]


def _replace(text: str, old: str, new: str, count: int = -1) -> str:
    hits = text.count(old) if count < 0 else min(count, text.count(old))
    if len(text) + hits * (len(new) - len(old)) > MAX_TEXT:
        raise EntityError(f"the text would have more than {MAX_TEXT} characters")
    return text.replace(old, new, count)


def _join(text: str, parts: list[str]) -> str:
    if type(parts) not in (list, tuple):
        raise EntityError("join() takes a list of texts")
    for part in parts:
        if type(part) is not str:
            raise EntityError(
                "join() takes texts only; one of them is missing"
                if part is None
                else "join() takes texts only; write text(x)"
            )
    if len(text) * len(parts) + sum(map(len, parts)) > MAX_TEXT:
        raise EntityError(f"the text would have more than {MAX_TEXT} characters")
    return text.join(parts)


def _cut(cut: Callable[..., list[str]]) -> Callable[..., list[str]]:
    """``split`` or ``rsplit`` that stops where the pieces become too many."""

    def method(text: str, sep: str | None = None, maxsplit: int = -1) -> list[str]:
        parts = cut(text, sep, maxsplit if 0 <= maxsplit <= MAX_STEPS else MAX_STEPS)
        if len(parts) > MAX_STEPS:
            raise EntityError(f"the text has more than {MAX_STEPS} parts")
        return parts

    return method


_LINE_ENDS = ("\n", "\r", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029")
"""Where ``splitlines`` cuts."""


def _splitlines(text: str, keepends: bool = False) -> list[str]:
    if len(text) > MAX_STEPS and sum(map(text.count, _LINE_ENDS)) > MAX_STEPS:
        raise EntityError(f"the text has more than {MAX_STEPS} lines")
    return text.splitlines(keepends)


def _padded(pad: Callable[..., str]) -> Callable[..., str]:
    def method(text: str, width: int, *fill: str) -> str:
        if width > MAX_TEXT:
            raise EntityError(f"the text would have more than {MAX_TEXT} characters")
        return pad(text, width, *fill)

    return method


def _bounded(change: Callable[..., str]) -> Callable[..., str]:
    return lambda text, *rest: bounded_text(change(text, *rest))


_TEXT: dict[str, Callable[..., Any]] = {
    "capitalize": str.capitalize,
    "casefold": str.casefold,
    "center": _padded(str.center),
    "count": str.count,
    "endswith": str.endswith,
    "find": str.find,
    "isalnum": str.isalnum,
    "isalpha": str.isalpha,
    "isascii": str.isascii,
    "isdecimal": str.isdecimal,
    "isdigit": str.isdigit,
    "islower": str.islower,
    "isnumeric": str.isnumeric,
    "isspace": str.isspace,
    "isupper": str.isupper,
    "join": _join,
    "ljust": _padded(str.ljust),
    "lower": str.lower,
    "lstrip": str.lstrip,
    "partition": str.partition,
    "removeprefix": str.removeprefix,
    "removesuffix": str.removesuffix,
    "replace": _replace,
    "rfind": str.rfind,
    "rjust": _padded(str.rjust),
    "rpartition": str.rpartition,
    "rsplit": _cut(str.rsplit),
    "rstrip": str.rstrip,
    "split": _cut(str.split),
    "splitlines": _splitlines,
    "startswith": str.startswith,
    "strip": str.strip,
    "swapcase": str.swapcase,
    "title": str.title,
    "upper": _bounded(str.upper),
    "zfill": _padded(str.zfill),
}

METHODS: dict[type, dict[str, Callable[..., Any]]] = {
    str: _TEXT,
    list: {"count": list.count, "index": list.index},
    tuple: {"count": tuple.count, "index": tuple.index},
}
"""Type to the methods that may be called on its values."""

METHOD_NAMES = frozenset(name for methods in METHODS.values() for name in methods)

_DATE = frozenset({"year", "month", "day", "day_of_year", "week_of_year", "quarter"})
_TIME = frozenset({"hour", "minute", "second", "microsecond"})


def attributes(value: Any) -> frozenset[str]:
    """The attributes that may be read of a value that is not a JSON object: a moment, one of our own dataclasses."""
    if isinstance(value, dt.datetime):
        return _DATE | _TIME
    if isinstance(value, dt.date):
        return _DATE
    if isinstance(value, dt.timedelta):
        return frozenset({"days", "seconds"})
    return frozenset(getattr(type(value), "__dataclass_fields__", ()))

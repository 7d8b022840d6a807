"""The methods and attributes that expressions may use on text, lists, numbers and moments."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions.bounds import MAX_TEXT, bounded_text

__all__ = ["METHODS", "METHOD_NAMES", "REFUSED_METHODS", "attributes"]


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
    "rsplit": str.rsplit,
    "rstrip": str.rstrip,
    "split": str.split,
    "splitlines": str.splitlines,
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

REFUSED_METHODS = {
    "format": (
        '`.format()` is not part of expressions; write an f-string: f"WEB-{order.number}"; '
        'moments: format(moment, "YYYY-MM-DD")'
    ),
    "format_map": '`.format_map()` is not part of expressions; write an f-string: f"WEB-{order.number}"',
    "get": (
        '`.get()` is not part of expressions; write order.field or order["field"] (None where it is missing), '
        'or get(order, "field", default)'
    ),
    "items": "write items(order) for the pairs of an object; order.items without () is the field named items",
    "keys": "write keys(order) for the field names of an object; order.keys without () is the field named keys",
    "values": "write values(order) for the values of an object; order.values without () is the field named values",
    "append": "lists are not changed; write list + [element]",
    "strftime": 'write format(moment, "YYYY-MM-DD")',
    "isoformat": "write text(moment)",
    "timestamp": "write unix(moment)",
    "encode": "bytes are not part of expressions",
    "translate": "write replace() once per text",
}
"""Method names people try, and what to write."""

_DATE = frozenset({"year", "month", "day", "day_of_year", "week_of_year", "quarter"})
_TIME = frozenset({"hour", "minute", "second", "microsecond"})


def attributes(value: Any) -> frozenset[str]:
    """The attributes that may be read of a value that is no object of JSON: a moment, one of our own dataclasses."""
    if isinstance(value, dt.datetime):
        return _DATE | _TIME
    if isinstance(value, dt.date):
        return _DATE
    if isinstance(value, dt.timedelta):
        return frozenset({"days", "seconds"})
    return frozenset(getattr(type(value), "__dataclass_fields__", ()))

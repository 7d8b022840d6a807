"""The filters of templates."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from jinja2 import Undefined

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions.functions import lists, moments, numbers, texts
from airflow_integrations.expressions.guards import kind_of, method, text_of
from airflow_integrations.window import rfc3339

__all__ = ["FILTERS", "Raw"]


class Raw(str):
    """Text that goes into a path as it is."""

    __slots__ = ()


def _given(value: Any) -> Any:
    return str(value) if isinstance(value, Undefined) else value  # raises, with the name


def default(value: Any, instead: Any = "") -> Any:
    """`instead` where the value is missing or null."""
    return instead if value is None or isinstance(value, Undefined) else value


def raw(value: Any) -> Raw:
    """In a path: the value as it is, not percent-encoded."""
    return Raw(text_of(_given(value)))


def iso(value: Any) -> str:
    """A moment as RFC 3339 in UTC: `2026-01-31T23:05:00Z`."""
    return rfc3339(moments.moment(_given(value)))


def unix(value: Any) -> int:
    """Whole seconds since 1970."""
    return moments.unix(_given(value))


def unix_ms(value: Any) -> int:
    """Whole milliseconds since 1970."""
    moment = moments.moment(_given(value))
    return moments.unix(moment) * 1000 + int(moment.microsecond // 1000)


def date(value: Any) -> Any:
    """The day of a moment: `2026-01-31`."""
    return moments.date(_given(value))


def format_(value: Any, pattern: str) -> str:
    """A moment written by a pattern: `format('DD/MM/YYYY')`."""
    return moments.format_(_given(value), pattern)


def in_tz(value: Any, tz: str) -> Any:
    """The moment on the clocks of a time zone: `in_tz('Europe/Madrid') | format('YYYY-MM-DD HH:mm')`."""
    return moments.in_tz(_given(value), tz)


def json(value: Any) -> str:
    """The value as JSON."""
    return texts.json_(_given(value))


def join(value: Any, separator: str = ",") -> str:
    """The elements of a list as one text."""
    elements = _given(value)
    if not isinstance(elements, (list, tuple)):
        raise EntityError(f"join takes a list, and this is {kind_of(elements)}")
    joined: str = method(separator, "join")([text_of(element) for element in elements])
    return joined


def items(value: Any) -> list[Any]:
    """Pairs of field name and value of an object, for a loop."""
    return lists.items(_given(value))


def length(value: Any) -> int:
    """How many elements or characters."""
    return lists.len_(_given(value))


def first(value: Any) -> Any:
    """The first element of a list."""
    return lists.first(_given(value))


def last(value: Any) -> Any:
    """The last element of a list."""
    return lists.last(_given(value))


def replace(value: Any, old: str, new: str) -> str:
    """The text with each `old` replaced by `new`."""
    return texts.replace(text_of(_given(value)), old, new)


def round_(value: Any, places: int = 0) -> int | Decimal:
    """The number rounded, half to even."""
    return numbers.round_(_given(value), places)


def slug(value: Any) -> str:
    """The text in lower-case ASCII letters, digits and hyphens."""
    return texts.slug(_given(value))


def upper(value: Any) -> str:
    """The text in upper case."""
    return str(method(text_of(_given(value)), "upper")())


def lower(value: Any) -> str:
    """The text in lower case."""
    return text_of(_given(value)).lower()


def trim(value: Any) -> str:
    """The text without blanks at its ends."""
    return text_of(_given(value)).strip()


FILTERS: dict[str, Callable[..., Any]] = {
    "date": date,
    "default": default,
    "first": first,
    "format": format_,
    "in_tz": in_tz,
    "iso": iso,
    "items": items,
    "join": join,
    "json": json,
    "last": last,
    "length": length,
    "lower": lower,
    "raw": raw,
    "replace": replace,
    "round": round_,
    "slug": slug,
    "trim": trim,
    "unix": unix,
    "unix_ms": unix_ms,
    "upper": upper,
}
"""Filter name to function, for templates and their documentation."""

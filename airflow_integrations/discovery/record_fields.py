"""The fields of records that were seen, and what texts in them look like."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from airflow_integrations.discovery import DiscoveredField, Meaning

__all__ = ["fields_of", "looks_of", "meaning_of_value"]

_INTEGER = re.compile(r"[+-]?(?:0|[1-9]\d{0,17})")
_NUMBER = re.compile(r"[+-]?\d{1,18}\.\d{1,12}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_DATETIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?")


def fields_of(records: Iterable[Any], most: int) -> tuple[DiscoveredField, ...]:
    """The fields of records that are objects, in the order in which they were seen first; at most ``most``.

    A field that is missing in one of them, or null there, is nullable.
    """
    meanings: dict[str, set[Meaning]] = {}
    looks: dict[str, set[Meaning]] = {}
    seen: dict[str, int] = {}
    count = 0
    for record in records:
        if not isinstance(record, Mapping):
            continue
        count += 1
        for name, value in record.items():
            if name not in meanings and len(meanings) >= most:
                continue
            found = meanings.setdefault(str(name), set())
            if value is not None:
                seen[name] = seen.get(name, 0) + 1
                found.add(meaning_of_value(value))
                if isinstance(value, str) and value:
                    looks.setdefault(name, set()).add(looks_of(value))
    return tuple(
        DiscoveredField(
            name,
            " or ".join(sorted(found)) or "null",
            _one(found),
            nullable=seen.get(name, 0) < count,
            looks_like=_one(looks.get(name, set())) if found == {"string"} else None,
        )
        for name, found in meanings.items()
    )


def meaning_of_value(value: Any) -> Meaning:
    """What a value of JSON is."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, Decimal | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, Mapping) else "list" if isinstance(value, list | tuple) else "any"


def looks_of(text: str) -> Meaning:
    """What a text may stand for. ``007`` is a text: as a number it would lose its zeros."""
    kinds: tuple[tuple[re.Pattern[str], Meaning], ...] = (
        (_INTEGER, "integer"),
        (_NUMBER, "number"),
        (_DATE, "date"),
        (_DATETIME, "datetime"),
    )
    return next((meaning for pattern, meaning in kinds if pattern.fullmatch(text)), "string")


def _one(found: set[Meaning]) -> Meaning:
    if found == {"integer", "number"}:
        return "number"
    return next(iter(found)) if len(found) == 1 else "any"

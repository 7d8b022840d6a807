"""Whether a list inside a record has more elements than came with it."""

from __future__ import annotations

from typing import Any

__all__ = ["cut_reason"]

_DEEPEST = 60
_REMEDY = "ask for more of it at once, or read it by a route of its own"


def cut_reason(value: Any) -> str | None:
    """Why the record is not whole; None where it is."""
    place = _cut(value, "", 0)
    return None if place is None else f"{place} has more than came with it; {_REMEDY}"


def _cut(value: Any, place: str, depth: int) -> str | None:
    """Where a connection says that there is more of it."""
    if depth > _DEEPEST:
        return place or "it"
    if isinstance(value, list):
        inner = ((place, element) for element in value)
    elif isinstance(value, dict):
        info = value.get("pageInfo")
        if isinstance(info, dict) and (info.get("hasNextPage") is True or info.get("hasPreviousPage") is True):
            return place or "it"
        inner = ((f"{place}.{name}".lstrip("."), each) for name, each in value.items())
    else:
        return None
    return next((found for where, each in inner if (found := _cut(each, where, depth + 1)) is not None), None)

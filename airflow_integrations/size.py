"""Sizes of content as people write them: ``500KB``, ``2MB``."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

__all__ = ["Size", "size_text"]

_UNITS = {"": 1, "B": 1, "KB": 1000, "MB": 1000**2, "GB": 1000**3}
_SIZE = re.compile(r"(\d{1,12})\s*([KMG]?B)?", re.IGNORECASE)


def _size(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is no size; write it like 500KB or 2MB")
    return int(match[1]) * _UNITS[(match[2] or "").upper()]


def size_text(size: int) -> str:
    """As people write it, in the largest unit that divides it."""
    unit = next(unit for unit in ("GB", "MB", "KB", "B") if size % _UNITS[unit] == 0)
    return f"{size // _UNITS[unit]}{unit}"


Size = Annotated[
    int,
    BeforeValidator(_size),
    PlainSerializer(size_text, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,12} *([KkMmGg]?[Bb])?$", "examples": ["500KB", "2MB"]}),
]
"""Bytes: ``500KB``, ``2MB``; a KB is 1000 bytes."""

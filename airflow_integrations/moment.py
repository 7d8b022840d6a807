"""A point in time as people write it in a route: a day, or a day and a time of day."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

__all__ = ["Moment"]


def _moment(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value
    try:
        if isinstance(value, str):
            return date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
    except ValueError:
        pass
    raise ValueError(f"{value!s} is no date; write 2026-01-31, or a moment such as 2026-01-31T06:00:00Z")


Moment = Annotated[
    datetime | date,
    BeforeValidator(_moment),
    WithJsonSchema(
        {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}", "examples": ["2026-01-31", "2026-01-31T06:00:00Z"]}
    ),
]
"""A date, or a date with a time of day."""

"""Values of a row as JSON that can be bound again: the place from which a fetch goes on, and a cursor."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from airflow_integrations.errors import AnswerError
from airflow_integrations.incoming.sort_value import LOCAL_TIME, NUMBER, TIME, of_text
from airflow_integrations.sql.database import Database
from airflow_integrations.sql.reading import is_instant, is_naive_time

__all__ = ["cursor_value", "pack", "unpack"]

FOLD = timedelta(hours=3)
"""No clock is put back by more than this."""


def pack(value: Any) -> Any:
    """A value of a row as JSON."""
    if isinstance(value, datetime):
        return {"time": value.isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, bytes | bytearray | memoryview):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, Decimal):
        return {"number": str(value)}
    if isinstance(value, float):
        return {"float": value.hex()}
    if isinstance(value, UUID):
        return {"uuid": str(value)}
    if value is None or isinstance(value, str | int):
        return value
    raise AnswerError(f"rows cannot be ordered by a value of type {type(value).__name__}; name another key or tie")


def unpack(value: Any) -> Any:
    """The same value again. Raises AnswerError for what :func:`pack` never gives."""
    if not isinstance(value, dict):
        return value
    kinds: dict[str, Any] = {
        "time": datetime.fromisoformat,
        "date": date.fromisoformat,
        "bytes": base64.b64decode,
        "number": Decimal,
        "float": float.fromhex,
        "uuid": UUID,
    }
    try:
        ((kind, text),) = value.items()
        return kinds[kind](text)
    except (KeyError, TypeError, ValueError):
        raise AnswerError("the saved place is of another kind than this incoming's") from None


def cursor_value(database: Database, column: Sequence[Any], text: str, zone: ZoneInfo | None) -> Any:
    """What is bound for a cursor's text, for a column of a cursor's description. Never later than what it stands for.

    Naive times are of ``zone``: an hour that the clock shows twice is asked for as a whole.
    """
    found = of_text(text)
    if database.dialect == "sqlite":
        # its times are texts, and nobody knows how they are written: a day's begin comes before all of that day
        return text[:10] if found.kind == TIME else text
    if database.dialect == "postgresql":
        if found.kind == TIME and zone is not None and is_naive_time(database, column):
            return _wall(found.order[0], zone).isoformat()
        if found.kind == TIME and is_naive_time(database, column):
            return found.order[0].astimezone(UTC).replace(tzinfo=None).isoformat()
        return text  # without a type: PostgreSQL reads it as one of the column's
    if found.kind == NUMBER:
        return int(text) if text.lstrip("-").isdigit() else Decimal(text)
    if found.kind == TIME:
        moment: datetime = found.order[0]
        if zone is None or is_instant(database, column):
            return moment.astimezone(UTC).replace(tzinfo=None)
        return _wall(moment, zone)
    return found.order[0] if found.kind == LOCAL_TIME else text


def _wall(moment: datetime, zone: ZoneInfo) -> datetime:
    """What clocks show at a moment, or shortly after it where they are put back: the earliest of it."""
    local = moment.astimezone(zone)
    before, back = local.utcoffset() or timedelta(0), timedelta(0)
    for minutes in range(0, int(FOLD.total_seconds() // 60) + 1, 15):
        later = (moment + timedelta(minutes=minutes)).astimezone(zone).utcoffset() or timedelta(0)
        back = max(back, before - later)
    return local.replace(tzinfo=None, fold=0) - back

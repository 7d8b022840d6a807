"""Values as people write them in a route: durations, sizes, times, cron expressions, names."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    WithJsonSchema,
)

from airflow_integrations.config.credentials import looks_like_secret, secret_remedy

__all__ = [
    "ConnectionId",
    "Duration",
    "Moment",
    "RouteName",
    "Size",
    "check_cron",
    "check_timezone",
    "duration_meant",
    "duration_text",
    "size_text",
]

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?")


_LONG = re.compile(r"(?i)(\d+)\s*(s|m|h|d)(?:ec(?:ond)?s?|in(?:ute)?s?|(?:ou)?rs?|ays?)?")
_ISO = re.compile(r"P(\d+D)?(?:T(\d+H)?(\d+M)?(\d+(?:\.\d+)?S)?)?")
_CLOCK = re.compile(r"(\d{1,2}):([0-5]\d)(?::([0-5]\d))?")


def _short_duration(value: Any) -> str:
    """``5m`` for ``5 minutes``, ``300s`` for 300; else what durations look like."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9:
        return f"{value}s, if seconds are meant"
    return (duration_meant(value) if isinstance(value, str) else None) or "30s, 5m, 1h30m or 2d"


def duration_meant(text: str) -> str | None:
    """``5m`` for ``5 minutes``, ``PT5M`` and ``00:05:00``; None for what is not a duration in any of these forms."""
    plain = text.strip()
    if long := _LONG.fullmatch(plain):
        return f"{long[1]}{long[2].lower()}"
    if iso := _ISO.fullmatch(plain.upper()):
        plain = "".join(part for part in iso.groups() if part).lower()
    elif clock := _CLOCK.fullmatch(plain):
        plain = "".join(
            f"{int(part)}{unit}" for part, unit in zip(clock.groups(), "hms", strict=True) if int(part or 0)
        )
    return plain if plain and _DURATION.fullmatch(plain) else None


def _duration(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value.replace(" ", "")) if isinstance(value, str) and value.strip() else None
    if match is None:
        raise ValueError(f"{value!r} is not a duration; write it like {_short_duration(value)}")
    days, hours, minutes, seconds = match.groups()
    try:
        return timedelta(int(days or 0), hours=int(hours or 0), minutes=int(minutes or 0), seconds=float(seconds or 0))
    except OverflowError:
        raise ValueError(f"{value!r} is longer than a duration can be") from None


def duration_text(duration: timedelta) -> str:
    """As people write it in a route: ``1h30m``; ``0s`` for none."""
    minutes, seconds = divmod(duration.seconds, 60)
    parts = zip((duration.days, *divmod(minutes, 60)), "dhm", strict=True)
    text = "".join(f"{count}{unit}" for count, unit in parts if count)
    fraction = f".{duration.microseconds:06d}".rstrip("0") if duration.microseconds else ""
    return f"{text}{seconds}{fraction}s" if seconds or fraction or not text else text


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(duration_text, return_type=str, when_used="json"),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^ *(\d+d)? *(\d+h)? *(\d+m)? *(\d+(\.\d+)?s)? *$",
            "minLength": 2,
            "examples": ["30s", "5m", "1h30m"],
        }
    ),
]
"""``30s``, ``5m``, ``1h30m``, ``2d``."""


def _no_secret(value: str) -> str:
    if looks_like_secret(value):
        raise ValueError(secret_remedy())
    return value


ConnectionId = Annotated[str, Field(min_length=1, max_length=250, pattern=r"^[\w.\-]+$"), AfterValidator(_no_secret)]
"""The id of an Airflow Connection. It is looked up when the task runs, never when a file is read."""

RouteName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.\-]+$", min_length=1, max_length=200)]
"""What a route is called; also the id of its DAG."""

_UNITS = {"": 1, "B": 1, "KB": 1000, "MB": 1000**2, "GB": 1000**3}

_SIZE = re.compile(r"(\d{1,12})\s*([KMG]?B)?", re.IGNORECASE)


def _size(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is not a size; write it like 500KB or 2MB")
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


def _moment(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value
    try:
        if isinstance(value, str):
            return date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
    except ValueError:
        pass
    raise ValueError(f"{value!s} is not a date; write 2026-01-31, or a moment such as 2026-01-31T06:00:00Z")


Moment = Annotated[
    datetime | date,
    BeforeValidator(_moment),
    WithJsonSchema(
        {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}", "examples": ["2026-01-31", "2026-01-31T06:00:00Z"]}
    ),
]
"""A date, or a date with a time of day."""

_PRESETS = frozenset({"@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly"})


def check_cron(cron: str) -> str:
    """The expression as it is. Raises ValueError where Airflow could not read it."""
    from croniter import croniter

    if cron not in _PRESETS and (len(cron.split()) != 5 or not croniter.is_valid(cron)):
        example = f"write five fields like '*/5 * * * *', or one of {', '.join(sorted(_PRESETS))}"
        if cron.startswith("@every "):
            example = f"write every: {cron.removeprefix('@every ')} in place of cron"
        raise ValueError(f"{cron!r} is not a cron expression; {example}")
    return cron


def check_timezone(name: str) -> str:
    """The name as it is. Raises ValueError for one that is not an IANA time zone."""
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):  # OSError: the name of a folder of zones
        close = get_close_matches(name, available_timezones(), n=1)
        guess = f"did you mean {close[0]!r}?" if close else "write one such as 'Europe/Madrid' or 'UTC'"
        raise ValueError(f"unknown time zone {name!r}, {guess}") from None
    return name

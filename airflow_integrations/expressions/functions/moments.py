"""Functions over dates and moments. There is no clock here: the time a run is about is ``window``."""

from __future__ import annotations

import calendar
import datetime as dt
from decimal import Decimal
from functools import cache
from types import ModuleType
from typing import Any

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions.functions.catalogue import function
from airflow_integrations.expressions.guards import kind_of

__all__ = ["add", "date", "days_between", "format_", "from_unix", "in_tz", "moment", "unix"]

MAX_WRITTEN = 64
"""Characters of a date or moment."""


@cache
def _pendulum() -> ModuleType:
    import pendulum

    return pendulum


def _zone(tz: Any) -> Any:
    try:
        return _pendulum().timezone(tz)
    except Exception:
        raise EntityError("the time zone is unknown; write one such as Europe/Madrid") from None


def _read(value: Any, layout: str | None) -> dt.datetime:
    if type(value) is not str:
        raise EntityError(f"a date is read from text, and this is {kind_of(value)}")
    if len(value) > MAX_WRITTEN:
        raise EntityError("the text is no date")
    try:
        if layout is not None:
            read = _pendulum().from_format(value, layout)
            return dt.datetime.combine(read.date(), read.time())
        return dt.datetime.fromisoformat(value.strip())
    except (ValueError, TypeError, OverflowError, AttributeError):
        how = f"written {layout}" if layout else 'as ISO 8601 writes it (another way of writing: format="DD/MM/YYYY")'
        raise EntityError(f"the text is no date {how}") from None


def _layout(constants: dict[str, Any], given: Any) -> None:
    layout = constants.get("format")
    if layout is None:
        if "format" in given:
            raise ValueError('the format is written out as text, such as "DD/MM/YYYY"')
        return
    if not isinstance(layout, str) or not all(part in layout for part in ("YY", "M", "D")):
        raise ValueError(f"the format {layout!r} names year, month and day, such as DD/MM/YYYY")


@function("Dates", returns="moment", checked=_layout)
def date(value: Any, format: str | None = None) -> Any:  # noqa: A002
    """The day of an ISO 8601 text or a moment; other ways of writing with `format="DD/MM/YYYY"`."""
    if isinstance(value, dt.date):
        return _pendulum().date(value.year, value.month, value.day)
    read = _read(value, format)
    return _pendulum().date(read.year, read.month, read.day)


@function("Dates", returns="moment", checked=_layout)
def moment(value: Any, tz: str | None = None, format: str | None = None) -> Any:  # noqa: A002
    """A moment from ISO 8601 text, such as `2026-01-31T10:00:00+01:00`. `tz` is the zone of a text that names none."""
    read = value if isinstance(value, dt.datetime) else _read(value, format)
    if read.tzinfo is None:
        if tz is None:
            raise EntityError('the text names no time zone; write moment(…, tz="Europe/Madrid")')
        read = _pendulum().instance(read, tz=_zone(tz))
    try:
        return _pendulum().instance(read)
    except (ValueError, OverflowError):
        raise EntityError("the moment is out of range") from None


@function("Dates", returns="moment")
def from_unix(seconds: Any) -> Any:
    """The moment so many seconds after 1970 began, UTC."""
    if type(seconds) not in (int, Decimal):
        raise EntityError(f"from_unix() takes a number, and this is {kind_of(seconds)}")
    if not -62_000_000_000 < seconds < 253_000_000_000:
        raise EntityError("the moment is out of range; are these milliseconds? then write from_unix(… / 1000)")
    start = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return _pendulum().instance(start + dt.timedelta(microseconds=int(seconds * 1_000_000)))


@function("Dates", returns="number")
def unix(value: Any) -> int:
    """Whole seconds from the beginning of 1970 to a moment."""
    if not isinstance(value, dt.datetime):
        value = moment(value)
    return calendar.timegm(value.utctimetuple())


@function("Dates", returns="moment")
def in_tz(value: Any, tz: str) -> Any:
    """The same moment on the clocks of another time zone, such as Europe/Madrid."""
    if not isinstance(value, dt.datetime):
        value = moment(value)
    try:
        return _pendulum().instance(value).in_tz(_zone(tz))
    except (ValueError, OverflowError):
        raise EntityError("the moment is out of range") from None


@function("Dates", name="format", returns="text")
def format_(value: Any, pattern: str) -> str:
    """A date or moment written by a pattern: `format(window.start, "DD/MM/YYYY HH:mm")`."""
    if not isinstance(value, dt.date):
        raise EntityError(f"format() takes a date or moment, and this is {kind_of(value)}; write format(moment(…), …)")
    if type(pattern) is not str or len(pattern) > MAX_WRITTEN:
        raise EntityError("the pattern is a short text, such as YYYY-MM-DD")
    if isinstance(value, dt.datetime):
        written: str = _pendulum().instance(value).format(pattern)
        return written
    return str(_pendulum().date(value.year, value.month, value.day).format(pattern))


@function("Dates", returns="moment")
def add(value: Any, years: int = 0, months: int = 0, days: int = 0, hours: int = 0, minutes: int = 0) -> Any:
    """A date or moment so much later; negative numbers go back."""
    if not isinstance(value, dt.date):
        raise EntityError(f"add() takes a date or moment, and this is {kind_of(value)}; write add(date(…), …)")
    steps = {"years": years, "months": months, "days": days}
    if isinstance(value, dt.datetime):
        steps |= {"hours": hours, "minutes": minutes}
    elif hours or minutes:
        raise EntityError("a date has no hours; write add(moment(…), …)")
    if not all(type(step) is int and abs(step) < 10_000_000 for step in steps.values()):
        raise EntityError("add() takes whole numbers")
    base = _pendulum().instance(value) if isinstance(value, dt.datetime) else date(value)
    try:
        return base.add(**steps)
    except (ValueError, OverflowError):
        raise EntityError("the date is out of range") from None


@function("Dates", returns="number")
def days_between(start: Any, end: Any) -> int:
    """Whole days from one date to another; negative where the second is earlier."""
    first = start if isinstance(start, dt.date) else date(start)
    second = end if isinstance(end, dt.date) else date(end)
    return (
        dt.date(second.year, second.month, second.day).toordinal()
        - dt.date(first.year, first.month, first.day).toordinal()
    )

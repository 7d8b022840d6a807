"""Functions over dates and moments. There is no clock here: the time a run is about is ``window``."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from decimal import Decimal
from functools import cache
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from airflow_integrations.config.suggestions import suggestion
from airflow_integrations.errors import EntityError
from airflow_integrations.expressions.evaluation.guards import kind_of
from airflow_integrations.expressions.functions.catalogue import function

__all__ = ["add", "check_zone", "date", "days_between", "format_", "from_unix", "in_tz", "moment", "unix"]

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


def _read(value: Any, layout: str | None) -> tuple[dt.datetime, Any]:
    """The date and time as they are written, and the zone or offset that the text names: None where it names none."""
    if type(value) is not str:
        raise EntityError(f"a date is read from text, and this is {kind_of(value)}")
    if len(value) > MAX_WRITTEN:
        raise EntityError("the text is not a date")
    try:
        if layout is not None:
            return _read_written(value, layout)
        text = value.strip()
        read = _from_mail(text) if _MAIL.fullmatch(text) else _iso(text)
    except (ValueError, TypeError, OverflowError, AttributeError, IndexError):
        how = (
            f"written {layout}"
            if layout
            else 'as ISO 8601 or RFC 2822 writes it (another way of writing: format="DD/MM/YYYY")'
        )
        raise EntityError(f"the text is not a date {how}") from None
    return read.replace(tzinfo=None), read.tzinfo


def _from_mail(text: str) -> dt.datetime:
    from email.utils import parsedate_to_datetime

    return parsedate_to_datetime(_UTC.sub("+0000", text))


_iso = dt.datetime.fromisoformat
_MAIL = re.compile(
    r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),\s*)?\d{1,2}\s+(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\s+\d{4}"
    r"\s+\d\d:\d\d(?::\d\d)?(?:\s+(?:[+-]\d{4}|UTC?|GMT|Z|[ECMP][SD]T))?",
    re.IGNORECASE | re.ASCII,
)
"""RFC 2822, section 3.3, without comments; of the obsolete zones those that it defines."""
_UTC = re.compile(r"-0000$")
"""UTC, without a word on where the writer is (RFC 2822, section 3.3)."""
_ZONE = re.compile(r"\[[^\]]*\]|(ZZ?|z)")
"""What names a zone in a layout, beside the fixed texts in brackets."""


def _read_written(value: str, layout: str) -> tuple[dt.datetime, Any]:
    if layout.endswith("Z") and value[-1:] in ("Z", "z") and _names_zone(layout):
        value = f"{value[:-1]}+00:00"
    parts = _formatter().parse(value, layout, _pendulum().datetime(2000, 1, 1))
    zone = parts.pop("tz")
    return dt.datetime(**parts, tzinfo=dt.UTC).replace(tzinfo=None), zone if _names_zone(layout) else None


def _names_zone(layout: str) -> bool:
    return any(found.group(1) for found in _ZONE.finditer(layout))


@cache
def _formatter() -> Any:
    from pendulum.formatting import Formatter

    return Formatter()


def _at(read: dt.datetime, zone: Any) -> Any:
    """The moment at which the clocks of a zone show a time; the earlier one where they show it twice."""
    found = read.replace(tzinfo=zone, fold=0)
    shown = found.astimezone(dt.UTC).astimezone(zone)
    if shown.replace(tzinfo=None) != read:
        raise EntityError(
            f"{read:%H:%M} on {read:%Y-%m-%d} does not exist in {zone}: the clocks go forward over it; "
            'is the text really in that zone? Where it is in UTC, write tz="UTC"'
        )
    return _pendulum().instance(found)


def _layout(constants: dict[str, Any], given: Any) -> None:
    layout = constants.get("format")
    if layout is None:
        if "format" in given:
            raise ValueError('the format is written out as text, such as "DD/MM/YYYY"')
        return
    if isinstance(layout, str) and (meant := pattern_remedy(layout)) is not None:
        raise ValueError(f'the format is written in the tokens YYYY MM DD HH mm ss: write "{meant}"')
    if not isinstance(layout, str) or not all(part in layout for part in ("YY", "M", "D")):
        raise ValueError(f"the format {layout!r} names year, month and day, such as DD/MM/YYYY")


def check_zone(constants: dict[str, Any], given: Any) -> None:
    """Raises ValueError where a time zone that is written out is unknown."""
    zone = constants.get("tz")
    if zone is None:
        return
    try:
        ZoneInfo(zone)
    except (ValueError, TypeError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        hint = suggestion(str(zone), available_timezones()) if len(str(zone)) < MAX_WRITTEN else ""
        guess = hint.partition("?")[0] + "?" if hint.startswith("did") else "write one such as Europe/Madrid or UTC"
        raise ValueError(f"unknown time zone {zone!r}, {guess}") from None


def _moment_written(constants: dict[str, Any], given: Any) -> None:
    _layout(constants, given)
    check_zone(constants, given)


@function("Dates", returns="moment", checked=_layout, reads="little")
def date(value: Any, format: str | None = None) -> Any:  # noqa: A002
    """The day of an ISO 8601 text or a moment; other ways of writing with `format="DD/MM/YYYY"`."""
    if isinstance(value, dt.date):
        return _pendulum().date(value.year, value.month, value.day)
    read, _ = _read(value, format)
    return _pendulum().date(read.year, read.month, read.day)


@function("Dates", returns="moment", checked=_moment_written, reads="little")
def moment(value: Any, tz: str | None = None, format: str | None = None) -> Any:  # noqa: A002
    """A moment from ISO 8601 text, such as `2026-01-31T10:00:00+01:00`, or from RFC 2822 text, such as
    `Sat, 31 Jan 2026 10:00:00 +0100`; other ways of writing with `format="DD/MM/YYYY HH:mm Z"`, where `Z` is the
    offset. `tz` is the zone of a text that names none; an offset in the text is never passed over."""
    if isinstance(value, dt.datetime):
        read, zone = value.replace(tzinfo=None), value.tzinfo
    else:
        read, zone = _read(value, format)
    try:
        if zone is not None:
            return _pendulum().instance(value) if isinstance(value, dt.datetime) else _at(read, zone)
        if tz is None:
            raise EntityError(
                'the text names no time zone; write moment(…, tz="Europe/Madrid"), or tz="UTC" where it is in UTC'
            )
        return _at(read, _zone(tz))
    except (ValueError, OverflowError):
        raise EntityError("the moment is out of range") from None


@function("Dates", returns="moment", reads="little")
def from_unix(seconds: Any) -> Any:
    """The moment so many seconds after 1970 began, UTC."""
    if type(seconds) not in (int, Decimal):
        raise EntityError(f"from_unix() takes a number, and this is {kind_of(seconds)}")
    if not -62_000_000_000 < seconds < 253_000_000_000:
        raise EntityError("the moment is out of range; are these milliseconds? then write from_unix(… / 1000)")
    start = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return _pendulum().instance(start + dt.timedelta(microseconds=int(seconds * 1_000_000)))


@function("Dates", returns="number", reads="little")
def unix(value: Any) -> int:
    """Whole seconds from the beginning of 1970 to a moment."""
    if not isinstance(value, dt.datetime):
        value = moment(value)
    return calendar.timegm(value.utctimetuple())


@function("Dates", returns="moment", reads="little", checked=check_zone)
def in_tz(value: Any, tz: str) -> Any:
    """The same moment on the clocks of another time zone, such as Europe/Madrid."""
    if not isinstance(value, dt.datetime):
        value = moment(value)
    try:
        return _pendulum().instance(value).in_tz(_zone(tz))
    except (ValueError, OverflowError):
        raise EntityError("the moment is out of range") from None


def pattern_remedy(pattern: str) -> str | None:
    """``YYYY-MM-DD`` for the ``%Y-%m-%d`` of C and Python and the ``yyyy-MM-dd`` of Java and .NET; None for others."""
    if re.search(r"%-?[A-Za-z]", pattern):
        return re.sub(r"%-?([A-Za-z])", lambda found: _DIRECTIVES.get(found[1], found[0]), pattern)
    plain = re.sub(r"\[[^\]]*\]|'[^']*'", "", pattern)
    day = re.search(r"(?<!d)dd(?!d)", plain) and "D" not in plain
    month = "mm" in plain and "M" not in plain and not re.search(r"[Hhs]", plain)
    if "y" in plain or ("YY" in plain and (day or month)):
        bare = re.sub(r"'([^']*)'", r"[\1]", pattern).replace("y", "Y")
        bare = re.sub(r"(?<!d)dd?(?!d)", lambda found: found[0].upper(), bare) if "D" not in plain else bare
        return bare.replace("mm", "MM") if month else bare
    return None


_DIRECTIVES = {
    "Y": "YYYY",
    "y": "YY",
    "m": "MM",
    "d": "DD",
    "H": "HH",
    "I": "hh",
    "M": "mm",
    "S": "ss",
    "p": "A",
    "z": "ZZ",
    "Z": "z",
    "b": "MMM",
    "B": "MMMM",
    "a": "ddd",
    "A": "dddd",
    "j": "DDDD",
    "f": "SSSSSS",
    "s": "X",
}
"""Directives of strftime, each with the token for the same."""


def _pattern(constants: dict[str, Any], given: Any) -> None:
    written = constants.get("pattern")
    if isinstance(written, str) and (meant := pattern_remedy(written)) is not None:
        raise ValueError(f'the pattern is written in the tokens YYYY MM DD HH mm ss: write "{meant}"')


@function("Dates", name="format", returns="text", reads="little", builds="nothing", is_plain=True, checked=_pattern)
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


@function("Dates", returns="moment", reads="little")
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


@function("Dates", returns="number", reads="little")
def days_between(start: Any, end: Any) -> int:
    """Whole days from one date to another; negative where the second is earlier."""
    first = start if isinstance(start, dt.date) else date(start)
    second = end if isinstance(end, dt.date) else date(end)
    return (
        dt.date(second.year, second.month, second.day).toordinal()
        - dt.date(first.year, first.month, first.day).toordinal()
    )

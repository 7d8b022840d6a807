"""Weeks, beginnings of days and months, and the clocks of a place."""

from __future__ import annotations

import datetime as dt
from typing import Any

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions.functions.catalogue import function
from airflow_integrations.expressions.functions.moments import check_zone, date, in_tz, moment, unix
from airflow_integrations.window import rfc3339

__all__ = ["iso", "iso_week", "iso_weekday", "local", "start_of", "unix_ms"]

_UNITS = ("year", "quarter", "month", "week", "day", "hour", "minute")


def _unit(constants: dict[str, Any], given: Any) -> None:
    if (unit := constants.get("unit", "day")) not in _UNITS:
        raise ValueError(f"unknown unit {unit!r}; one of {', '.join(_UNITS)}")
    check_zone(constants, given)


@function("Dates", returns="text", reads="little", builds="nothing", is_plain=True)
def iso(value: Any) -> str:
    """A moment as RFC 3339 in UTC: `2026-01-31T23:05:00Z`."""
    return rfc3339(moment(value))


@function("Dates", returns="text", reads="little", builds="nothing", is_plain=True, checked=check_zone)
def local(value: Any, tz: str) -> str:
    """A moment on the clocks of a time zone, with its offset: `local(order.created_at, "Europe/Madrid")` is
    `2026-07-01T10:00:00+02:00`."""
    shown = in_tz(value, tz)
    written: str = shown.isoformat(timespec="microseconds" if shown.microsecond else "seconds")
    return written


@function("Dates", returns="text", reads="little", builds="nothing", is_plain=True)
def iso_week(value: Any) -> str:
    """The week of a date or moment with the year that it belongs to, as ISO 8601 writes it: `2026-W05`."""
    year, week, _ = _day(value).isocalendar()
    return f"{year:04}-W{week:02}"


@function("Dates", returns="number", reads="little")
def iso_weekday(value: Any) -> int:
    """The day of the week of a date or moment: 1 for Monday to 7 for Sunday."""
    return _day(value).isoweekday()


@function("Dates", returns="moment", reads="little", checked=_unit)
def start_of(value: Any, unit: str, tz: str | None = None) -> Any:
    """The beginning of the year, quarter, month, week (Monday), day, hour or minute that a date or moment is in:
    `start_of(order.created_at, "month")`. `tz`: by the clocks of this time zone; else by those of the moment."""
    if unit not in _UNITS:
        raise EntityError(f"the unit is one of {', '.join(_UNITS)}")
    if not isinstance(value, dt.date):
        value = date(value) if isinstance(value, str) and len(value.strip()) <= 10 else moment(value)
    if not isinstance(value, dt.datetime):
        if unit in ("hour", "minute"):
            raise EntityError(f"a date has no {unit}s; write start_of(moment(…), …)")
        if tz is not None:
            raise EntityError("a date has no time zone; write start_of(moment(…), …)")
    if not isinstance(value, dt.datetime):
        return date(_beginning(dt.datetime(value.year, value.month, value.day), unit))  # noqa: DTZ001
    shown = in_tz(value, tz) if tz is not None else value
    clock = dt.datetime(shown.year, shown.month, shown.day, shown.hour, shown.minute)  # noqa: DTZ001
    begun = _beginning(clock, unit).replace(tzinfo=shown.tzinfo)
    try:  # by way of UTC: of a time that the clocks skip, that is the moment at which they do
        first = begun.astimezone(dt.UTC)
        if unit in ("hour", "minute"):  # of an hour that the clock shows twice, the one that the moment is in
            second = begun.replace(fold=1).astimezone(dt.UTC)
            first = second if first < second <= value else first
        return moment(first.astimezone(shown.tzinfo))
    except (ValueError, OverflowError):
        raise EntityError("the date is out of range") from None


def _beginning(shown: dt.datetime, unit: str) -> dt.datetime:
    """The beginning on the clock of what a time on the clock is in."""
    if unit == "minute":
        return shown.replace(second=0, microsecond=0, fold=0)
    hour = shown.replace(minute=0, second=0, microsecond=0, fold=0)
    if unit == "hour":
        return hour
    day = hour.replace(hour=0)
    if unit == "week":
        try:
            return day - dt.timedelta(days=day.weekday())
        except OverflowError:
            raise EntityError("the date is out of range") from None
    month = {"year": 1, "quarter": day.month - (day.month - 1) % 3}.get(unit, day.month)
    return day if unit == "day" else day.replace(month=month, day=1)


@function("Dates", returns="number", reads="little")
def unix_ms(value: Any) -> int:
    """Whole milliseconds from the beginning of 1970 to a moment."""
    read = moment(value)
    return unix(read) * 1000 + int(read.microsecond // 1000)


def _day(value: Any) -> dt.date:
    return value if isinstance(value, dt.date) else date(value)

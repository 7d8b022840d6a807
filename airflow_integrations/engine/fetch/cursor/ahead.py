"""Find values of a cursor that lie in the future: they would pass over everything until then."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from airflow_integrations.incoming.sort_value import (
    DIGITS,
    LOCAL_TIME,
    NUMBER,
    TEXT,
    TIME,
    SortValue,
    of_text,
    why_not_in_order,
)
from airflow_integrations.route.incremental import Cursor

__all__ = ["AHEAD", "Latest", "NumbersAhead", "is_day_first", "is_named_as_time", "saved_trouble"]

AHEAD = timedelta(days=1)
"""Nothing changes later than this: time zones differ by up to 14 hours, and clocks are wrong by minutes."""

_DAY = re.compile(r"(\d{4})([./-])(\d\d)(?:\2(\d\d))?(?!\d)", re.ASCII)
_WEEK = re.compile(r"(\d{4})-?W([0-5]\d)(?!\d)", re.ASCII)
_COMPACT_TIME = re.compile(r"(\d{8})[Tt ]\d\d", re.ASCII)
_FAR = re.compile(r"\+?\d{5,6}-\d\d-\d\d(?!\d)", re.ASCII)
"""A year behind 9999, as some systems write *never*."""
_EPOCH = re.compile(r"/Date\((\d{1,17})(?:[+-]\d{4})?\)/", re.ASCII)
"""Milliseconds since 1970 as old services write them in JSON."""
_COMPACT = re.compile(
    r"((?:19|[2-9]\d)\d\d(?:0[1-9]|1[0-2])[0-3]\d)(?:[0-2]\d[0-5]\d(?:[0-5]\d(?:\d{3})?)?)?", re.ASCII
)
"""``20260131`` and ``20260131235959``: days and times written as one number."""
_COMPACT_LENGTHS = frozenset({8, 12, 14, 17})
_LAST_SECOND = Decimal(253_402_300_800)
"""The end of the year 9999, which many systems write for *never*."""
_SCALES = (10**9, 10**6, 10**3, 1)
"""Nanoseconds, microseconds, milliseconds and seconds: how many are a second."""
_TIMES = frozenset({"at", "on", "ts", "epoch"})
_TIME_ENDS = ("time", "date", "dat", "timestamp", "modified", "updated", "changed", "created")
_COUNTS = {"id", "ids", "seq", "sequence", "number", "no", "nr", "num", "version", "revision", "rev", "offset"}
_COUNTS |= {"position", "pos", "key", "lsn", "usn", "serial", "counter", "count"}


def _last_word(field: str) -> str:
    """``at`` of ``order.updatedAt`` and of ``updated_at``."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", field.rpartition(".")[2])
    return re.split(r"[_-]", words)[-1].lower()


class _Unit(NamedTuple):
    """Seconds or parts of them since 1970: the numbers of times from 2001 up to ``latest``, and up to the year 9999."""

    first: Decimal
    latest: Decimal
    last: Decimal


class Latest:
    """The latest time that a record can have been changed at: a day behind ``now``, in seconds since 1970."""

    def __init__(self, now: float) -> None:
        self.moment = datetime.fromtimestamp(now, UTC) + AHEAD
        self.day = self.moment.date()
        seconds = Decimal(int(self.moment.timestamp()))
        self.units = tuple(_Unit(Decimal(10**9) * many, seconds * many, _LAST_SECOND * many) for many in _SCALES)

    def passed_by(self, value: SortValue) -> bool:
        """Whether a time or a date lies behind it. Of numbers nothing is said."""
        if value.kind in (NUMBER, DIGITS):
            return False
        if value.kind in (TIME, LOCAL_TIME):
            moment: datetime = value.order[0]
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) > self.moment
        return self._text_passed_by(value.text)

    def _text_passed_by(self, text: str) -> bool:
        if (found := _DAY.match(text)) is not None:
            year, month, day = found.group(1, 3, 4)
            return _is_month(month) and f"{year}{month}{day or '01'}" > f"{self.day:%Y%m%d}"
        if (found := _WEEK.match(text)) is not None:
            return (int(found[1]), int(found[2])) > self.day.isocalendar()[:2]
        if (found := _COMPACT_TIME.match(text)) is not None:
            return _is_day(found[1]) and found[1] > f"{self.day:%Y%m%d}"
        if (found := _EPOCH.match(text)) is not None:
            return int(found[1]) > self.moment.timestamp() * 1000
        return _FAR.match(text) is not None

    def compact_passed_by(self, day: str) -> bool:
        """Whether ``20260131`` lies behind it."""
        return day > f"{self.day:%Y%m%d}"


def _is_month(text: str) -> bool:
    return "01" <= text <= "12"


def _is_day(text: str) -> bool:
    """Whether ``20260131`` is a day of the calendar."""
    try:
        date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return False
    return True


def _compact_day(text: str) -> str | None:
    """The day of a number that is one, or a time, written without anything between; else None."""
    found = _COMPACT.fullmatch(text)
    return found[1] if found is not None and _is_day(found[1]) else None


class NumbersAhead:
    """Tells numbers that are times in the future from ids and sequences, which may have any size.

    A number is such a time where others of the same field are times of the past, written in the same way; also where
    its field is named as a time is, and all others are times. In a field that is named as a count is, none is.
    """

    def __init__(self, field: str, latest: Latest) -> None:
        self._latest = latest
        self._counts = _last_word(field) in _COUNTS
        self._named = is_named_as_time(field)
        self._past: dict[object, SortValue] = {}
        """The greatest time of the past by the way of writing: how many digits a compact one has, else the unit."""
        self._others = False
        """Whether some number is no time at all."""
        self._sequences: set[int] = set()
        """Lengths of which some number is not a day: the others are none, either."""

    def see(self, value: SortValue) -> None:
        """Take note of a number."""
        if self._counts:
            return
        times = list(self._times(value))
        self._others = self._others or not (times or number_ahead(value, self._latest))
        for written in times:
            past = self._past.get(written)
            if past is None or value.order > past.order:
                self._past[written] = value

    def _times(self, value: SortValue) -> Iterator[object]:
        """The ways of writing in which it is a time of the past."""
        if len(value.text) in _COMPACT_LENGTHS:
            day = _compact_day(value.text)
            if day is None:
                self._sequences.add(len(value.text))
            elif not self._latest.compact_passed_by(day):
                yield len(value.text)
        for unit in self._latest.units:
            if unit.first <= value.order <= unit.latest:
                yield unit

    def instead_of(self, greatest: SortValue) -> SortValue | None:
        """The greatest time of the past where ``greatest`` is one in the future; None where it may stay."""
        length = len(greatest.text)
        day = None if length in self._sequences else _compact_day(greatest.text)
        if day is not None and length in self._past:
            return self._past[length] if self._latest.compact_passed_by(day) else None
        for unit in self._latest.units:
            if unit in self._past and greatest.order > unit.latest:
                return self._past[unit]
        return None

    def is_ahead_by_name(self, greatest: SortValue) -> bool:
        """Whether ``greatest`` is a time in the future where none of the past is known."""
        return self._named and not self._others and number_ahead(greatest, self._latest)


def is_named_as_time(field: str) -> bool:
    """``updated_at``, ``lastModified``; not ``uSNChanged``, which counts."""
    word = _last_word(field)
    return (word in _TIMES or word.endswith(_TIME_ENDS)) and "usn" not in field.lower()


def is_day_first(text: str) -> bool:
    """Whether eight digits are a day whose year stands last, such as ``31012026``."""
    if len(text) != 8 or not text.isdecimal() or _compact_day(text) is not None or text[4:6] not in ("19", "20"):
        return False
    return _is_day(text[4:] + text[2:4] + text[:2]) or _is_day(text[4:] + text[:4])


def number_ahead(value: SortValue, latest: Latest) -> bool:
    """Whether a number of a field that is named as a time is one in the future: a day or a time in digits, seconds or
    milliseconds since 1970. Greater ones may as well be ticks of another kind."""
    if value.kind not in (NUMBER, DIGITS):
        return False
    day = _compact_day(value.text)
    if day is not None:
        return latest.compact_passed_by(day)
    return any(unit.latest < value.order <= unit.last for unit in latest.units[-2:])


def saved_trouble(cursor: Cursor, saved: str, now: float) -> str | None:
    """What is wrong with a cursor that an earlier run has saved, and what follows from it; None where nothing is."""
    value, latest = of_text(saved), Latest(now)
    if latest.passed_by(value) or (is_named_as_time(cursor.field) and number_ahead(value, latest)):
        return "it lies in the future: the source is asked for nothing that changes until then"
    why = why_not_in_order(saved) if value.kind == TEXT else None
    if why is not None:
        return f"it is a date whose order as text is not that of the days: {why}"
    if cursor.initial is not None and not isinstance(cursor.initial, datetime):
        first = of_text(str(cursor.initial))
        if (first.kind == NUMBER) != (value.kind == NUMBER):
            return f"it is {value.kind}, and cursor.initial ({first.text[:40]}) is {first.kind}"
    elif isinstance(cursor.initial, datetime) and value.kind == NUMBER:
        return "it is a number, and cursor.initial is a time"
    return None

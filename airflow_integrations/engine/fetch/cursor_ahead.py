"""Find values of a cursor that lie in the future: they would pass over everything until then."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
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

__all__ = ["AHEAD", "EpochNumbers", "Latest", "saved_trouble"]

AHEAD = timedelta(days=1)
"""Nothing changes later than this: time zones differ by up to 14 hours, and clocks are wrong by minutes."""

_DAY = re.compile(r"(\d{4})([./-])(\d\d)\2(\d\d)(?!\d)", re.ASCII)
_COMPACT = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])([0-2]\d|3[01])([0-2]\d[0-5]\d([0-5]\d)?)?", re.ASCII)
"""``20260131235959``: a number of another kind than the seconds since 1970."""
_LAST_SECOND = Decimal(253_402_300_800)
"""The end of the year 9999, which many systems write for *never*."""
_LAST = (_LAST_SECOND * 1000, _LAST_SECOND)
"""In milliseconds and in seconds, as :attr:`Latest.units`."""
_TIMES = frozenset({"at", "on", "ts", "epoch"})
_TIME_ENDS = ("time", "date", "timestamp", "modified", "updated", "changed", "created")
_COUNTS = {"id", "ids", "seq", "sequence", "number", "no", "nr", "num", "version", "revision", "rev", "offset"}
_COUNTS |= {"position", "pos", "key", "lsn", "usn", "serial", "counter", "count"}


def _last_word(field: str) -> str:
    """``at`` of ``order.updatedAt`` and of ``updated_at``."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", field.rpartition(".")[2])
    return re.split(r"[_-]", words)[-1].lower()


class _Unit(NamedTuple):
    """Seconds or milliseconds since 1970: the numbers of times from 2001 up to ``latest``."""

    first: Decimal
    latest: Decimal


class Latest:
    """The latest time that a record can have been changed at: a day behind ``now``, in seconds since 1970."""

    def __init__(self, now: float) -> None:
        self.moment = datetime.fromtimestamp(now, UTC) + AHEAD
        seconds = Decimal(int(self.moment.timestamp()))
        self.units = (_Unit(Decimal(10**12), seconds * 1000), _Unit(Decimal(10**9), seconds))

    def passed_by(self, value: SortValue) -> bool:
        """Whether a time or a date lies behind it. Of numbers nothing is said."""
        if value.kind in (NUMBER, DIGITS):
            return False
        if value.kind in (TIME, LOCAL_TIME):
            moment: datetime = value.order[0]
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) > self.moment
        day = _DAY.match(value.text)
        return day is not None and "-".join(day.group(1, 3, 4)) > self.moment.date().isoformat()


class EpochNumbers:
    """Tells numbers that are times in the future from ids and sequences, which may have any size.

    A number is such a time where others of the same field are times of the past, and the field is not named as a
    count is.
    """

    def __init__(self, field: str, latest: Latest) -> None:
        self._units = () if _last_word(field) in _COUNTS else latest.units
        self._past: list[SortValue | None] = [None] * len(self._units)

    def see(self, value: SortValue) -> None:
        """Take note of a number."""
        for place, (first, latest) in enumerate(self._units):
            if first <= value.order <= latest:
                past = self._past[place]
                if past is None or value.order > past.order:
                    self._past[place] = value

    def instead_of(self, greatest: SortValue) -> SortValue | None:
        """The greatest time of the past where ``greatest`` is one in the future; None where it may stay."""
        for past, unit in zip(self._past, self._units, strict=True):
            if past is not None and greatest.order > unit.latest:
                return past
        return None


def saved_trouble(cursor: Cursor, saved: str, now: float) -> str | None:
    """What is wrong with a cursor that an earlier run has saved, and what follows from it; None where nothing is."""
    value, latest = of_text(saved), Latest(now)
    if latest.passed_by(value) or _number_ahead(cursor.field, value, latest):
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


def _number_ahead(field: str, value: SortValue, latest: Latest) -> bool:
    """Whether a field is named as a time, and a number of it is one in the future, in seconds or milliseconds."""
    word = _last_word(field)
    if value.kind != NUMBER or not (word in _TIMES or word.endswith(_TIME_ENDS)) or _COMPACT.fullmatch(value.text):
        return False
    return any(unit.latest < value.order <= last for unit, last in zip(latest.units, _LAST, strict=True))

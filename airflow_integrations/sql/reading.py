"""What a database's values become in an entity: exact numbers, times with their zone, the rest as JSON has it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from airflow_integrations.formats import BadRecord, ContentError, bad_record
from airflow_integrations.formats.json import read
from airflow_integrations.sql.database import Database
from airflow_integrations.sql.json_values import UnreadableJson
from airflow_integrations.window import on_clocks, rfc3339

__all__ = ["Reader", "is_instant", "is_naive_time"]

Convert = Callable[[Any], Any]

_PG_PLAIN = frozenset({16, 18, 19, 20, 21, 23, 25, 26, 1042, 1043, 1082, 1083, 1266, 2950})
"""Types of PostgreSQL whose values are JSON's already."""
_PG_JSON = frozenset({114, 3802})
"""json and jsonb: they are decoded with exact numbers."""
_PG_INSTANT, _PG_NAIVE, _PG_INSTANTS, _PG_NAIVES = 1184, 1114, 1185, 1115
_MYSQL_TIMESTAMP, _MYSQL_DATETIME, _MYSQL_TINY, _MYSQL_BIT, _MYSQL_JSON = 7, 12, 1, 16, 245
_MYSQL_PLAIN = frozenset({2, 3, 8, 9, 13, 247, 248})
_MYSQL_VARIABLE = frozenset({15, 253})
"""VARCHAR, and VARBINARY, whose values are bytes."""


class UnspeakableError(Exception):
    """A value that JSON has no word for."""


def is_instant(database: Database, column: Sequence[Any]) -> bool:
    """Whether a column of a cursor's description holds moments, whatever the clock on the wall shows."""
    if database.dialect == "postgresql":
        return bool(column[1] == _PG_INSTANT)
    return database.is_mysql and bool(column[1] == _MYSQL_TIMESTAMP)


def is_naive_time(database: Database, column: Sequence[Any]) -> bool:
    """Whether it holds what a clock on a wall showed."""
    if database.dialect == "postgresql":
        return bool(column[1] == _PG_NAIVE)
    return database.is_mysql and bool(column[1] == _MYSQL_DATETIME)


class Reader:
    """Rows of one result to records. ``zone`` is where naive times were written; without it they stay naive.

    ``json`` names columns of text that hold JSON, ``booleans`` columns of numbers that mean true and false.
    """

    def __init__(
        self,
        database: Database,
        description: Sequence[Sequence[Any]],
        *,
        zone: ZoneInfo | None = None,
        json: frozenset[str] = frozenset(),
        booleans: frozenset[str] = frozenset(),
    ) -> None:
        self.names = [str(column[0]) for column in description]
        self._zone = zone
        self._converts: list[tuple[str, Convert]] = []
        for name, column in zip(self.names, description, strict=True):
            convert = _boolean if name in booleans else self._of(database, column)
            if name in json:
                convert = self._json
            if convert is not None:
                self._converts.append((name, convert))

    def record(self, row: Sequence[Any]) -> dict[str, Any] | BadRecord:
        """One row. A value that JSON has no word for (NaN, infinity), or a time that UTC would show in the year 10000,
        makes a record that is rejected alone."""
        record = dict(zip(self.names, row, strict=True))
        for name, convert in self._converts:
            value = record[name]
            if value is not None:
                try:
                    record[name] = convert(value)
                except (UnspeakableError, OverflowError) as error:
                    why = f"{value} is beyond the years 1 to 9999 in UTC" if isinstance(error, OverflowError) else error
                    return bad_record(f"column {name}: {why}", str(dict(zip(self.names, map(str, row), strict=True))))
        return record

    def _of(self, database: Database, column: Sequence[Any]) -> Convert | None:
        code = column[1]
        if database.dialect == "postgresql":
            if code in _PG_PLAIN:
                return None
            if code in _PG_JSON:
                return _readable
            one = {_PG_INSTANT: _instant_text, _PG_INSTANTS: _instant_text}.get(code)
            one = one or ({_PG_NAIVE: self._naive_text, _PG_NAIVES: self._naive_text}.get(code))
            if code in (_PG_INSTANTS, _PG_NAIVES):
                return lambda values: _each(values, one)
            return one or self._plain
        if database.is_mysql:
            if code in _MYSQL_PLAIN:
                return None
            if code in _MYSQL_VARIABLE:
                return lambda value: value if type(value) is str else self._plain(value)
            if code == _MYSQL_TINY:
                return _boolean if column[3] == 1 else None
            if code == _MYSQL_BIT:
                return _bit if column[3] != 1 else lambda value: value == b"\x01"
            if code == _MYSQL_TIMESTAMP:
                return lambda value: rfc3339(value.replace(tzinfo=UTC)) if isinstance(value, datetime) else str(value)
            if code == _MYSQL_JSON:
                return self._json
        return self._plain

    def _naive_text(self, text: str) -> str:
        if len(text) < 19 or text[4] != "-" or text.endswith("BC"):
            return text  # infinity, or beyond what a calendar of four digits has
        return self._naive(datetime.fromisoformat(text)) if self._zone else f"{text[:10]}T{text[11:]}"

    def _naive(self, value: datetime) -> str:
        return value.isoformat() if self._zone is None else rfc3339(on_clocks(value, self._zone))

    def _plain(self, value: Any) -> Any:
        """By what the driver made of it."""
        kind = type(value)
        if kind is str or kind is int or kind is bool:
            return value
        if kind is Decimal:
            return _finite(value)
        if kind is float:
            return _finite(Decimal(repr(value)))
        if kind is datetime:
            return self._naive(value) if value.tzinfo is None else rfc3339(value)
        if kind is date or kind is time:
            return value.isoformat()
        if kind is timedelta:
            return _clock(value)
        if isinstance(value, bytes | bytearray | memoryview):
            return base64.b64encode(value).decode()
        if isinstance(value, UUID):
            return str(value)
        if isinstance(value, list | tuple):
            return [None if each is None else self._plain(each) for each in value]
        if isinstance(value, dict):
            return {str(name): None if each is None else self._plain(each) for name, each in value.items()}
        return None if value is None else str(_readable(value))

    def _json(self, value: Any) -> Any:
        if not isinstance(value, str | bytes):
            return self._plain(value)
        try:
            return read(value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value)
        except ContentError as error:
            raise UnspeakableError(str(error)) from None


def _each(values: Any, one: Convert | None) -> Any:
    if isinstance(values, list):
        return [_each(value, one) for value in values]
    return values if values is None or one is None else one(values)


def _instant_text(text: str) -> str:
    """``2026-01-31 12:00:00.5+00``; with another offset where the session is in another zone."""
    if text[4:5] != "-" or text.endswith("BC"):
        return text  # infinity, or beyond what a calendar of four digits has
    return f"{text[:10]}T{text[11:-3]}Z" if text.endswith("+00") else rfc3339(datetime.fromisoformat(text))


def _finite(value: Decimal) -> Decimal:
    if not value.is_finite():
        raise UnspeakableError(f"{value} is not a number that JSON can hold")
    return value


def _boolean(value: Any) -> Any:
    return bool(value) if value in (0, 1) else value


def _bit(value: Any) -> Any:
    return int.from_bytes(value, "big") if isinstance(value, bytes) else value


def _readable(value: Any) -> Any:
    if isinstance(value, UnreadableJson):
        raise UnspeakableError(value.why)
    return value


def _clock(value: timedelta) -> str:
    """MySQL's TIME, which goes from -838:59:59 to 838:59:59."""
    sign, value = ("-", -value) if value < timedelta(0) else ("", value)
    minutes, seconds = divmod(value.days * 86400 + value.seconds, 60)
    text = f"{sign}{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"
    return f"{text}.{value.microseconds:06d}" if value.microseconds else text

"""Values of an entity as a column takes them. What does not fit is said before anything is written."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from airflow_integrations.errors import EntityError
from airflow_integrations.formats.json import encode
from airflow_integrations.sql.database import Database
from airflow_integrations.sql.tables import Column
from airflow_integrations.window import on_clocks

__all__ = ["Convert", "writer_of"]

Convert = Callable[[Any], Any]
"""From a value of JSON that is not null to the driver's. Raises EntityError."""

MAX_DIGITS = 1000
"""Of a number that is written out: as many as expressions compute with."""
_WHOLE = re.compile(r"-?\d{1,40}", re.ASCII)
_TIME = re.compile(r"-?\d{1,3}:[0-5]\d(:[0-5]\d(\.\d{1,6})?)?", re.ASCII)
"""What MySQL's TIME holds, which is up to 838 hours. It would read others as well: ``101`` as a minute and a second."""
_NUMBER = re.compile(r"-?\d{1,60}(\.\d{1,60})?", re.ASCII)


def writer_of(column: Column, database: Database, zone: ZoneInfo | None) -> Convert:
    """Converts values for one column. ``zone`` is whose clocks a column shows that stores times without a zone."""
    return _computed if column.computed else _Writer(database, zone).of(column.type)


def _computed(value: Any) -> Any:
    raise EntityError("the database computes it; leave it out")


class _Writer:
    def __init__(self, database: Database, zone: ZoneInfo | None) -> None:
        self._database = database
        self._dialect = "mysql" if database.is_mysql else database.dialect
        self._zone = zone

    def of(self, type_: Any) -> Convert:
        """By the type that the database says."""
        from sqlalchemy import types

        name = type(type_).__name__.upper()
        if self._dialect == "mysql" and name == "TINYINT" and getattr(type_, "display_width", None) == 1:
            return lambda value: int(value) if isinstance(value, bool) else _whole(value)
        if self._dialect == "mysql" and name == "BIT":
            return _whole if (getattr(type_, "length", None) or 1) > 1 else lambda value: int(_boolean(value))
        if self._dialect == "mysql" and name == "YEAR":
            return _year
        if isinstance(type_, types.Boolean) or name in ("BOOLEAN", "BOOL"):
            return _boolean
        if isinstance(type_, types.JSON) or name in ("JSON", "JSONB"):
            return self._json
        if isinstance(type_, types.ARRAY):
            item = self.of(type_.item_type)
            return lambda value: _array(value, item)
        if isinstance(type_, types.Enum):
            return lambda value: _chosen(value, list(type_.enums or ()))
        if isinstance(type_, types.Uuid) or name in ("UUID", "UNIQUEIDENTIFIER"):
            return _uuid
        if isinstance(type_, types.LargeBinary) or name in ("BYTEA", "BLOB", "VARBINARY", "BINARY"):
            return _binary
        if isinstance(type_, types.Integer):
            return self._integer
        if isinstance(type_, types.Float) or name in ("FLOAT", "REAL", "DOUBLE", "DOUBLE_PRECISION"):
            return _floating
        if isinstance(type_, types.Numeric):
            scale = type_.scale if type_.precision is not None else None
            return lambda value: self._numeric(value, scale if scale is not None or type_.precision is None else 0)
        if isinstance(type_, types.DateTime) or name in ("TIMESTAMP", "DATETIME"):
            instant = bool(getattr(type_, "timezone", False)) or (self._dialect == "mysql" and name == "TIMESTAMP")
            return lambda value: self._moment(value, instant)
        if isinstance(type_, types.Date):
            return self._date
        if isinstance(type_, types.Time):
            return self._time
        if isinstance(type_, types.String):
            return self._string_of(type_.length)
        if name == "DOMAIN":
            return self.of(type_.data_type)
        return self._interval if isinstance(type_, types.Interval) or name == "INTERVAL" else self._anything

    def _json(self, value: Any) -> Any:
        if self._dialect == "sqlite" and isinstance(value, int | Decimal) and not isinstance(value, bool):
            return self._sqlite_number(Decimal(value))  # a column that is declared as JSON makes numbers of such texts
        return self._text(encode(value).decode())

    def _integer(self, value: Any) -> int:
        found = _whole(value)
        if self._dialect == "sqlite" and not -(2**63) <= found < 2**63:
            raise EntityError(f"{found} is beyond 64 bits, which SQLite's whole numbers have")
        return found

    def _numeric(self, value: Any, scale: int | None) -> Any:
        found = _number(value)
        if scale is not None and _places(found) > scale and _places(found.normalize()) > scale:
            raise EntityError(f"{found:f} has more than {scale} decimal places, and would be rounded")
        return self._sqlite_number(found) if self._dialect == "sqlite" else found

    @staticmethod
    def _sqlite_number(value: Decimal) -> int | float:
        """SQLite has binary numbers only; what they do not hold exactly is not written."""
        if value == value.to_integral_value() and abs(value) < 2**63:
            return int(value)
        made = float(value)
        if Decimal(repr(made)) != value:
            raise EntityError(f"{value:f} has more digits than SQLite keeps of a number; make it a column of text")
        return made

    def _string_of(self, length: int | None) -> Convert:
        most, full = length or 10**9, self._string

        def convert(value: Any) -> str:
            return value if type(value) is str and len(value) <= most and "\0" not in value else full(value, length)

        return convert

    def _string(self, value: Any, length: int | None) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            raise EntityError(f"a text belongs here, not {_kind(value)}")
        text = str(value) if not isinstance(value, Decimal) else format(_of_some_digits(value), "f")
        if length is not None and len(text) > length:
            raise EntityError(f"the text has {len(text)} characters, and the column takes {length}")
        return self._text(text)

    def _text(self, text: str) -> str:
        if self._dialect == "postgresql" and "\0" in text:
            raise EntityError("the text holds the character NUL, which PostgreSQL does not take")
        return text

    def _moment(self, value: Any, instant: bool) -> Any:
        if not isinstance(value, str):
            raise EntityError(f"a time such as 2026-01-31T12:00:00Z belongs here, not {_kind(value)}")
        if self._dialect == "postgresql" and value.lstrip("-") == "infinity":
            return value
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            raise EntityError(f"{value[:40]!r} is not a time such as 2026-01-31T12:00:00Z") from None
        if self._dialect == "sqlite":
            return value
        if instant and found.tzinfo is not None and self._dialect == "postgresql":
            return value
        try:
            found = self._in_utc(found) if instant else self._on_clocks(found)
        except OverflowError:
            raise EntityError(f"{value[:40]} is before the year 1 or after the year 9999 there") from None
        if self._dialect == "postgresql":
            return found.isoformat()
        return found.replace(tzinfo=None) if self._dialect == "mysql" else found

    def _in_utc(self, found: datetime) -> datetime:
        if found.tzinfo is None:
            if self._zone is None:
                told = found.isoformat()
                raise EntityError(f"{told} has no time zone; say time_zone, such as time_zone: Europe/Madrid")
            found = on_clocks(found, self._zone)
        return found.astimezone(UTC)

    def _on_clocks(self, found: datetime) -> datetime:
        if found.tzinfo is None:
            return found
        if self._zone is None:
            raise EntityError("the column stores times without a zone; say whose clocks they are, with time_zone: UTC")
        return found.astimezone(self._zone).replace(tzinfo=None)

    def _date(self, value: Any) -> Any:
        try:
            if self._dialect == "postgresql" and isinstance(value, str) and value.lstrip("-") == "infinity":
                return value
            if not isinstance(value, str) or len(value) != 10:
                raise ValueError
            if self._dialect == "postgresql":
                return value
            found = date.fromisoformat(value)
            return value if self._dialect == "sqlite" else found
        except ValueError:
            raise EntityError(f"a date such as 2026-01-31 belongs here, not {_shown(value)}") from None

    def _time(self, value: Any) -> Any:
        if not isinstance(value, str):
            raise EntityError(f"a time of day such as 12:30 belongs here, not {_kind(value)}")
        if self._dialect == "postgresql" or (self._dialect == "mysql" and _TIME.fullmatch(value)):
            return value
        try:
            found = time.fromisoformat(value)
            return value if self._dialect == "sqlite" else found
        except ValueError:
            raise EntityError(f"a time of day such as 12:30 belongs here, not {_shown(value)}") from None

    def _interval(self, value: Any) -> Any:
        if not isinstance(value, str):
            raise EntityError(f"a text such as PT90M belongs here, not {_kind(value)}")
        return self._text(value)

    def _anything(self, value: Any) -> Any:
        """PostgreSQL reads a text as the column's type, whatever that is, and refuses the row where it cannot. For a
        number it would refuse the statement, as if a column were not there."""
        if isinstance(value, dict | list):
            raise EntityError(f"one value belongs here, not {_kind(value)}")
        if self._dialect == "postgresql" and not isinstance(value, str):
            return encode(value).decode() if isinstance(value, bool) else format(_number(value), "f")
        if isinstance(value, Decimal) and self._dialect == "sqlite":
            return self._sqlite_number(_number(value))
        return self._text(value) if isinstance(value, str) else value


def _floating(value: Any) -> float:
    """To the nearest number that the column can hold, which is what it is there for; but not to infinity or zero."""
    found = _number(value)
    made = float(found)
    if math.isinf(made) or (made == 0 and found != 0):
        raise EntityError(f"{found} is beyond what a binary number can hold")
    return made


def _year(value: Any) -> int:
    """MySQL would make 2001 of 1."""
    found = _whole(value)
    if found != 0 and not 1901 <= found <= 2155:
        raise EntityError(f"{found}: the column takes years from 1901 to 2155")
    return found


def _places(value: Decimal) -> int:
    return -int(value.as_tuple().exponent)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise EntityError(f"true or false belongs here, not {_shown(value)}")
    return value


def _whole(value: Any) -> int:
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    if (
        isinstance(value, Decimal)
        and value.is_finite()
        and value == value.to_integral_value()
        and value.adjusted() < 40
    ):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise EntityError(f"a whole number belongs here, not {_shown(value)}")
    return value


def _number(value: Any) -> Decimal:
    if isinstance(value, Decimal):
        return _of_some_digits(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return Decimal(value)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise EntityError(f"a number belongs here, not {_shown(value)}")
    return Decimal(value)


def _of_some_digits(value: Decimal) -> Decimal:
    """The number. Raises EntityError for one such as ``1e999999999``, which written out would not fit into memory."""
    if value.is_finite() and max(value.adjusted(), -int(value.as_tuple().exponent)) > MAX_DIGITS:
        raise EntityError(f"written out, the number has more than {MAX_DIGITS} digits")
    return value


def _binary(value: Any) -> bytes:
    try:
        if not isinstance(value, str):
            raise ValueError
        return base64.b64decode(value, validate=True)
    except (ValueError, binascii.Error):
        raise EntityError(f"bytes are written as text in base64, not {_kind(value)}") from None


def _uuid(value: Any) -> str:
    try:
        return str(UUID(value))
    except (AttributeError, TypeError, ValueError):
        raise EntityError(f"a UUID belongs here, not {_shown(value)}") from None


def _chosen(value: Any, allowed: list[str]) -> Any:
    if allowed and value not in allowed:
        raise EntityError(f"{_shown(value)} is none of {', '.join(allowed[:20])}")
    return value


def _array(value: Any, item: Convert) -> list[Any]:
    if not isinstance(value, list):
        raise EntityError(f"a list belongs here, not {_kind(value)}")
    return [None if each is None else _array(each, item) if isinstance(each, list) else item(each) for each in value]


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    names = {dict: "an object", list: "a list", str: "a text", type(None): "nothing"}
    return names.get(type(value), "a number")


def _shown(value: Any) -> str:
    return repr(value)[:40] if isinstance(value, str) else _kind(value)

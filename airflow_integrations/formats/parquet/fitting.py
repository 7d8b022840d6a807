"""Values of entities as a column's type has them, or the reason why one does not fit."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal, DecimalException, localcontext
from typing import Any

import pyarrow as pa

from airflow_integrations.errors import EntityError
from airflow_integrations.formats.json import encode
from airflow_integrations.formats.parquet.options import DECIMAL

__all__ = ["arrow_type", "fitting"]

Fit = Callable[[Any], Any]
_INTEGERS = {f"{sign}int{bits}": (sign, bits) for sign in ("", "u") for bits in (8, 16, 32, 64)}
_OTHERS = {
    "string": pa.string(),
    "json": pa.string(),
    "binary": pa.binary(),
    "boolean": pa.bool_(),
    "float": pa.float32(),
    "double": pa.float64(),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "local_timestamp": pa.timestamp("us"),
}
_FINE = re.compile(r"\.\d{6}\d*[1-9]")
"""Parts of a second beyond the millionth, which Python leaves out without a word."""


class _Misfit(Exception):
    """The text says why; ``path`` where inside."""

    def __init__(self, why: str, path: str = "") -> None:
        super().__init__(why)
        self.why, self.path = why, path


def arrow_type(kind: Any) -> Any:
    """Of a type as ``columns`` of the options has it."""
    if isinstance(kind, dict):
        return pa.struct([pa.field(name, arrow_type(inner)) for name, inner in kind.items()])
    if isinstance(kind, (list, tuple)):
        return pa.list_(arrow_type(kind[0]))
    if kind in _INTEGERS:
        return getattr(pa, kind)()
    if kind in _OTHERS:
        return _OTHERS[kind]
    found = DECIMAL.fullmatch(kind)
    assert found is not None
    digits, places = int(found[1]), int(found[2])
    return pa.decimal128(digits, places) if digits <= 38 else pa.decimal256(digits, places)


def fitting(kind: Any, column: str) -> Fit:
    """A function that gives what Arrow takes for the value of a column, or raises EntityError with its place."""
    fit = _fit(kind)

    def fits(value: Any) -> Any:
        try:
            return fit(value)
        except _Misfit as misfit:
            raise EntityError(misfit.why, field=f"{column}{misfit.path}"[:300]) from None

    return fits


def _fit(kind: Any) -> Fit:
    inner = (
        _struct(kind) if isinstance(kind, dict) else _list(kind) if isinstance(kind, (list, tuple)) else _plain(kind)
    )
    return lambda value: None if value is None else inner(value)


def _struct(kind: dict[str, Any]) -> Fit:
    fits = {name: _fit(inner) for name, inner in kind.items()}

    def fit(value: Any) -> Any:
        if not isinstance(value, dict):
            raise _wrong(value, "an object")
        if odd := next((name for name in value if name not in fits), None):
            raise _Misfit("the file has no such field; name all in parquet.columns", f".{odd}")
        made = {}
        for name, one in fits.items():
            try:
                made[name] = one(value.get(name))
            except _Misfit as misfit:
                raise _Misfit(misfit.why, f".{name}{misfit.path}") from None
        return made

    return fit


def _list(kind: Any) -> Fit:
    one = _fit(kind[0])

    def fit(value: Any) -> Any:
        if not isinstance(value, list):
            raise _wrong(value, "a list")
        made = []
        for at, each in enumerate(value):
            try:
                made.append(one(each))
            except _Misfit as misfit:
                raise _Misfit(misfit.why, f"[{at}]{misfit.path}") from None
        return made

    return fit


def _plain(kind: str) -> Fit:
    if kind in _INTEGERS:
        sign, bits = _INTEGERS[kind]
        low, high = (0, 2**bits - 1) if sign else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        return lambda value: _integer(value, kind, low, high)
    if (found := DECIMAL.fullmatch(kind)) is not None:
        return lambda value: _decimal(value, int(found[1]), int(found[2]))
    return _FITS[kind]


def _integer(value: Any, kind: str, low: int, high: int) -> int:
    number = _number(value)
    if (number and number.adjusted() > 30) or number != number.to_integral_value():
        raise _Misfit(f"{_shown(value)} is not a whole number of {kind}")
    if not low <= int(number) <= high:
        raise _Misfit(f"{_shown(value)} is outside {kind}, which goes from {low} to {high}")
    return int(number)


def _decimal(value: Any, digits: int, places: int) -> Decimal:
    number = _number(value)
    with localcontext() as context:
        context.prec = digits
        try:
            made = number.quantize(Decimal(1).scaleb(-places))
        except DecimalException:
            raise _Misfit(f"{_shown(value)} has more digits than decimal({digits}, {places})") from None
    if made != number:
        raise _Misfit(f"{_shown(value)} has more than {places} digits behind the point; round it, or widen the column")
    return made


def _number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise _wrong(value, "a number")
    number = Decimal(value)
    if not number.is_finite():
        raise _Misfit(f"{_shown(value)} is not finite")
    return number


def _floating(value: Any, least: float, most: float) -> float:
    number = _number(value)
    try:
        made = float(number)
    except OverflowError:
        made = math.inf
    if abs(made) > most:
        raise _Misfit(f"{_shown(value)} is too large for a float of its size")
    if number and abs(made) < least:
        raise _Misfit(f"{_shown(value)} is too small for a float of its size, which would be 0")
    return made


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _wrong(value, "a boolean")
    return value


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong(value, "a text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _Misfit("the text has half of a surrogate pair (a character cut in two)") from None
    return value


def _json(value: Any) -> str:
    return _string(encode(value).decode())


def _binary(value: Any) -> bytes:
    try:
        return base64.b64decode(_string(value), validate=True)
    except (binascii.Error, ValueError):
        raise _Misfit("the text is not base64") from None


def _date(value: Any) -> date:
    try:
        return date.fromisoformat(_string(value))
    except ValueError:
        raise _Misfit(f"{_shown(value)} is not a date like 2026-03-01") from None


def _time(value: Any) -> time:
    text = _string(value)
    try:
        made = time.fromisoformat(text)
    except ValueError:
        made = None
    if made is None or made.tzinfo is not None or _FINE.search(text):
        raise _Misfit(f"{_shown(value)} is not a time of day like 10:30:00, with at most six digits behind the point")
    return made


def _moment(value: Any) -> datetime:
    made = _datetime(value)
    if made.tzinfo is None:
        raise _Misfit(f"{_shown(value)} has no offset, such as Z; the type without one is local_timestamp")
    try:
        return made.astimezone(UTC)
    except OverflowError:
        raise _Misfit(f"{_shown(value)} is outside the years 1 to 9999 in UTC") from None


def _local(value: Any) -> datetime:
    made = _datetime(value)
    if made.tzinfo is not None:
        raise _Misfit(f"{_shown(value)} has an offset; the type for moments is timestamp")
    return made


def _datetime(value: Any) -> datetime:
    text = _string(value)
    try:
        made = datetime.fromisoformat(text)
    except ValueError:
        raise _Misfit(f"{_shown(value)} is not a time like 2026-03-01T10:30:00Z") from None
    if _FINE.search(text):
        raise _Misfit(f"{_shown(value)} has more than six digits behind the point")
    return made


_FITS: dict[str, Fit] = {
    "string": _string,
    "json": _json,
    "binary": _binary,
    "boolean": _boolean,
    "float": lambda value: _floating(value, 2.0**-149, 3.4028234663852886e38),
    "double": lambda value: _floating(value, 5e-324, 1.7976931348623157e308),
    "date": _date,
    "time": _time,
    "timestamp": _moment,
    "local_timestamp": _local,
}


def _wrong(value: Any, wanted: str) -> _Misfit:
    names = {dict: "an object", list: "a list", str: "a text", bool: "a boolean"}
    return _Misfit(f"it is {names.get(type(value), 'a number')}, and the column has {wanted}")


def _shown(value: Any) -> str:
    return repr(value)[:40] if isinstance(value, str) else str(value)[:40]

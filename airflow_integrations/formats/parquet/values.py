"""Values of an Arrow array as JSON has them: exact numbers, moments in RFC 3339, bytes as base64."""

from __future__ import annotations

import base64
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa

__all__ = ["Unspeakable", "values_of"]


class Unspeakable:
    """In the place of a value that JSON has no word for."""

    def __init__(self, why: str) -> None:
        self.why = why

    def __str__(self) -> str:
        return self.why


def values_of(array: Any) -> list[Any]:
    """One for each row. What cannot be told is an Unspeakable, also where it is deep inside."""
    try:
        return _values(array)
    except (pa.ArrowException, ValueError, OverflowError, ArithmeticError):
        return [_one(array.slice(at, 1)) for at in range(len(array))]


def _one(array: Any) -> Any:
    try:
        return _values(array)[0]
    except UnicodeDecodeError:
        return Unspeakable("the text is not UTF-8")
    except (pa.ArrowException, ValueError, OverflowError, ArithmeticError) as error:
        return Unspeakable(" ".join(str(error).split())[:200] or type(error).__name__)


def _values(array: Any) -> list[Any]:
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        if kind.extension_name == "arrow.uuid":
            return [None if value is None else str(UUID(bytes=value)) for value in array.storage.to_pylist()]
        return _values(array.storage)
    for is_such, convert in _CONVERTS:
        if is_such(kind):
            return convert(array)
    if pa.types.is_null(kind) or pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        found: list[Any] = array.to_pylist()
        return found
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        texts: list[Any] = array.to_pylist()
        return texts
    raise ValueError(f"values of the type {kind} are not read")


def _dictionary(array: Any) -> list[Any]:
    return _values(array.dictionary_decode())


def _float(array: Any) -> list[Any]:
    """The shortest decimal that is this float."""
    if pa.types.is_float16(array.type):
        array = array.cast(pa.float32())
    texts = array.cast(pa.string()).to_pylist()
    numbers = [None if text is None else Decimal(text) for text in texts]
    if odd := next((number for number in numbers if number is not None and not number.is_finite()), None):
        raise ValueError(f"{odd} is not a number of JSON")
    return numbers


def _date(array: Any) -> list[Any]:
    return [None if value is None else value.isoformat() for value in array.to_pylist()]


def _time(array: Any) -> list[Any]:
    return [None if text is None else _short(text) for text in array.cast(pa.string()).to_pylist()]


def _timestamp(array: Any) -> list[Any]:
    """With a zone it is a moment, which is told in UTC; without one, what a clock showed."""
    kind = array.type
    end = "Z" if kind.tz is not None else ""
    if end:
        array = array.cast(pa.int64()).cast(pa.timestamp(kind.unit))
    texts = [None if text is None else _short(text.replace(" ", "T")) for text in array.cast(pa.string()).to_pylist()]
    if any(text is not None and text[4:5] != "-" for text in texts):
        raise ValueError("the time is outside the years 0000 to 9999")
    return [None if text is None else text + end for text in texts]


def _short(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _duration(array: Any) -> list[Any]:
    """Seconds."""
    places = {"s": 0, "ms": 3, "us": 6, "ns": 9}[array.type.unit]
    return [None if value is None else Decimal(value).scaleb(-places) for value in array.cast(pa.int64()).to_pylist()]


def _binary(array: Any) -> list[Any]:
    return [None if value is None else base64.b64encode(value).decode() for value in array.to_pylist()]


def _list(array: Any) -> list[Any]:
    if pa.types.is_fixed_size_list(array.type):
        array = array.cast(pa.list_(array.type.value_field))
    return _cut(array, lambda start, length: _values(array.values.slice(start, length)))


def _map(array: Any) -> list[Any]:
    """An object where keys are texts; else a list of objects with ``key`` and ``value``."""
    by_text = pa.types.is_string(array.type.key_type)

    def pairs(start: int, length: int) -> list[Any]:
        keys, values = _values(array.keys.slice(start, length)), _values(array.items.slice(start, length))
        return list(zip(keys, values, strict=True))

    rows = _cut(array, pairs)
    if not by_text:
        return [row and [{"key": key, "value": value} for key, value in row] for row in rows]
    for row in rows:
        if row is not None and len({key for key, _ in row}) < len(row):
            raise ValueError("a map has one key twice")
    return [None if row is None else dict(row) for row in rows]


def _cut(array: Any, inner: Callable[[int, int], list[Any]]) -> list[Any]:
    """The lists of a list array, from all their values at once."""
    offsets = array.offsets.to_pylist()
    start = offsets[0] if offsets else 0
    values = inner(start, (offsets[-1] if offsets else 0) - start)
    return [
        values[offsets[at] - start : offsets[at + 1] - start] if there else None
        for at, there in enumerate(array.is_valid().to_pylist())
    ]


def _struct(array: Any) -> list[Any]:
    names = [field.name for field in array.type]
    if len(set(names)) < len(names):
        raise ValueError("an object has two fields of one name")
    columns = [_values(column) for column in array.flatten()]
    return [
        {name: column[at] for name, column in zip(names, columns, strict=True)} if there else None
        for at, there in enumerate(array.is_valid().to_pylist())
    ]


_CONVERTS: tuple[tuple[Callable[[Any], bool], Callable[[Any], list[Any]]], ...] = (
    (pa.types.is_dictionary, _dictionary),
    (pa.types.is_floating, _float),
    (pa.types.is_date, _date),
    (pa.types.is_time, _time),
    (pa.types.is_timestamp, _timestamp),
    (pa.types.is_duration, _duration),
    (pa.types.is_binary, _binary),
    (pa.types.is_large_binary, _binary),
    (pa.types.is_fixed_size_binary, _binary),
    (pa.types.is_binary_view, _binary),
    (pa.types.is_map, _map),
    (pa.types.is_list, _list),
    (pa.types.is_large_list, _list),
    (pa.types.is_fixed_size_list, _list),
    (pa.types.is_struct, _struct),
)

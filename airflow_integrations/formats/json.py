"""JSON with exact numbers: integers of any size, decimals as Decimal, and written back as the same numbers."""

from __future__ import annotations

import decimal
import json
from decimal import Decimal
from typing import Any

import msgspec

from airflow_integrations.formats import ContentError

__all__ = [
    "BOUNDED_DECIMAL",
    "MAX_VALUES",
    "NOT_JSON",
    "decode",
    "decoder",
    "encode",
    "encode_anyhow",
    "encode_lines",
    "explain",
    "has_too_many_values",
    "read",
]

decode = msgspec.json.Decoder(float_hook=Decimal).decode
"""Bytes or text of one JSON document to plain Python values. Raises msgspec.DecodeError."""

_encoder = msgspec.json.Encoder(decimal_format="number")
encode = _encoder.encode
"""Plain Python values to bytes of JSON; Decimal becomes a number with the same digits."""
encode_lines = _encoder.encode_lines
"""Each of several values as :data:`encode` writes it, with a newline behind."""

NOT_JSON = (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError)
"""What encoding raises for values that JSON does not know; a lone surrogate is a UnicodeEncodeError, a ValueError."""

_BOUNDED = decimal.Context(
    prec=4300,
    Emax=9999,
    Emin=-9999,
    traps=[decimal.Overflow, decimal.Underflow, decimal.Inexact, decimal.Clamped, decimal.InvalidOperation],
)
"""1e400 is a fine number; 1e999999999 fills the memory when someone writes it out. Digits: as Python's ints."""

BOUNDED_DECIMAL = _BOUNDED.create_decimal

decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=BOUNDED_DECIMAL)
"""As ``decode``, for content from elsewhere: numbers beyond 1e±9999 raise decimal.DecimalException."""


MAX_VALUES = 10_000_000
"""Values of one document: each takes some hundred bytes of memory once it is decoded, however short it is written."""


def has_too_many_values(content: bytes) -> bool:
    """Whether a document has over MAX_VALUES: as many as it has commas, at least where texts hold few."""
    return len(content) > 2 * MAX_VALUES and content.count(b",") > MAX_VALUES


def read(content: bytes) -> Any:
    """One JSON document from elsewhere. Of a key that stands twice the last value counts. Raises ContentError.

    Halves of surrogate pairs (an emoji cut in two) are let through, so that one such text does not hold back a whole
    page: they cannot be written again, which is then the matter of that one entity.
    """
    try:
        return decoder.decode(content)
    except (ValueError, RecursionError, decimal.DecimalException) as error:
        if content[:3] == b"\xef\xbb\xbf":  # RFC 8259 §8.1 lets a parser ignore it
            return read(content[3:])
        if b"\\u" in content and (found := _with_half_pairs(content)) is not _NOTHING:
            return found
        raise explain(error, content) from None


_NOTHING = object()


def _with_half_pairs(content: bytes) -> Any:
    try:
        return json.loads(content.decode(), parse_float=BOUNDED_DECIMAL, parse_constant=_no_constant)
    except (ValueError, RecursionError, ArithmeticError):
        return _NOTHING


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def encode_anyhow(value: Any) -> bytes:
    """Bytes that are equal for equal values, also for those that are not JSON: for fingerprints, not to be read."""
    try:
        return encode(value)
    except (TypeError, ValueError, OverflowError):
        return repr(value).encode("ascii", "backslashreplace")


def explain(error: Exception, content: bytes) -> ContentError:
    """What is wrong with some JSON, from what the decoder raised."""
    if isinstance(error, RecursionError):
        return ContentError("the JSON is nested too deeply")
    if isinstance(error, decimal.DecimalException):
        return ContentError("the JSON has a number beyond 1e±9999 or with over 4300 digits")
    if isinstance(error, UnicodeDecodeError):
        return ContentError(f"the JSON has invalid UTF-8 near {_around(content, _place(content))}")
    start = content[:512].lstrip().lower()
    if start.startswith(b"<"):
        return ContentError("the content looks like XML, not JSON; say format: xml if it is meant to be")
    message = str(error).removeprefix("JSON is malformed: ")
    place = message.rpartition("(byte ")[2].rstrip(")")
    if message.startswith("Integer value out of range"):
        return ContentError("the JSON has a whole number with over 4300 digits")
    if place.isdigit():
        return ContentError(f"the content is not JSON: {message}: {_around(content, int(place))}")
    if "truncated" in message:
        return ContentError(f"the JSON ends in the middle, after {len(content)} bytes")
    return ContentError(f"the content is not JSON: {message}")


def _place(content: bytes) -> int:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return error.start
    return 0


def _around(content: bytes, place: int) -> str:
    start = max(0, place - 20)
    text = content[start : place + 40].decode("utf-8", "replace")
    return repr(("…" if start else "") + text + ("…" if place + 40 < len(content) else ""))

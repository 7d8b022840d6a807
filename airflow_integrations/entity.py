"""An entity: one record with a key, on its way through a route."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from airflow_integrations.errors import EntityError

__all__ = [
    "MAX_KEY_LENGTH",
    "Entity",
    "compare",
    "content_hash",
    "key_text",
    "kind_of_version",
    "older",
    "version_text",
]

MAX_KEY_LENGTH = 512
"""Characters in a key: it must fit an indexed column of every database the ledger runs on."""


class Entity:
    """One record in memory.

    ``value`` is the record as it now is: what the route's expressions call by the entity's name.
    ``source`` is the record as it was fetched (or, after split, the part it was split from).
    ``found`` holds what lookups found for it, by lookup name.
    ``key`` and ``version`` were taken after fetch (again after split) and never change with the value.
    """

    __slots__ = ("found", "key", "source", "value", "version")

    def __init__(
        self,
        key: str,
        value: Any,
        *,
        source: Any = None,
        version: str | None = None,
        found: dict[str, Any] | None = None,
    ) -> None:
        self.key = key
        self.value = value
        self.source = value if source is None else source
        self.version = version
        self.found = found

    def __repr__(self) -> str:  # payloads may hold personal data: never in a log by accident
        return f"Entity({self.key!r})"


def key_text(value: Any) -> str:
    """The key as text: a text or number as it is written, several joined by ``|``.

    Raises EntityError for what cannot identify an entity: nothing, an empty text, true or false, an object, a
    fraction of binary floating point, control characters, or more than 512 characters.
    """
    if type(value) is str:
        text = value
    elif type(value) is int:
        text = str(value)
    elif type(value) is Decimal:
        if not value.is_finite() or abs(value.adjusted()) > MAX_KEY_LENGTH:
            raise EntityError("a key must be text or a number that can be written out")
        text = format(value, "f")
    elif type(value) in (list, tuple) and value:
        text = "|".join(key_text(part) for part in value)
    elif value is None:
        raise EntityError("the entity has no key: the key expression reads nothing")
    else:
        raise EntityError(f"a key must be text or a number, not {_kind(value)}; name one of its fields, or several")
    if not text.strip():
        raise EntityError("the entity has no key: the key expression gives an empty text")
    if len(text) > MAX_KEY_LENGTH:
        raise EntityError(f"the key has {len(text)} characters; at most {MAX_KEY_LENGTH} are allowed")
    if not text.isprintable():
        odd = next(char for char in text if not char.isprintable())
        raise EntityError(f"the key holds a character that cannot be seen, U+{ord(odd):04X}")
    return text


def _kind(value: Any) -> str:
    """In words for people."""
    names = {bool: "true or false", float: "a binary float", dict: "an object", list: "an empty list"}
    return names.get(type(value), f"of type {type(value).__name__}")


def content_hash(encoded: bytes) -> str:
    """32 hexadecimal digits that are equal for equal encoded entities (BLAKE2b, 128 bits)."""
    return hashlib.blake2b(encoded, digest_size=16).hexdigest()


def version_text(value: Any) -> str:
    """The version as text: as a key is, a moment in UTC, or a date. Raises EntityError for what orders nothing."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise EntityError("a version that is a time needs a time zone")
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    try:
        return key_text(value)
    except EntityError as error:
        raise EntityError(error.reason.replace("key", "version")) from None


def older(version: str | None, other: str | None) -> bool:
    """Whether a version is older than another. No version is older than any; see :func:`compare`."""
    if version is None or other is None:
        return version is None and other is not None
    return compare(version, other) == "older"


def compare(version: str, other: str) -> Literal["older", "equal", "newer", "unlike"]:
    """How a version stands to another: numbers compare as numbers, times as moments, everything else as text.

    Two of different kinds are *unlike*: nobody knows which is older. So is a number that would be older than one of
    milliseconds (microseconds, nanoseconds) since 1970 by at least three digits: one of them counts something else.
    """
    if version == other:
        return "equal"
    (kind, value), (other_kind, other_value) = _read(version), _read(other)
    if kind != other_kind:
        return "unlike"
    if value == other_value:
        if kind == "number":
            return "equal"
        value, other_value = _finer(version), _finer(other)
    if value >= other_value:
        return "newer" if value > other_value else "equal"
    return "unlike" if kind == "number" and _counts_something_else(value, other_value) else "older"


def kind_of_version(version: str) -> str:
    """In words, for people who are told why two versions cannot be compared."""
    kind, value = _read(version)
    return f"a number of {max(value.adjusted(), 0) + 1} digits" if kind == "number" else kind


_CLOCKS = frozenset({13, 16, 19})
"""Digits of a time in milliseconds, microseconds and nanoseconds since 1970, from 2001 to 2286."""


def _counts_something_else(smaller: Decimal, larger: Decimal) -> bool:
    digits = larger.adjusted() + 1
    return digits in _CLOCKS and digits - max(smaller.adjusted() + 1, 1) >= 3


def _finer(time: str) -> str:
    """What a time has behind its microseconds: Python leaves it out."""
    digits = re.match(r"\d*", time.partition(".")[2])
    return digits[0][6:].rstrip("0") if digits else ""


def _read(version: str) -> tuple[str, Any]:
    if version[4:5] == "-" and version[7:8] == "-":
        try:
            moment = datetime.fromisoformat(version)
        except ValueError:
            return "text", version
        return ("a time" if moment.tzinfo else "a time without a time zone" if len(version) > 10 else "a date"), moment
    try:
        number = Decimal(version)
    except InvalidOperation:
        return "text", version
    return ("number", number) if number.is_finite() else ("text", version)

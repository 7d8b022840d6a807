"""An entity: one record with a key, on its way through a route."""

from __future__ import annotations

import hashlib
from decimal import Decimal, InvalidOperation
from typing import Any

from airflow_integrations.errors import EntityError

__all__ = ["MAX_KEY_LENGTH", "Entity", "content_hash", "key_text", "older"]

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
        raise EntityError("the entity has no key: the key expression read nothing")
    else:
        raise EntityError(f"a key must be text or a number, not {type(value).__name__}")
    if not text.strip():
        raise EntityError("the entity has no key: the key expression gave an empty text")
    if len(text) > MAX_KEY_LENGTH:
        raise EntityError(f"the key has {len(text)} characters; at most {MAX_KEY_LENGTH} are allowed")
    if not text.isprintable():
        odd = next(char for char in text if not char.isprintable())
        raise EntityError(f"the key holds a character that cannot be seen, U+{ord(odd):04X}")
    return text


def content_hash(encoded: bytes) -> str:
    """32 hexadecimal digits that are equal for equal encoded entities (BLAKE2b, 128 bits)."""
    return hashlib.blake2b(encoded, digest_size=16).hexdigest()


def older(version: str | None, other: str | None) -> bool:
    """Whether a version is older than another: numbers compare as numbers, all else as text (RFC 3339 sorts so).

    No version is older than any.
    """
    if version is None or other is None:
        return version is None and other is not None
    try:
        return Decimal(version) < Decimal(other)
    except InvalidOperation:
        return version < other

"""How fields and their types are written for people: ``lines[].sku``, ``text or number``."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any, Final

__all__ = ["LIST", "LONGEST_NAME", "OBJECT", "below", "type_bit", "type_words"]

TYPES: Final = ("number", "text", "boolean", "object", "list")
"""Bit by bit, the lowest first."""
_NUMBER, TEXT, _BOOLEAN, OBJECT, LIST = (1 << index for index in range(len(TYPES)))
_BITS: Final[dict[type, int]] = {
    int: _NUMBER,
    Decimal: _NUMBER,
    float: _NUMBER,
    str: TEXT,
    bool: _BOOLEAN,
    dict: OBJECT,
    list: LIST,
    tuple: LIST,
    type(None): 0,
}
LONGEST_NAME: Final = 200
"""Characters of a field's name that is kept."""
_PLAIN = re.compile(r"[^\s.\[\]\"'\\]+")


def type_bit(kind: type[Any]) -> int:
    """0 for null, which is of every type. What JSON does not have, such as a date, is written as text."""
    return _BITS.get(kind, TEXT)


def type_words(types: int) -> str:
    """``number or text``; ``null`` where it was never anything else."""
    return " or ".join(name for index, name in enumerate(TYPES) if types >> index & 1) or "null"


def below(path: str, name: str) -> str:
    """The path of a field of an object. A name that would be misread is quoted: ``prices["a.b"]``."""
    if _PLAIN.fullmatch(name) and name.isprintable():
        return f"{path}.{name}" if path else name
    if len(name) > LONGEST_NAME:
        name = f"{name[:40]}…"
    return f"{path}[{json.dumps(name, ensure_ascii=not name.isprintable())}]"

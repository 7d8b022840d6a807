"""Records that were seen, without what they said: the shape of every value stays, so that a route works with it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from airflow_integrations.discovery import DiscoveredField

__all__ = ["invented", "masked_samples"]

LENGTH, ITEMS, FIELDS, DEEPEST = 60, 2, 200, 6
_PLAIN = re.compile(r"[A-Za-z_]\w{0,59}", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d(?::?\d\d)?)?)?")
_INVENTED: dict[str, Any] = {
    "string": "aaa", "integer": 1, "number": Decimal("1.50"), "boolean": False, "date": "2026-01-01",
    "time": "10:00:00", "datetime": "2026-01-01T10:00:00Z", "object": {}, "list": [], "bytes": "YQ==", "any": "aaa",
}  # fmt: skip
_LOOKS = {"integer": "1", "number": "1.50", "date": "2026-01-01", "datetime": "2026-01-01T10:00:00Z"}


def masked_samples(records: Sequence[Any], key: Sequence[str]) -> list[dict[str, Any]]:
    """The records with every letter an ``a`` and every digit a 1, but for those of the key, which stay different:
    the last character of the first of its fields is the record's number."""
    made = []
    for number, record in enumerate(records, 1):
        value = _masked(record, 0)
        if key and key[0] in value:
            value[key[0]] = _numbered(value[key[0]], number)
        made.append(value)
    return made


def invented(fields: Sequence[DiscoveredField]) -> dict[str, Any]:
    """A record of such fields, where none could be seen."""
    return {field.name: _LOOKS.get(field.looks_like or "", _INVENTED[field.meaning]) for field in fields}


def _masked(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return None if value is None else False
    if isinstance(value, int):
        return 1
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, str):
        return _text(value)
    if depth >= DEEPEST:
        return None
    if isinstance(value, dict):
        some = list(value.items())[:FIELDS]
        if depth:  # a record's own fields are the source's; those of a document may be data
            some = [(name if _PLAIN.fullmatch(name) else f"key_{at}", inner) for at, (name, inner) in enumerate(some)]
        return {name: _masked(inner, depth + 1) for name, inner in some}
    if isinstance(value, list | tuple):
        return [_masked(inner, depth + 1) for inner in value[:ITEMS]]
    return None


def _number(value: Decimal) -> Decimal:
    exponent = value.as_tuple().exponent
    places = min(-exponent, 12) if isinstance(exponent, int) and exponent < 0 else 0
    return Decimal(f"1.{'1' * places}") if places else Decimal(1)


def _text(text: str) -> str:
    if _MOMENT.fullmatch(text):
        return re.sub(r"\d", "1", text)
    return "".join(map(_letter, text[:LENGTH]))


def _letter(character: str) -> str:
    if character.isdigit():
        return "1"
    if character.isalpha():
        return "A" if character.isupper() else "a"
    return character if character.isprintable() else " "


def _numbered(value: Any, number: int) -> Any:
    """Of a masked value one that no other sample has."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | Decimal):
        return type(value)(number)
    if not isinstance(value, str):
        return value
    places = [at for at, character in enumerate(value) if character in "aA1"]
    if _MOMENT.fullmatch(value) or not places:
        return f"{value[:9]}{number}{value[10:]}" if len(value) > 9 else f"{value}{number}"
    return f"{value[: places[-1]]}{number}{value[places[-1] + 1 :]}"

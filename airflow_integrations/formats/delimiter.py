"""The delimiter of a CSV file as a route writes it: the characters themselves, and not their name."""

from __future__ import annotations

from typing import Any

__all__ = ["written_delimiter"]

_NAMED = {
    "semicolon": '";"',
    "comma": '","',
    "tab": '"\\t"',
    "tabulator": '"\\t"',
    "\\t": '"\\t"',
    "pipe": '"|"',
    "bar": '"|"',
    "colon": '":"',
    "space": '" "',
    "blank": '" "',
    "auto": 'the character itself, such as ";"',
    "detect": 'the character itself, such as ";"',
}


def written_delimiter(value: Any) -> Any:
    """The value as it is. Raises ValueError for the name of a character, which would be looked for letter by letter."""
    if isinstance(value, str) and (meant := _NAMED.get(value.strip().lower())) is not None:
        quotes = ", in double quotes" if value == "\\t" else ""
        raise ValueError(f"{value!r} is not what stands between two values; write {meant}{quotes}")
    return value

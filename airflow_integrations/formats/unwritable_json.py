"""Why a value cannot be written as JSON, where that is, and what to do about it."""

from __future__ import annotations

import msgspec

from airflow_integrations.formats.json import encode

__all__ = ["NOT_JSON", "why_not_json"]

NOT_JSON = (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError)
"""What encoding raises for values that JSON does not know; a lone surrogate is a UnicodeEncodeError, a ValueError."""

_SHOWN = 120
"""Characters of a place."""


def why_not_json(error: Exception, value: object, what: str = "this") -> str:
    """The reason for people, from what encoding ``value`` raised. ``what``: what it is called there."""
    if isinstance(error, UnicodeEncodeError):
        where = _where(value)
        return (
            f"{what} cannot be written as JSON: {where} has half of a surrogate pair (a character cut in two, such as "
            "an emoji); correct it at the source, or leave that text out"
        )
    if isinstance(error, RecursionError):
        return f"{what} cannot be written as JSON: it is nested too deeply"
    return f"{what} cannot be written as JSON: {error}"


def _where(value: object) -> str:
    """The first text that is not whole, such as ``the text at lines[2].name``. Each value is looked at once."""
    waiting: list[tuple[str, object]] = [("", value)]
    while waiting:
        place, found = waiting.pop()
        if isinstance(found, str) and not _is_whole(found):
            return f"the text at {place}" if place else "the text"
        if isinstance(found, dict):
            if not all(_is_whole(name) for name in found if isinstance(name, str)):
                return f"a name in {place}" if place else "one of its names"
            waiting += reversed([(_below(place, f".{name}"), inner) for name, inner in found.items()])
        elif isinstance(found, list | tuple):
            waiting += reversed([(_below(place, f"[{number}]"), inner) for number, inner in enumerate(found)])
    return "a text in it"


def _is_whole(text: str) -> bool:
    try:
        encode(text)
    except UnicodeEncodeError:
        return False
    return True


def _below(place: str, step: str) -> str:
    if place.endswith("…"):
        return place
    longer = (place + step).removeprefix(".")
    return longer if len(longer) <= _SHOWN else longer[:_SHOWN] + "…"

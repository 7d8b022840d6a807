"""Payloads of one entity as people may see them."""

from __future__ import annotations

from typing import Any

from airflow_integrations.errors import RunError
from airflow_integrations.formats import ContentError
from airflow_integrations.formats.json import encode, read
from airflow_integrations.masking.mask import HIDDEN, Mask, hide

__all__ = ["masked", "unmasked"]


def masked(mask: Mask, *payloads: bytes | None) -> tuple[tuple[bytes | None, ...], frozenset[str]]:
    """JSON of one entity in several forms, none of which tells what is hidden in another; and what was hidden.

    What is not JSON, as a source may have given it, is hidden as a whole: no path leads into it.
    """
    if not mask:
        return payloads, frozenset()
    values = [None if payload is None else _value(payload) for payload in payloads]
    secrets = mask.secrets(*values)
    shown = [hide(mask.value(value), secrets) for value in values]
    told = zip(payloads, shown, strict=True)
    return tuple(None if payload is None else encode(value) for payload, value in told), secrets


def _value(payload: bytes) -> Any:
    try:
        return read(payload)
    except ContentError:
        return HIDDEN


def unmasked(mask: Mask, edited: bytes, original: bytes | None, secrets: frozenset[str] = frozenset()) -> bytes:
    """``edited``, with the values of ``original`` wherever it still says what was shown of it.

    ``secrets``: what was hidden besides what the mask names in ``original``. Raises RunError where a hidden value was
    moved or left in a new place, for it stands for nothing there.
    """
    if not mask or HIDDEN.encode() not in edited:
        return edited
    try:
        new, old = read(edited), None if original is None else read(original)
    except ContentError as error:
        raise RunError(f"the payload has to be one JSON object: {error}") from None
    restored = _restored(new, hide(mask.value(old), secrets | mask.secrets(old)), old)
    if _holds(restored):
        raise RunError(
            f"{HIDDEN} stands for what the route's mask hides: leave it where it was, or write a value in its place"
        )
    return encode(restored)


def _restored(new: Any, shown: Any, old: Any) -> Any:
    if new == shown:
        return old
    if isinstance(new, dict) and isinstance(shown, dict) and isinstance(old, dict):
        return {name: _restored(value, shown.get(name), old.get(name)) for name, value in new.items()}
    if isinstance(new, list) and isinstance(shown, list) and isinstance(old, list) and len(new) == len(shown):
        return [_restored(*each) for each in zip(new, shown, old, strict=True)]
    return new


def _holds(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds(name) or _holds(inner) for name, inner in value.items())
    if isinstance(value, list):
        return any(map(_holds, value))
    return isinstance(value, str) and HIDDEN in value

"""What the answer to a GraphQL request says of errors (https://spec.graphql.org/October2021/#sec-Errors)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

__all__ = ["THROTTLED", "errors_of", "is_throttled", "roots_of_errors", "told", "user_errors"]

THROTTLED = frozenset({"THROTTLED"})
"""``extensions.code`` of an error that says: later (https://shopify.dev/docs/api/usage/limits, 2026-11)."""
USER_ERRORS = ("userErrors", "customerUserErrors", "mediaUserErrors", "errors")
MOST_TOLD = 10
_LONGEST = 300


def errors_of(body: Any) -> list[Any]:
    """The errors of an answer; an empty list where it has none."""
    errors = body.get("errors") if isinstance(body, dict) else None
    return errors if isinstance(errors, list) else [errors] if errors else []


def is_throttled(errors: Iterable[Any]) -> bool:
    """Whether the server asks to come back later."""
    return any(_code(error) in THROTTLED for error in errors)


def roots_of_errors(errors: Iterable[Any]) -> Iterator[str | None]:
    """For each error the root field that it is about, or None."""
    for error in errors:
        path = error.get("path") if isinstance(error, dict) else None
        yield path[0] if isinstance(path, list) and path and isinstance(path[0], str) else None


def user_errors(data: Mapping[str, Any], roots: Iterable[str]) -> list[Any]:
    """What mutations say of their input, in payloads without an error of GraphQL's own."""
    found: list[Any] = []
    for root in roots:
        payload = data.get(root)
        if not isinstance(payload, dict):
            continue
        for name in USER_ERRORS:
            listed = payload.get(name)
            if isinstance(listed, list):
                found += listed
    return found


def told(errors: Iterable[Any]) -> str:
    """``lineItems.0.variantId: not found (INVALID); …``"""
    given = list(errors)
    shown = [_one(error) for error in given[:MOST_TOLD]]
    more = f"; and {len(given) - MOST_TOLD} more" if len(given) > MOST_TOLD else ""
    return "; ".join(shown) + more


def _one(error: Any) -> str:
    if not isinstance(error, dict):
        return str(error)[:_LONGEST]
    place = error.get("path") or error.get("field")
    where = ".".join(map(str, place[:20])) if isinstance(place, list) else str(place or "")
    code = _code(error)
    text = str(error.get("message") or "an error without a message")[:_LONGEST]
    return f"{f'{where[:200]}: ' if where else ''}{text}{f' ({code[:60]})' if code else ''}"


def _code(error: Any) -> str:
    if not isinstance(error, dict):
        return ""
    extensions = error.get("extensions")
    code = extensions.get("code") if isinstance(extensions, dict) else None
    return str(code or error.get("code") or "")

"""What a target said, as text that is fit for a ledger, a log line and a page: bounded and printable."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from airflow_integrations.entity import key_text
from airflow_integrations.errors import EntityError
from airflow_integrations.formats.json import encode
from airflow_integrations.outgoing import Result

__all__ = ["MAX_REASON_LENGTH", "id_text", "no_verdict", "reason_text", "unwritable"]

MAX_REASON_LENGTH = 500


def reason_text(value: Any) -> str:
    """A text, an error or any JSON value as one printable line of at most 500 characters."""
    if isinstance(value, str | BaseException):
        text = str(value)
    else:
        try:
            text = encode(value).decode()
        except (TypeError, ValueError, RecursionError, msgspec.MsgspecError):
            text = type(value).__name__
    text = " ".join(text[: 4 * MAX_REASON_LENGTH].split())
    text = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return text if len(text) <= MAX_REASON_LENGTH else text[: MAX_REASON_LENGTH - 1] + "…"


def no_verdict(value: Any) -> str | None:
    """Why a condition's value says neither yes nor no, or None where it does. The text ``"false"`` is no yes."""
    if value is None:
        return "read nothing in the answer"
    if isinstance(value, bool | int | Decimal):
        return None
    return f"gives {'text' if isinstance(value, str) else 'no true or false'}; compare it with something"


def id_text(value: Any) -> str | None:
    """The target's id by the rules of a key; None for nothing and for what cannot be an id."""
    try:
        return key_text(value)
    except EntityError:
        return None


def unwritable(error: EntityError, *, place: str = "") -> Result:
    """The result of an entity that no request can be written for; ``place`` is the request's in the configuration."""
    where = ".".join(filter(None, (place, error.field)))
    return Result("failed", reason=reason_text(f"{where}: {error}" if where else error), cause="unwritable")

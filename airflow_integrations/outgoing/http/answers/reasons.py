"""A target's words as text that is fit for a ledger, a log line and a page: bounded and printable."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from airflow_integrations.entity import key_text
from airflow_integrations.errors import AnswerError, EntityError
from airflow_integrations.formats.json import encode
from airflow_integrations.http.error_text import message_of
from airflow_integrations.outgoing import Result

__all__ = [
    "MAX_REASON_LENGTH",
    "LaterError",
    "id_text",
    "later",
    "no_verdict",
    "reason_text",
    "unwritable",
    "without_secrets",
]

MAX_REASON_LENGTH = 500


class LaterError(AnswerError):
    """The target put a request off, as ``retry_when`` says, until the retry budget was used up. It took nothing."""

    def __init__(self, message: str, status: int, retry_after: float | None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


def later(error: LaterError) -> Result:
    """For an entity that is tried again later by itself; others go on."""
    return Result("failed", None, reason_text(error), error.status, "later", error.retry_after, later=True)


def reason_text(value: Any) -> str:
    """A text, an error or the message in any JSON value as one printable line of at most 500 characters."""
    if isinstance(value, str | BaseException):
        text = str(value)
    else:
        try:
            text = message_of(value) or encode(value).decode()
        except (TypeError, ValueError, RecursionError, msgspec.MsgspecError):
            text = type(value).__name__
    cut = len(text) > 4 * MAX_REASON_LENGTH
    text = " ".join(text[: 4 * MAX_REASON_LENGTH].split())
    text = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return text if len(text) <= MAX_REASON_LENGTH and not cut else text[: MAX_REASON_LENGTH - 1] + "…"


def no_verdict(value: Any) -> str | None:
    """Why a condition's value says neither yes nor no, or None where it does. The text ``"false"`` is not yes."""
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


def without_secrets(value: Any, redact: Callable[[str], str]) -> Any:
    """A value that was read in an answer, the Connection's credentials taken out of its texts."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {redact(str(name)): without_secrets(inner, redact) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_secrets(inner, redact) for inner in value]
    return value


def unwritable(error: EntityError, *, place: str = "") -> Result:
    """The result of an entity that no request can be written for; ``place`` is the request's in the configuration."""
    where = ".".join(filter(None, (place, error.field)))
    return Result("failed", reason=reason_text(f"{where}: {error}" if where else error), cause="unwritable")

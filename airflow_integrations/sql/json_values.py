"""Values of PostgreSQL's json and jsonb, which the driver reads: one that cannot be read is its row's matter."""

from __future__ import annotations

from decimal import DecimalException
from typing import Any

from airflow_integrations.formats import ContentError
from airflow_integrations.formats.json import decoder, read

__all__ = ["UnreadableJson", "json_value"]


class UnreadableJson:
    """In the place of a value: its text, and why it cannot be read."""

    def __init__(self, text: str, why: str) -> None:
        self.text, self.why = text, why

    def __str__(self) -> str:
        return self.text


def json_value(content: bytes | str) -> Any:
    """The value, or an UnreadableJson: nothing is raised, which would cost the rows beside it."""
    try:
        return decoder.decode(content)
    except (ValueError, RecursionError, DecimalException):
        raw = content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace")
        try:
            return read(raw)
        except ContentError as error:
            return UnreadableJson(raw.decode("utf-8", "replace"), str(error))

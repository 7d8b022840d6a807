"""Values as text of one cell."""

from __future__ import annotations

from typing import Any

from airflow_integrations.errors import EntityError
from airflow_integrations.formats.json import encode

__all__ = ["cell_text", "encoded_text", "object_of"]


def cell_text(name: str, value: Any) -> str:
    """Text as it is, null as nothing, numbers with all their digits. Raises EntityError for objects and lists."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, (dict, list)):
        raise EntityError(
            f"it is {'an object' if isinstance(value, dict) else 'a list'}, and a cell is text", field=name
        )
    return encode(value).decode()


def encoded_text(text: str, encoding: str) -> bytes:
    """Raises EntityError for a character that the encoding does not have."""
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as error:
        raise EntityError(f"{error.object[error.start]!r} is not a character of {encoding}") from None


def object_of(value: Any, what: str) -> dict[str, Any]:
    """Raises EntityError for what is not an object."""
    if not isinstance(value, dict):
        raise EntityError(f"{what} is made of an object's fields; end transform with a map")
    return value

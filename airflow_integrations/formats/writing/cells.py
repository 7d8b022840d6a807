"""Values as text of one cell."""

from __future__ import annotations

from typing import Any

from airflow_integrations.errors import EntityError
from airflow_integrations.formats.json import encode

__all__ = ["cell_text", "columns_of", "encoded_text", "object_of"]


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


def encoded_text(text: str, encoding: str, *, begun: bool = False) -> bytes:
    """``begun``: it stands behind other text, and has no byte order mark of its own. Raises EntityError for a
    character that the encoding does not have."""
    try:
        return text.encode(encoding)[len("".encode(encoding)) if begun else 0 :]
    except UnicodeEncodeError as error:
        raise EntityError(f"{error.object[error.start]!r} is not a character of {encoding}") from None


def columns_of(value: dict[str, Any]) -> tuple[str, ...]:
    """The columns that a file's first entity gives it. Raises EntityError where it has none."""
    if not value:
        raise EntityError("it has no fields, and the file would have no columns")
    return tuple(value)


def object_of(value: Any, what: str) -> dict[str, Any]:
    """Raises EntityError for what is not an object."""
    if not isinstance(value, dict):
        raise EntityError(f"{what} is made of an object's fields; end transform with a map")
    return value

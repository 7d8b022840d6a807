"""What a column's type is called, and what its values are in an entity."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Dialect

    from airflow_integrations.discovery import Meaning

__all__ = ["meaning_of", "shown_type"]

_COLLATION = re.compile(r" (?:COLLATE|CHARACTER SET) \S+", re.IGNORECASE)
_MOST = 200


def shown_type(type_: Any, dialect: Dialect) -> str:
    """The type in the database's own words, without the collation."""
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.types import NullType

    if isinstance(type_, NullType):
        return "unknown"
    try:
        text = str(type_.compile(dialect=dialect))
    except SQLAlchemyError:
        text = type(type_).__name__
    return _COLLATION.sub("", text).lower()[:_MOST]


def meaning_of(type_: Any) -> Meaning:
    """As :class:`~airflow_integrations.sql.reading.Reader` reads its values."""
    from sqlalchemy import types

    name = type(type_).__name__
    if name == "TINYINT" and getattr(type_, "display_width", None) == 1:
        return "boolean"
    if name == "BIT" and getattr(type_, "length", None) in (None, 1):
        return "boolean" if getattr(type_, "length", None) == 1 else "any"
    table: tuple[tuple[Any, Meaning], ...] = (
        (types.Boolean, "boolean"),
        (types.Integer, "integer"),
        (types.Numeric, "number"),
        (types.Float, "number"),
        (types.DateTime, "datetime"),
        (types.Date, "date"),
        (types.Time, "time"),
        (types.ARRAY, "list"),
        (types.JSON, "any"),
        (types.LargeBinary, "bytes"),
        (types.Uuid, "string"),
        (types.String, "string"),
    )
    return next((meaning for kind, meaning in table if isinstance(type_, kind)), "any")

"""What a route may say about the format of answers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from airflow_integrations.formats.text import known_encoding
from airflow_integrations.model import Model

__all__ = ["CsvOptions", "XmlOptions"]

_Character = Annotated[str, Field(min_length=1, max_length=1)]
_Names = tuple[Annotated[str, Field(min_length=1)], ...]


class CsvOptions(Model):
    """How a CSV answer is written."""

    delimiter: _Character = ","
    """What stands between two values: ``","``, ``";"``, ``"\\t"``."""
    quote: _Character = '"'
    """What surrounds a value that holds delimiters or line breaks; doubled, it stands for itself."""
    encoding: str | None = None
    """Such as ``cp1252``. A byte order mark counts first, then this, then the Content-Type's charset, then UTF-8."""
    header: _Names | None = None
    """The columns' names where the file has none. Otherwise its first row names them."""
    skip: Annotated[int, Field(strict=True, ge=0, le=1000)] = 0
    """Rows before the header (or, with ``header``, before the first record) that are not read."""

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, name: str | None) -> str | None:
        if name is not None and not known_encoding(name):
            raise ValueError(f"unknown encoding {name!r}; write it like utf-8, cp1252 or iso-8859-1")
        return name


class XmlOptions(Model):
    """How an XML answer becomes values."""

    record: str | None = None
    """The name of the elements that are the records, without namespace: ``body`` is then their list."""
    list: _Names = ()
    """Names of elements that become a list even when there is one of them."""

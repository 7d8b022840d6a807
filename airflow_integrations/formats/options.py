"""What a route may say about the format of answers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

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


class XmlOptions(Model):
    """How an XML answer becomes values."""

    record: str | None = None
    """The name of the elements that are the records, without namespace: ``body`` is then their list."""
    list: _Names = ()
    """Names of elements that become a list even when there is one of them."""

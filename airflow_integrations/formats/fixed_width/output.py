"""How fixed width is written."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from airflow_integrations.formats.fixed_width.options import FixedColumn, FixedLines
from airflow_integrations.formats.text import checked_encoding
from airflow_integrations.formats.writing.totals import FooterCell

__all__ = ["FixedCell", "FixedText", "FixedWidthOutput"]


class FixedText(FixedColumn):
    """A place in the first line of a file.

    Example: ``{width: 10, text: ORDERS}``
    """

    name: Annotated[str, Field(max_length=200)] = ""
    """Of no meaning to the file: what errors call it.

    Example: ``name: total``
    Since: 0.2
    """
    text: str | None = None
    """What stands there; nothing: blanks.

    Example: ``text: ORDERS``
    Since: 0.2
    """


class FixedCell(FixedText, FooterCell):
    """A place in the last line of a file.

    Example: ``{width: 15, type: decimal, places: 2, sum: total}``
    """


class FixedWidthOutput(FixedLines):
    """How fixed width is written.

    Example:
        columns:
          - {name: customer, width: 10}
          - {name: balance, width: 11, type: decimal, places: 2}
        footer: [{width: 2, text: "99"}, {width: 8, type: integer, count: records}]
    """

    length: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] | None = None
    """Of every line: shorter ones are filled with blanks. Left out: a line ends with its last column.

    Example: ``length: 80``
    Since: 0.2
    """
    line_end: Literal["crlf", "lf", "none"] = "crlf"
    """What ends a line.

    Example: ``line_end: lf``
    Since: 0.2
    """
    encoding: Annotated[str, AfterValidator(checked_encoding)] = "utf-8"
    """How text is written. An entity with a character that it does not have fails alone.

    Example: ``encoding: cp1252``
    Since: 0.2
    """
    footer: Annotated[tuple[FixedCell, ...], Field(max_length=1000)] = ()
    """The file's last line, with counts and sums.

    Example:
        columns: [{name: sku, width: 10}]
        footer: [{width: 2, text: "99"}, {width: 8, type: integer, count: records}]
    Since: 0.2
    """
    header: Annotated[tuple[FixedText, ...], Field(max_length=1000)] = ()
    """The file's first line, of texts.

    Example:
        columns: [{name: sku, width: 10}]
        header: [{width: 2, text: "00"}, {width: 8, text: ORDERS}]
    Since: 0.2
    """

    @model_validator(mode="after")
    def _writable(self) -> Self:
        if self.line_end == "none" and self.length is None:
            raise ValueError("without line ends all lines have the same length: write length")
        wide = self.encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32"))
        if self.unit == "bytes" and wide:
            raise ValueError("unit: bytes needs an encoding in which a blank is one byte")
        begins = [kind for kind in self.kinds if kind.into is None and not kind.ignore]
        if len(begins) > 1 and (self.tag is None or self.tag.name is None):
            raise ValueError("several kinds begin a record: name the field that says which one it is in tag.name")
        return self

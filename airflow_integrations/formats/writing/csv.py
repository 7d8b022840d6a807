"""Records to CSV."""

from __future__ import annotations

import csv
import io
from typing import IO, Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from airflow_integrations.config.model import Model, ShortForm
from airflow_integrations.errors import EntityError
from airflow_integrations.formats.delimiter import written_delimiter
from airflow_integrations.formats.text import checked_encoding
from airflow_integrations.formats.writing import Record
from airflow_integrations.formats.writing.cells import cell_text, columns_of, encoded_text, object_of
from airflow_integrations.formats.writing.totals import FooterCell, Totals

__all__ = ["CsvOutput", "CsvWriter"]

_Column = Annotated[str, Field(min_length=1)]


class CsvCell(ShortForm, FooterCell):
    """A value of the last line: a text, a count or a sum.

    Example: ``{sum: total}``
    """

    short_form: ClassVar[str] = "text"


class CsvOutput(Model):
    """How CSV is written.

    Example:
        delimiter: ";"
        columns: [sku, price]
    """

    columns: Annotated[tuple[_Column, ...], Field(min_length=1, max_length=10_000)] | None = None
    """The entity's fields that become columns, in this order. Left out: those of the file's first entity; one that has
    others then fails alone.

    Example: ``columns: [sku, price]``
    """
    delimiter: Annotated[str, BeforeValidator(written_delimiter), Field(min_length=1, max_length=1)] = ","
    """What stands between two values.

    Example: ``delimiter: ";"``
    """
    quote: Literal["minimal", "all"] = "minimal"
    """Which values are in quotes: those that need it, or all.

    Example: ``quote: all``
    """
    header: Annotated[bool, Field(strict=True)] = True
    """Whether the first line names the columns.

    Example: ``header: false``
    """
    footer: Annotated[tuple[CsvCell, ...], Field(max_length=10_000)] = ()
    """The values of a last line: a text, ``{count: records}`` or ``{sum: total}``.

    Example: ``footer: [TOTAL, {count: records}, {sum: total}]``
    Since: 0.2
    """
    line_end: Literal["crlf", "lf"] = "crlf"
    """What ends a line.

    Example: ``line_end: lf``
    """
    encoding: Annotated[str, AfterValidator(checked_encoding)] = "utf-8"
    """How text is written; ``utf-8-sig`` begins with the mark that Excel wants. An entity with a character that it
    does not have fails alone.

    Example: ``encoding: cp1252``
    """

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.delimiter in '"\r\n':
            raise ValueError("delimiter can be neither a quote nor a line end")
        if self.columns is not None and len(set(self.columns)) < len(self.columns):
            raise ValueError("a column stands in columns twice")
        return self


class CsvWriter:
    """See :class:`CsvOutput`."""

    def __init__(self, out: IO[bytes], options: CsvOutput) -> None:
        self._out, self._options = out, options
        self._columns = options.columns
        self._totals = Totals(cell.sum for cell in options.footer)

    def add(self, record: Record) -> None:
        value = object_of(record.value, "a row of CSV")
        columns = self._columns or columns_of(value)
        if self._options.columns is None and set(value) != set(columns):
            odd = sorted(set(value) ^ set(columns))[0]
            raise EntityError(f"the file has columns {', '.join(columns)}; name them all in csv.columns", field=odd)
        row = [cell_text(name, value.get(name)) for name in columns]
        text, begun = self._line(row), bool(self._totals.records)
        if not begun and self._options.header:
            text = self._line(list(columns)) + text
        totals = self._totals.of(value)
        self._out.write(encoded_text(text, self._options.encoding, begun=begun))
        self._columns = columns
        self._totals.add(totals)

    def finish(self) -> None:
        footer = self._options.footer
        if not footer:
            return
        others = 1 + self._options.header
        cells = [cell_text("footer", self._totals.value(cell, others)) for cell in footer]
        self._out.write(encoded_text(self._line(cells), self._options.encoding, begun=bool(self._totals.records)))

    def _line(self, row: list[str]) -> str:
        out = io.StringIO()
        quoting: Any = csv.QUOTE_ALL if self._options.quote == "all" else csv.QUOTE_MINIMAL
        end = "\r\n" if self._options.line_end == "crlf" else "\n"
        csv.writer(out, delimiter=self._options.delimiter, quoting=quoting, lineterminator=end).writerow(row)
        return out.getvalue()

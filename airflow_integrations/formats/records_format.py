"""The formats of what holds many records: messages, files, and answers that are one."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, Self

from pydantic import Field, model_validator

from airflow_integrations.config.model import Model
from airflow_integrations.formats import FormatName, RecordReader
from airflow_integrations.formats.answer import AnswerFormat
from airflow_integrations.formats.edi.options import EdiOptions
from airflow_integrations.formats.excel.options import ExcelOptions
from airflow_integrations.formats.fixed_width.options import FixedWidthOptions
from airflow_integrations.formats.media_types import EXCEL, PARQUET
from airflow_integrations.formats.parquet.installed import REMEDY, is_installed
from airflow_integrations.formats.parquet.options import ParquetOptions
from airflow_integrations.formats.text import charset

__all__ = ["MessageFormat", "RecordsFormat", "RecordsFormatName", "TextFormats", "edi_type"]

RecordsFormatName = Literal[
    "auto", "json", "json_lines", "csv", "xml", "fixed_width", "edifact", "x12", "excel", "parquet"
]
_EDI: dict[str, FormatName] = {"application/edifact": "edifact", "application/edi-x12": "x12"}


def edi_type(content_type: str | None) -> FormatName | None:
    """The format that one of RFC 1767's content types names; None for others."""
    return _EDI.get((content_type or "").partition(";")[0].strip().lower())


class TextFormats(Model):
    """Formats of lines and segments; a part of other configurations."""

    fixed_width: FixedWidthOptions | None = None
    """How fixed width is written, which needs it.

    Example: ``fixed_width: {columns: [{name: sku, width: 10}, {name: total, width: 11, type: decimal, places: 2}]}``
    Since: 0.2
    """

    edifact: EdiOptions = Field(default_factory=EdiOptions)
    """How EDIFACT becomes values.

    Example: ``edifact: {groups: [{name: lines, start: LIN, until: [UNS]}]}``
    Since: 0.2
    """
    x12: EdiOptions = Field(default_factory=EdiOptions)
    """How X12 becomes values.

    Example: ``x12: {groups: [{name: lines, start: PO1, until: [CTT]}]}``
    Since: 0.2
    """

    @model_validator(mode="after")
    def _described(self) -> Self:
        if getattr(self, "format", None) == "fixed_width" and self.fixed_width is None:
            raise ValueError("format: fixed_width needs fixed_width, which names the columns")
        return self

    def text_reader(
        self, name: str, *, named: str | None, said: str | None, rejects: bool = False
    ) -> RecordReader | None:
        """A reader of one of these formats; None for others. ``named`` is the encoding that the route names, ``said``
        the one that the Content-Type does."""
        if name == "fixed_width":
            from airflow_integrations.formats.fixed_width.reader import FixedWidthReader

            assert self.fixed_width is not None
            return FixedWidthReader(self.fixed_width, encoding=named or said, rejects=rejects)
        if name == "edifact":
            from airflow_integrations.formats.edi.edifact import EdifactReader

            return EdifactReader(self.edifact, encoding=named, rejects=rejects)
        if name == "x12":
            from airflow_integrations.formats.edi.x12 import X12Reader

            return X12Reader(self.x12, encoding=named or said, rejects=rejects)
        return None


class MessageFormat(TextFormats, AnswerFormat):
    """All formats that one message, attachment or answer may have; a part of other configurations."""

    format: Literal["auto", "json", "json_lines", "csv", "xml", "fixed_width", "edifact", "x12", "excel"] = "auto"  # type: ignore[assignment]  # wider than that of other answers
    """The format of the content; ``auto`` goes by its Content-Type or its name, and takes JSON where that says nothing
    known.

    Example: ``format: csv``
    """
    excel: ExcelOptions = Field(default_factory=ExcelOptions)
    """How an Excel workbook (.xlsx) becomes records.

    Example: ``excel: {sheet: Prices, skip: 2}``
    Since: 0.2
    """

    def name_for(self, content_type: str | None) -> FormatName:
        if self.format == "auto":
            media = (content_type or "").partition(";")[0].strip().lower()
            if (found := "excel" if media == EXCEL else edi_type(media)) is not None:
                return found
        return super().name_for(content_type)

    def reader(
        self, content_type: str | None, *, required: Collection[str] = (), rejects: bool = False
    ) -> RecordReader:
        name: str = self.name_for(content_type)
        found = self.text_reader(name, named=self.encoding, said=charset(content_type), rejects=rejects)
        if found is not None:
            return found
        if name == "excel":
            from airflow_integrations.formats.excel.reader import ExcelReader

            return ExcelReader(self.excel, required=required, rejects=rejects)
        return super().reader(content_type, required=required, rejects=rejects)


class RecordsFormat(MessageFormat):
    """All formats that are read; a part of other configurations."""

    format: RecordsFormatName = "auto"  # type: ignore[assignment]  # wider than that of messages
    """The format of the content; ``auto`` goes by its Content-Type or its name, and takes JSON where that says nothing
    known.

    Example: ``format: csv``
    """
    parquet: ParquetOptions = Field(default_factory=ParquetOptions)
    """How Parquet becomes records.

    Example: ``parquet: {columns: [sku, price]}``
    Since: 0.2
    """

    @model_validator(mode="after")
    def _readable(self) -> Self:
        if self.format == "parquet" and not is_installed():
            raise ValueError(REMEDY)
        return self

    def name_for(self, content_type: str | None) -> FormatName:
        media = (content_type or "").partition(";")[0].strip().lower()
        return "parquet" if self.format == "auto" and media == PARQUET else super().name_for(content_type)

    def reader(
        self, content_type: str | None, *, required: Collection[str] = (), rejects: bool = False
    ) -> RecordReader:
        if self.name_for(content_type) == "parquet":
            from airflow_integrations.formats.parquet.reader import ParquetReader

            return ParquetReader(self.parquet, required=required, rejects=rejects)
        return super().reader(content_type, required=required, rejects=rejects)

"""The formats of what holds many records: messages, files, and answers that are one."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from airflow_integrations.formats import FormatName, RecordReader
from airflow_integrations.formats.answer import AnswerFormat
from airflow_integrations.formats.excel.options import ExcelOptions
from airflow_integrations.formats.parquet.installed import REMEDY, is_installed
from airflow_integrations.formats.parquet.options import ParquetOptions
from airflow_integrations.formats.recognition.media_types import EXCEL, PARQUET
from airflow_integrations.formats.text import charset
from airflow_integrations.formats.text_formats import TextFormats, edi_type

if TYPE_CHECKING:
    from airflow_integrations.formats.edi.acknowledging import Acknowledging

__all__ = ["MessageFormat", "RecordsFormat", "RecordsFormatName"]

RecordsFormatName = Literal[
    "auto", "json", "json_lines", "csv", "xml", "fixed_width", "edifact", "x12", "excel", "parquet"
]


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
        self,
        content_type: str | None,
        *,
        required: Collection[str] = (),
        rejects: bool = False,
        answers: Acknowledging | None = None,
    ) -> RecordReader:
        name: str = self.name_for(content_type)
        found = self.text_reader(
            name, named=self.encoding, said=charset(content_type), rejects=rejects, answers=answers
        )
        if found is not None:
            return found
        if name == "excel":
            from airflow_integrations.formats.excel.reader import ExcelReader

            return ExcelReader(self.excel, required=required, rejects=rejects)
        return super().reader(content_type, required=required, rejects=rejects, answers=answers)


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
        self,
        content_type: str | None,
        *,
        required: Collection[str] = (),
        rejects: bool = False,
        answers: Acknowledging | None = None,
    ) -> RecordReader:
        if self.name_for(content_type) == "parquet":
            from airflow_integrations.formats.parquet.reader import ParquetReader

            return ParquetReader(self.parquet, required=required, rejects=rejects)
        return super().reader(content_type, required=required, rejects=rejects, answers=answers)

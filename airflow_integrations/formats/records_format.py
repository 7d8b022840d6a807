"""The format of what holds many records: files, and answers that are one."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from airflow_integrations.formats import FormatName, RecordReader
from airflow_integrations.formats.answer import AnswerFormat
from airflow_integrations.formats.edi.options import EdiOptions
from airflow_integrations.formats.excel.options import ExcelOptions
from airflow_integrations.formats.fixed_width.options import FixedWidthOptions
from airflow_integrations.formats.media_types import EXCEL, PARQUET
from airflow_integrations.formats.parquet.installed import REMEDY, is_installed
from airflow_integrations.formats.parquet.options import ParquetOptions
from airflow_integrations.formats.text import charset

__all__ = ["RecordsFormat", "RecordsFormatName"]

RecordsFormatName = Literal[
    "auto", "json", "json_lines", "csv", "xml", "fixed_width", "edifact", "x12", "excel", "parquet"
]


class RecordsFormat(AnswerFormat):
    """All formats that are read; a part of other configurations."""

    format: RecordsFormatName = "auto"  # type: ignore[assignment]  # wider than that of other answers
    """The format of the content; ``auto`` goes by its Content-Type or its name, and takes JSON where that says nothing
    known.

    Example: ``format: csv``
    """
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

    excel: ExcelOptions = Field(default_factory=ExcelOptions)
    """How an Excel workbook (.xlsx) becomes records.

    Example: ``excel: {sheet: Prices, skip: 2}``
    Since: 0.2
    """

    parquet: ParquetOptions = Field(default_factory=ParquetOptions)
    """How Parquet becomes records.

    Example: ``parquet: {columns: [sku, price]}``
    Since: 0.2
    """

    @model_validator(mode="after")
    def _described(self) -> Self:
        if self.format == "fixed_width" and self.fixed_width is None:
            raise ValueError("format: fixed_width needs fixed_width, which names the columns")
        if self.format == "parquet" and not is_installed():
            raise ValueError(REMEDY)
        return self

    def name_for(self, content_type: str | None) -> FormatName:
        media = (content_type or "").partition(";")[0].strip().lower()
        if self.format == "auto" and media in (EXCEL, PARQUET):
            return "excel" if media == EXCEL else "parquet"
        return super().name_for(content_type)

    def reader(
        self, content_type: str | None, *, required: Collection[str] = (), rejects: bool = False
    ) -> RecordReader:
        name: Any = self.name_for(content_type)
        encoding = self.encoding or charset(content_type)
        if name == "fixed_width":
            from airflow_integrations.formats.fixed_width.reader import FixedWidthReader

            assert self.fixed_width is not None
            return FixedWidthReader(self.fixed_width, encoding=encoding, rejects=rejects)
        if name == "edifact":
            from airflow_integrations.formats.edi.edifact import EdifactReader

            return EdifactReader(self.edifact, encoding=self.encoding, rejects=rejects)
        if name == "x12":
            from airflow_integrations.formats.edi.x12 import X12Reader

            return X12Reader(self.x12, encoding=encoding, rejects=rejects)
        if name == "excel":
            from airflow_integrations.formats.excel.reader import ExcelReader

            return ExcelReader(self.excel, required=required, rejects=rejects)
        if name == "parquet":
            from airflow_integrations.formats.parquet.reader import ParquetReader

            return ParquetReader(self.parquet, required=required, rejects=rejects)
        return super().reader(content_type, required=required, rejects=rejects)

"""The formats that are written, and how each is: a part of other configurations."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from airflow_integrations.config.model import Model
from airflow_integrations.errors import EntityError
from airflow_integrations.formats.edi.output import EdifactOutput, X12Output
from airflow_integrations.formats.excel.options import ExcelOutput
from airflow_integrations.formats.fixed_width.output import FixedWidthOutput
from airflow_integrations.formats.parquet.installed import REMEDY, is_installed
from airflow_integrations.formats.parquet.options import ParquetOutput
from airflow_integrations.formats.writing import RecordWriter
from airflow_integrations.formats.writing.control import Control
from airflow_integrations.formats.writing.csv import CsvOutput
from airflow_integrations.formats.writing.xml_options import XmlOutput

__all__ = ["FormatWritten", "RecordsWritten", "WrittenFile", "WrittenFormat", "format_of_name"]

RecordsWritten = Literal["json_lines", "json", "csv", "xml", "fixed_width", "excel", "parquet"]
FormatWritten = Literal[RecordsWritten, "edifact", "x12"]
_ENDINGS: dict[str, RecordsWritten] = {
    "jsonl": "json_lines",
    "ndjson": "json_lines",
    "json": "json",
    "csv": "csv",
    "xml": "xml",
    "xlsx": "excel",
    "parquet": "parquet",
}

_OF_RECIPIENT = {
    "edifact": ("recipient", "recipient_qualifier"),
    "x12": ("recipient", "recipient_qualifier", "group_recipient"),
}
"""What an entity may say of whom it goes to."""


def format_of_name(name: str) -> RecordsWritten | None:
    """The format that the ending of a file's name says; None where it says none."""
    return _ENDINGS.get(name.strip().lower().rpartition(".")[2])


class WrittenFormat(Model):
    """How records are written, in all formats that do without a number of their own for each file."""

    format: RecordsWritten | None = None
    """Left out: by the ending of the name, ``.jsonl``, ``.ndjson``, ``.json``, ``.csv``, ``.xml``, ``.xlsx`` or
    ``.parquet``.

    Example: ``format: json_lines``
    """
    csv: CsvOutput = Field(default_factory=CsvOutput)
    """How CSV is written.

    Example: ``csv: {delimiter: ";", encoding: cp1252}``
    """
    fixed_width: FixedWidthOutput | None = None
    """How fixed width is written, which needs it.

    Example: ``fixed_width: {columns: [{name: sku, width: 10}, {name: total, width: 11, type: decimal, places: 2}]}``
    Since: 0.2
    """
    xml: XmlOutput = Field(default_factory=XmlOutput)
    """How XML is written.

    Example: ``xml: {root: orders, record: order}``
    Since: 0.2
    """
    excel: ExcelOutput = Field(default_factory=ExcelOutput)
    """How an Excel workbook is written.

    Example: ``excel: {sheet: Prices, columns: [sku, price]}``
    Since: 0.2
    """

    parquet: ParquetOutput = Field(default_factory=ParquetOutput)
    """How Parquet is written.

    Example: ``parquet: {columns: {id: int64, total: "decimal(18, 2)"}}``
    Since: 0.2
    """

    @model_validator(mode="after")
    def _described(self) -> Self:
        name = self.written
        if name in ("fixed_width", "edifact", "x12") and getattr(self, name) is None:
            raise ValueError(f"format: {name} needs {name}, which says how it is written")
        if name == "parquet" and not is_installed():
            raise ValueError(REMEDY)
        return self

    @property
    def written(self) -> FormatWritten | None:
        """The format; None where nothing says it."""
        return self.format

    def writer(self, out: Any, control: Control | None = None) -> RecordWriter:
        """A writer to a file of bytes. ``control``: the number of the interchange, for formats that have one."""
        name = self.written
        if name == "fixed_width":
            from airflow_integrations.formats.fixed_width.writer import FixedWidthWriter

            assert self.fixed_width is not None
            return FixedWidthWriter(out, self.fixed_width)
        if name == "excel":
            from airflow_integrations.formats.excel.writer import ExcelWriter

            return ExcelWriter(out, self.excel)
        if name == "parquet":
            from airflow_integrations.formats.parquet.writer import ParquetWriter

            return ParquetWriter(out, self.parquet)
        if name == "xml":
            from airflow_integrations.formats.writing.xml import XmlWriter

            return XmlWriter(out, self.xml)
        if name == "csv":
            from airflow_integrations.formats.writing.csv import CsvWriter

            return CsvWriter(out, self.csv)
        from airflow_integrations.formats.writing.json import JsonLinesWriter, JsonWriter

        return JsonWriter(out) if name == "json" else JsonLinesWriter(out)


class WrittenFile(WrittenFormat):
    """How records are written, also in formats that number their files."""

    format: FormatWritten | None = None  # type: ignore[assignment]  # wider than without numbers
    """Left out: by the ending of the name, ``.jsonl``, ``.ndjson``, ``.json``, ``.csv``, ``.xml``, ``.xlsx`` or
    ``.parquet``.

    Example: ``format: json_lines``
    """
    edifact: EdifactOutput | None = None
    """The interchange of EDIFACT, which needs it. An entity is a message: an object with ``segments``.

    Example:
        format: edifact
        edifact:
          sender: "5412345000013"
          recipient: "4012345500004"
          message: {type: ORDERS, release: 96A, association: EAN008}
    Since: 0.2
    """
    x12: X12Output | None = None
    """The interchange of X12, which needs it. An entity is a transaction set: an object with ``segments``.

    Example:
        format: x12
        x12: {sender: SENDERISA, recipient: RECEIVERISA, type: "850", group: PO}
    Since: 0.2
    """

    @property
    def addresses(self) -> bool:
        """Whether the options say who receives what is written, and leave it to no entity."""
        options = self._of_interchange
        return options is None or options.recipient is not None

    @property
    def _of_interchange(self) -> EdifactOutput | X12Output | None:
        name = self.written
        return self.edifact if name == "edifact" else self.x12 if name == "x12" else None

    def addressed(self, value: Any) -> WrittenFile:
        """The options for what one entity says, which names its recipient where they do not. Raises EntityError."""
        options, name = self._of_interchange, str(self.written)
        if options is None or options.recipient is not None:
            return self
        fields = value if isinstance(value, dict) else {}
        said = {field: fields[field] for field in _OF_RECIPIENT[name] if fields.get(field) is not None}
        if "recipient" not in said:
            raise EntityError(f"the route leaves {name}.recipient to the entity, which has none", field="recipient")
        try:
            made = type(options).model_validate({**said, **options.model_dump(exclude_unset=True)})
        except ValidationError as error:
            first = error.errors()[0]
            place = str(first["loc"][0]) if first["loc"] else "recipient"
            raise EntityError(f"an interchange cannot be addressed so: {first['msg']}", field=place) from None
        return self.model_copy(update={name: made})

    @property
    def partner(self) -> tuple[str, int, int] | None:
        """To whom interchanges are counted, the first number, and the greatest; None where nothing is counted."""
        if self.written == "edifact" and self.edifact is not None:
            return f"edifact {self.edifact.sender} {self.edifact.recipient}", self.edifact.first, 99_999_999_999_999
        if self.written == "x12" and self.x12 is not None:
            return f"x12 {self.x12.sender} {self.x12.recipient}", self.x12.first, 999_999_999
        return None

    def writer(self, out: Any, control: Control | None = None) -> RecordWriter:
        if self.written not in ("edifact", "x12"):
            return super().writer(out, control)
        from airflow_integrations.formats.edi.writer import EdifactWriter, X12Writer

        assert control is not None
        if self.written == "x12":
            assert self.x12 is not None
            return X12Writer(out, self.x12, control)
        assert self.edifact is not None
        return EdifactWriter(out, self.edifact, control)

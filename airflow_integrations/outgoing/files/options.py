"""The options of ``outgoing: {files: …}``."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from airflow_integrations.config.model import Model
from airflow_integrations.config.types import ConnectionId
from airflow_integrations.expressions import Sees, Template
from airflow_integrations.files.place import checked_path
from airflow_integrations.formats.edi.output import EdifactOutput, X12Output
from airflow_integrations.formats.excel.options import ExcelOutput
from airflow_integrations.formats.fixed_width.output import FixedWidthOutput
from airflow_integrations.formats.writing.csv import CsvOutput

__all__ = ["FilesOptions", "FormatWritten", "TextFormat", "format_of_name"]

TextFormat = Literal["json_lines", "json", "csv"]
FormatWritten = Literal["json_lines", "json", "csv", "fixed_width", "edifact", "x12", "excel"]
_ENDINGS: dict[str, FormatWritten] = {
    "jsonl": "json_lines",
    "ndjson": "json_lines",
    "json": "json",
    "csv": "csv",
    "xlsx": "excel",
}


def format_of_name(name: str) -> FormatWritten | None:
    """The format that the ending of a file's name says; None where it says none."""
    return _ENDINGS.get(name.strip().lower().rpartition(".")[2])


class FilesOptions(Model):
    """A run's entities in one file. It appears under its name when it is complete.

    Example:
        connection: partner_sftp
        path: /in/orders_{{ window.start | date }}.csv
        csv: {delimiter: ";"}
        done: .done
    """

    connection: ConnectionId | None = None
    """The Airflow Connection of the place. Left out: this machine's disks, or for a URL the machine's own rights.

    Example: ``connection: partner_sftp``
    """
    path: Annotated[Template, Sees("run")]
    """The file, from the root or as an fsspec URL, or with a Connection of type ``sftp``, ``ftp``, ``aws``, … its path
    at that place. An ending ``.gz`` packs it.

    Example: ``path: /out/orders_{{ window.start | date }}.jsonl``
    """
    format: FormatWritten | None = None
    """Left out: by the ending of the name, ``.jsonl``, ``.ndjson``, ``.json``, ``.csv`` or ``.xlsx``.

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
    excel: ExcelOutput = Field(default_factory=ExcelOutput)
    """How an Excel workbook is written.

    Example: ``excel: {sheet: Prices, columns: [sku, price]}``
    Since: 0.2
    """
    if_exists: Literal["fail", "replace", "number"] = "fail"
    """What happens where a file of this name is there, from another run. ``fail``: nothing is written, and the run
    tries again later; ``replace``; or ``number``: ``orders-2.csv`` is written. A run never replaces its own file.

    Example: ``if_exists: number``
    """
    done: Annotated[str, Field(min_length=2, max_length=100, pattern=r"^\.[^/]+$")] | None = None
    """The ending of an empty file that is written beside it when it is complete.

    Example: ``done: .done``
    """
    checksum: Literal["sha256"] | None = None
    """Write ``orders.csv.sha256`` beside it, as ``sha256sum`` does, before the ``done`` file.

    Example: ``checksum: sha256``
    """
    most: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 100_000
    """A file is closed behind the batch with which it has this many entities; further ones go into ``orders-2.csv``.
    What is known of each, about a kilobyte, is held in memory until its file is there.

    Example: ``most: 10000``
    """

    @model_validator(mode="after")
    def _fits(self) -> Self:
        checked_path(self.path.text.partition("{{")[0])
        if not self.folder or self.folder.endswith(":/"):
            raise ValueError(
                "path begins with a fixed folder, such as /out/, in which what is not complete yet is kept"
            )
        if self.format is None and self.written is None:
            raise ValueError("the ending of path says nothing of the format; write format: json_lines, json or csv")
        needed = {"fixed_width": self.fixed_width, "edifact": self.edifact, "x12": self.x12}
        if self.written in needed and needed[self.written] is None:
            raise ValueError(f"format: {self.written} needs {self.written}, which says how it is written")
        return self

    @property
    def written(self) -> FormatWritten | None:
        """The format; None where nothing says it."""
        return self.format or format_of_name(self.path.text.strip().lower().removesuffix(".gz"))

    @property
    def partner(self) -> tuple[str, int, int] | None:
        """To whom interchanges are counted, the first number, and the greatest; None where nothing is counted."""
        if self.written == "edifact" and self.edifact is not None:
            return f"edifact {self.edifact.sender} {self.edifact.recipient}", self.edifact.first, 99_999_999_999_999
        if self.written == "x12" and self.x12 is not None:
            return f"x12 {self.x12.sender} {self.x12.recipient}", self.x12.first, 999_999_999
        return None

    @property
    def folder(self) -> str:
        """The folder that every run's file is in or below."""
        return self.path.text.partition("{{")[0].partition("{%")[0].rpartition("/")[0]

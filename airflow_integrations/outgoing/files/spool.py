"""A file's content before it is complete: on this machine's disk, in its format."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import tempfile
from typing import IO, Any

from airflow_integrations.errors import EntityError
from airflow_integrations.formats.json import encode
from airflow_integrations.outgoing import Outbound
from airflow_integrations.outgoing.files.options import CsvOutput, FormatWritten

__all__ = ["Spool"]

PIECE = 1024 * 1024


class Spool:
    """Use :meth:`add` for each entity, then :meth:`complete` once. The same entities give the same bytes."""

    def __init__(self, written: FormatWritten | None, csv: CsvOutput, *, packed: bool) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close
        self._out: Any = gzip.GzipFile("", "wb", fileobj=self._file, mtime=0) if packed else self._file
        self._format = written
        self._csv = csv
        self._columns = csv.columns
        self._count = 0
        self.size, self.sha256 = 0, ""

    def __len__(self) -> int:
        return self._count

    def add(self, outbound: Outbound) -> None:
        """Raises EntityError for one that cannot be written in this format; nothing of it is written then."""
        if self._format == "csv":
            written = self._row(outbound.value)
        elif self._format == "json":
            written = (b",\n" if self._count else b"[\n") + outbound.encoded
        else:
            written = outbound.encoded + b"\n"
        self._out.write(written)
        self._count += 1

    def _row(self, value: Any) -> bytes:
        if not isinstance(value, dict):
            raise EntityError("a row of CSV is made of an object's fields; end transform with a map")
        columns = self._columns or tuple(value)
        if self._csv.columns is None and set(value) != set(columns):
            odd = sorted(set(value) ^ set(columns))[0]
            raise EntityError(f"the file has columns {', '.join(columns)}; name them all in csv.columns", field=odd)
        row = [_cell(name, value.get(name)) for name in columns]
        text = self._line(row)
        if not self._count and self._csv.header:
            text = self._line(list(columns)) + text
        encoding = self._csv.encoding
        if self._count and encoding == "utf-8-sig":
            encoding = "utf-8"
        try:
            written = text.encode(encoding)
        except UnicodeEncodeError as error:
            raise EntityError(f"{error.object[error.start]!r} is not a character of {encoding}") from None
        self._columns = columns
        return written

    def _line(self, row: list[str]) -> str:
        out = io.StringIO()
        quoting: Any = csv.QUOTE_ALL if self._csv.quote == "all" else csv.QUOTE_MINIMAL
        end = "\r\n" if self._csv.line_end == "crlf" else "\n"
        csv.writer(out, delimiter=self._csv.delimiter, quoting=quoting, lineterminator=end).writerow(row)
        return out.getvalue()

    def complete(self) -> None:
        """All entities are in it: its size and checksum are known."""
        if self._format == "json":
            self._out.write(b"\n]\n" if self._count else b"[]\n")
        if self._out is not self._file:
            self._out.close()
        self._file.flush()
        self._file.seek(0)
        digest = hashlib.sha256()
        while piece := self._file.read(PIECE):
            digest.update(piece)
            self.size += len(piece)
        self.sha256 = digest.hexdigest()

    def copy_to(self, target: IO[bytes]) -> None:
        """The whole content."""
        self._file.seek(0)
        while piece := self._file.read(PIECE):
            target.write(piece)

    def close(self) -> None:
        self._file.close()


def _cell(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, (dict, list)):
        raise EntityError(
            f"it is {'an object' if isinstance(value, dict) else 'a list'}, and a cell is text", field=name
        )
    return encode(value).decode()

"""Row groups to records."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator
from typing import Any

from airflow_integrations.formats import BadRecord, ContentError, bad_record
from airflow_integrations.formats.json import encode_anyhow
from airflow_integrations.formats.parquet.installed import REMEDY
from airflow_integrations.formats.parquet.options import ParquetOptions

__all__ = ["ParquetReader"]

MAX_FILE = 4 * 1024 * 1024 * 1024
"""Bytes of a file, which is kept on disk: what it is made of stands at its end."""
IN_MEMORY = 8 * 1024 * 1024
PAGE = 200
"""Records that are made at once."""
MAX_COLUMNS = 10_000
BUFFER = 256 * 1024
"""Bytes of a column that are read at once."""


class ParquetReader:
    """The file is read when it has come as a whole. A row with a value that JSON cannot hold is bad alone."""

    def __init__(self, options: ParquetOptions, *, required: Collection[str] = (), rejects: bool = False) -> None:
        """``required``: columns of which the file must have one. ``rejects``: a bad row becomes a BadRecord."""
        self._options, self._rejects, self._required = options, rejects, frozenset(required)
        self._file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed by remaining
        self._size = 0

    def feed(self, chunk: bytes) -> list[Any]:
        if not self._size and not b"PAR1".startswith(chunk[:4]):
            raise ContentError(
                "the Parquet file is encrypted, and such are not read"
                if chunk[:4] == b"PARE"
                else "the content is not Parquet: it does not begin with PAR1"
            )
        self._size += len(chunk)
        if self._size > MAX_FILE:
            raise ContentError(f"the Parquet file has over {MAX_FILE:,} bytes")
        self._file.write(chunk)
        return []

    def finish(self) -> list[Any]:
        return [record for page in self.remaining() for record in page]

    def remaining(self) -> Iterator[list[Any]]:
        """The records, some hundred at a time."""
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError:
            raise ContentError(REMEDY) from None
        with self._file as spooled:
            spooled.seek(0)
            try:
                file = pyarrow.parquet.ParquetFile(
                    pyarrow.PythonFile(spooled, mode="r"),
                    buffer_size=BUFFER,
                    pre_buffer=False,
                    page_checksum_verification=True,
                )
                names = file.schema_arrow.names
            except (pyarrow.ArrowException, OSError, ValueError) as error:
                raise ContentError(f"the Parquet file cannot be read: {_said(error)}") from None
            wanted = self._wanted(names)
            for group in range(file.metadata.num_row_groups):
                rows = 0
                try:
                    for batch in file.iter_batches(PAGE, row_groups=[group], columns=wanted, use_threads=False):
                        yield self._page(batch, group, rows)
                        rows += batch.num_rows
                except (pyarrow.ArrowException, OSError) as error:
                    place = f"row group {group + 1} of {file.metadata.num_row_groups}, behind its row {rows}"
                    raise ContentError(f"the Parquet file is damaged in {place}: {_said(error)}") from None

    def _wanted(self, names: list[str]) -> list[str] | None:
        if len(names) > MAX_COLUMNS:
            raise ContentError(f"the Parquet file has over {MAX_COLUMNS:,} columns")
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ContentError(f"the Parquet file has two columns that are called {twice[:60]!r}")
        shown = ", ".join(repr(name[:40]) for name in names[:20])
        wanted = self._options.columns
        missing = [name for name in wanted or () if name not in names]
        if missing:
            raise ContentError(
                f"the Parquet file has no column {missing[0]!r}, which parquet.columns names; it has {shown}"
            )
        read = names if wanted is None else wanted
        if self._required and self._required.isdisjoint(read):
            raise ContentError(
                f"the Parquet file has no column {min(self._required)!r}, which entity.key reads; it has {shown}"
            )
        return None if wanted is None else list(wanted)

    def _page(self, batch: Any, group: int, before: int) -> list[Any]:
        from airflow_integrations.formats.parquet.values import Unspeakable, values_of

        columns = {name: values_of(column) for name, column in zip(batch.schema.names, batch.columns, strict=True)}
        records: list[Any] = []
        for at in range(batch.num_rows):
            record = {name: values[at] for name, values in columns.items()}
            fault = next((name for name, value in record.items() if type(value) is Unspeakable), None)
            if fault is not None:
                why = f"row {before + at + 1} of row group {group + 1}, column {fault}: {record[fault].why}"
                records.append(self._bad(why, record))
            else:
                records.append(record)
        return records

    def _bad(self, why: str, record: dict[str, Any]) -> BadRecord:
        if not self._rejects:
            raise ContentError(why)
        shown = {name: value if isinstance(value, (str, int)) else str(value) for name, value in record.items()}
        return bad_record(why, encode_anyhow(shown).decode("utf-8", "backslashreplace"))


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:300]

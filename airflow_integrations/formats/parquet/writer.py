"""Records to row groups."""

from __future__ import annotations

from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet

from airflow_integrations.errors import EntityError
from airflow_integrations.formats.parquet.fitting import arrow_type, fitting
from airflow_integrations.formats.parquet.options import ParquetOutput
from airflow_integrations.formats.parquet.shapes import merged, type_of
from airflow_integrations.formats.writing import Record
from airflow_integrations.formats.writing.cells import object_of

__all__ = ["ParquetWriter"]

BYTES = 32 * 1024 * 1024
"""Of JSON, behind which a row group ends."""


class ParquetWriter:
    """See :class:`ParquetOutput`. Without given columns they are those of the first row group's records."""

    def __init__(self, out: IO[bytes], options: ParquetOutput) -> None:
        self._out, self._options = out, options
        self._shape: Any = {}
        self._rows: list[dict[str, Any]] = []
        self._bytes = 0
        self._file: Any = None
        self._fits: dict[str, Any] = {}
        if options.columns is not None:
            self._begin(options.columns)

    def add(self, record: Record) -> None:
        value = object_of(record.value, "a row of Parquet")
        if self._file is None:
            if not value and not self._shape:
                raise EntityError("it has no fields, and the file would have no columns")
            _named(value)
            self._shape = merged(self._shape, value)
            self._rows.append(value)
        else:
            self._rows.append(self._fitted(value))
        self._bytes += len(record.encoded)
        if len(self._rows) >= self._options.rows or self._bytes >= BYTES:
            self._flush()

    def finish(self) -> None:
        if self._rows or self._file is None:
            self._flush()
        self._file.close()

    def _begin(self, columns: dict[str, Any]) -> None:
        self._fits = {name: fitting(kind, name) for name, kind in columns.items()}
        self._schema = pa.schema([pa.field(name, arrow_type(kind)) for name, kind in columns.items()])
        self._file = pa.parquet.ParquetWriter(
            self._out, self._schema, compression=self._options.compression, write_page_checksum=True, version="2.6"
        )

    def _fitted(self, value: dict[str, Any]) -> dict[str, Any]:
        if odd := next((name for name in value if name not in self._fits), None):
            shown = ", ".join(list(self._fits)[:20])
            raise EntityError(f"the file has columns {shown}; name them all in parquet.columns", field=odd[:300])
        return {name: fit(value.get(name)) for name, fit in self._fits.items()}

    def _flush(self) -> None:
        rows, self._rows, self._bytes = self._rows, [], 0
        if self._file is None:
            self._begin({name: type_of(shape) for name, shape in self._shape.items()})
            rows = [self._fitted(row) for row in rows]
        columns = [pa.array([row[field.name] for row in rows], field.type) for field in self._schema]
        self._file.write_table(pa.table(columns, schema=self._schema), row_group_size=len(rows) or None)


def _named(value: Any) -> None:
    """Raises EntityError for text that is none, which would be known only when the row group is written."""
    if isinstance(value, dict):
        for name, each in value.items():
            if not name:
                raise EntityError("a field has no name, and a column needs one")
            _named(name)
            _named(each)
    elif isinstance(value, list):
        for each in value:
            _named(each)
    elif isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise EntityError("a text has half of a surrogate pair (a character cut in two)") from None

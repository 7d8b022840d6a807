"""Content types of the formats, and those that the ending of a file's name says."""

from __future__ import annotations

__all__ = ["EXCEL", "OF_FORMAT", "PARQUET", "type_of_name"]

EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PARQUET = "application/vnd.apache.parquet"
OF_FORMAT = {
    "json": "application/json",
    "json_lines": "application/x-ndjson",
    "csv": "text/csv",
    "xml": "application/xml",
    "excel": EXCEL,
    "parquet": PARQUET,
    "fixed_width": "text/plain",
    "edifact": "application/EDIFACT",  # RFC 1767
    "x12": "application/EDI-X12",
}
_OF_ENDING = {
    "json": "json",
    "jsonl": "json_lines",
    "ndjson": "json_lines",
    "csv": "csv",
    "xml": "xml",
    "xlsx": "excel",
    "parquet": "parquet",
}


def type_of_name(name: str) -> str | None:
    """The Content-Type of a file with this name; None where its ending says nothing."""
    format_name = _OF_ENDING.get(name.strip().lower().rpartition(".")[2])
    return None if format_name is None else OF_FORMAT[format_name]

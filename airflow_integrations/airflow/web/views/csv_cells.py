"""Cells of a CSV file that a spreadsheet takes as what they are.

A cell that begins like a formula is one to Excel and others, whoever wrote it into an order's note: it gets an
apostrophe in front (https://owasp.org/www-community/attacks/CSV_Injection).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

__all__ = ["cell", "csv_lines", "moment"]

_FORMULA = tuple("=+-@＝＋－＠|%\t\r\n")
"""The wide ones become the narrow ones in some spreadsheets' Asian versions."""


def cell(value: Any) -> Any:
    """Numbers as they are; a text that could be taken as a formula with an apostrophe in front."""
    if not isinstance(value, str):
        return value
    return f"'{value}" if value.startswith(_FORMULA) or value.lstrip().startswith(_FORMULA) else value


def moment(at: float | None) -> str | None:
    """RFC 3339, in UTC, to the second."""
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """A file as RFC 4180 has it, a line at a time."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(header)
    yield _taken(buffer)
    for row in rows:
        writer.writerow([cell(value) for value in row])
        yield _taken(buffer)


def _taken(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text

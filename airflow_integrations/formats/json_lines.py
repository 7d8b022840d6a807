"""JSON lines: one JSON document a line (newline-delimited JSON)."""

from __future__ import annotations

import decimal
from typing import Any

from airflow_integrations.formats import ContentError
from airflow_integrations.formats.json import decoder, read

__all__ = ["MAX_LINE", "JsonLinesReader"]

MAX_LINE = 16 * 1024 * 1024
"""Bytes of one record: a file that is really one long line is noticed before it fills the memory."""


class JsonLinesReader:
    """Reads UTF-8 lines. Empty lines are skipped; the last one may lack its newline."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._size = 0
        self._lines = 0
        self._first = True

    def feed(self, chunk: bytes) -> list[Any]:
        cut = chunk.rfind(b"\n") + 1
        if not cut:
            self._hold(chunk)
            return []
        complete = b"".join((*self._held, chunk[:cut]))
        self._held, self._size = [], 0
        self._hold(chunk[cut:])
        return self._read(complete)

    def finish(self) -> list[Any]:
        rest, self._held = b"".join(self._held), []
        return self._read(rest)

    def _hold(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size > MAX_LINE:
            raise ContentError(
                f"line {self._lines + 1} has over {MAX_LINE:,} bytes; is this really one JSON document a line?"
            )
        if chunk:
            self._held.append(chunk)

    def _read(self, lines: bytes) -> list[Any]:
        if self._first and lines:
            lines, self._first = lines.removeprefix(b"\xef\xbb\xbf"), False
        try:
            records = decoder.decode_lines(lines)
        except (ValueError, RecursionError, decimal.DecimalException):
            records = self._one_by_one(lines)
        self._lines += lines.count(b"\n")
        return records

    def _one_by_one(self, lines: bytes) -> list[Any]:
        records = []
        for number, line in enumerate(lines.split(b"\n"), self._lines + 1):
            try:
                if line.strip():
                    records.append(read(line))
            except ContentError as error:
                raise ContentError(f"line {number}: {error}") from None
        return records

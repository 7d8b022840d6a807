"""JSON lines: one JSON document a line (newline-delimited JSON)."""

from __future__ import annotations

import decimal
from typing import Any

from airflow_integrations.formats import ContentError
from airflow_integrations.formats.json import decoder, explain

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
            raise self._explain(lines) from None
        self._lines += lines.count(b"\n")
        return records

    def _explain(self, lines: bytes) -> ContentError:
        for number, line in enumerate(lines.split(b"\n"), self._lines + 1):
            try:
                if line.strip():
                    decoder.decode(line)
            except (ValueError, RecursionError, decimal.DecimalException) as error:
                return ContentError(f"line {number}: {explain(error, line)}")
        return ContentError(f"after line {self._lines}: the lines are not JSON")

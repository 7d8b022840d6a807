"""JSON lines: one JSON document a line (newline-delimited JSON)."""

from __future__ import annotations

import decimal
from typing import Any

from airflow_integrations.formats import KEPT, ContentError, bad_record
from airflow_integrations.formats.json import decoder, read
from airflow_integrations.formats.text import Transcoding

__all__ = ["MAX_LINE", "JsonLinesReader"]

MAX_LINE = 16 * 1024 * 1024
"""Bytes of one record: a file that is really one long line is noticed before it fills the memory."""


class JsonLinesReader:
    """Reads lines in UTF-8 or another encoding. Empty lines are skipped; the last one may lack its newline."""

    def __init__(self, *, encoding: str | None = None, rejects: bool = False) -> None:
        """``rejects``: a line that is not JSON becomes a BadRecord, and so does one that is too long, where it is
        neither the first one, nor the rest of all that comes: that says something about the content as a whole."""
        self._rejects = rejects
        self._text = Transcoding(encoding)
        self._held: list[bytes] = []
        self._size = 0
        self._lines = 0
        self._long = False
        """Whether the line that has not ended yet is too long: only its begin is held."""

    def feed(self, chunk: bytes) -> list[Any]:
        return self._feed(self._text.feed(chunk))

    def finish(self) -> list[Any]:
        records = self._feed(self._text.feed(b"", last=True))
        if self._long:
            raise self._too_long()
        rest, self._held = b"".join(self._held), []
        return records + self._read(rest)

    def _feed(self, chunk: bytes) -> list[Any]:
        cut = chunk.rfind(b"\n") + 1
        if not cut:
            self._hold(chunk)
            return []
        bad: list[Any] = []
        start = 0
        if self._long:
            bad.append(bad_record(str(self._too_long()), self._held[0].decode("utf-8", "backslashreplace")))
            start, self._held, self._long = chunk.find(b"\n") + 1, [], False
            self._lines += 1
        complete = b"".join((*self._held, chunk[start:cut]))
        self._held, self._size = [], 0
        records = bad + self._read(complete)
        self._hold(chunk[cut:])
        return records

    def _hold(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size <= MAX_LINE:
            if chunk:
                self._held.append(chunk)
        elif not self._rejects or not self._lines:
            raise self._too_long()
        elif not self._long:
            self._held, self._long = [b"".join((*self._held, chunk))[:KEPT]], True

    def _too_long(self) -> ContentError:
        return ContentError(
            f"line {self._lines + 1} has over {MAX_LINE:,} bytes; is this really one JSON document a line?"
        )

    def _read(self, lines: bytes) -> list[Any]:
        try:
            records = decoder.decode_lines(lines)
        except (ValueError, RecursionError, decimal.DecimalException):
            records = self._one_by_one(lines)
        self._lines += lines.count(b"\n")
        return records

    def _one_by_one(self, lines: bytes) -> list[Any]:
        records: list[Any] = []
        for number, line in enumerate(lines.split(b"\n"), self._lines + 1):
            try:
                if line.strip():
                    records.append(read(line))
            except ContentError as error:
                why = f"line {number}: {error}"
                if not self._rejects:
                    raise ContentError(why) from None
                records.append(bad_record(why, line.decode("utf-8", "backslashreplace")))
        return records

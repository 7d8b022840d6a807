"""CSV (RFC 4180) and its relatives: rows to records by the header's names. Every value stays text."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

from airflow_integrations.formats import ContentError
from airflow_integrations.formats.options import CsvOptions
from airflow_integrations.formats.text import TextDecoding

__all__ = ["MAX_RECORD", "CsvReader"]

MAX_RECORD = 4 * 1024 * 1024
"""Characters of one record: a quote that is never closed is noticed before it fills the memory."""


class CsvReader:
    """Reads rows as they arrive. A row with another number of values than the header is an error, not a guess."""

    def __init__(self, options: CsvOptions | None = None, *, charset: str | None = None) -> None:
        self._options = options or CsvOptions()
        self._text = TextDecoding(self._options.encoding or charset)
        self._rest = ""
        self._lines: list[str] = []
        """Complete lines that have not yet made a complete row."""
        self._held = 0
        """Characters in them."""
        self._skip = self._options.skip
        self._header = list(self._options.header) if self._options.header else None
        self._rows = 0
        self._worth_trying = 0
        """Characters of an unfinished row at which it is parsed again: twice as many each time, so work is linear."""

    def feed(self, chunk: bytes) -> list[Any]:
        text = self._rest + self._text.feed(chunk)
        cut = text.rfind("\n") + 1
        self._rest = text[cut:]
        if len(self._rest) > MAX_RECORD:
            raise ContentError(f"row {self._rows + 1} has over {MAX_RECORD:,} characters; is a quote not closed?")
        if not cut:
            return []
        self._lines += _split(text[:cut])
        self._held += cut
        return self._records(last=False)

    def finish(self) -> list[Any]:
        text = self._rest + self._text.feed(b"", last=True)
        self._rest = ""
        self._lines += _split(text)
        return self._records(last=True)

    def _records(self, *, last: bool) -> list[Any]:
        records: list[Any] = []
        if not last and self._held < self._worth_trying:
            return records
        used = 0
        source = _Lines(self._lines)
        reader = csv.reader(source, delimiter=self._options.delimiter, quotechar=self._options.quote, strict=True)
        while used < len(self._lines):
            try:
                row = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                if source.exhausted:  # the row goes on in the next chunk
                    if last:
                        raise ContentError(f"row {self._rows + 1}: the content ends inside a quoted value") from None
                    break
                raise ContentError(f"row {self._rows + 1}: {_explain(error)}") from None
            used = source.taken
            self._rows += 1
            record = self._record(row)
            if record is not None:
                records.append(record)
        del self._lines[:used]
        self._held = sum(map(len, self._lines))
        self._worth_trying = 2 * self._held
        if self._held > MAX_RECORD:
            raise ContentError(f"row {self._rows + 1} has over {MAX_RECORD:,} characters; is a quote not closed?")
        return records

    def _record(self, row: list[str]) -> dict[str, str] | None:
        if self._skip:
            self._skip -= 1
            return None
        if not row:  # an empty line
            return None
        if self._header is None:
            self._header = self._checked(row)
            return None
        if len(row) != len(self._header):
            raise ContentError(
                f"row {self._rows} has {len(row)} values for {len(self._header)} columns; check delimiter and quote"
            )
        return dict(zip(self._header, row, strict=True))

    def _checked(self, names: list[str]) -> list[str]:
        names = [name.strip() for name in names]
        if not all(names):
            raise ContentError("a column has no name; name them all in header, and say skip: 1")
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ContentError(f"two columns are called {twice[0]!r}; name them all in header, and say skip: 1")
        return names


class _Lines:
    """Lines for csv.reader, which tells whether it ran out of them."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self.taken = 0
        self.exhausted = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.taken == len(self._lines):
            self.exhausted = True
            raise StopIteration
        self.taken += 1
        return self._lines[self.taken - 1]


def _split(text: str) -> list[str]:
    """Lines with their ends. Not str.splitlines: that also cuts at characters that are plain text to CSV."""
    lines = [line + "\n" for line in text.split("\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def _explain(error: csv.Error) -> str:
    text = str(error)
    if "field limit" in text:
        return f"a value has over {csv.field_size_limit():,} characters; is a quote not closed?"
    if "new-line character" in text:
        return "a lone carriage return stands in it; lines end with \\n or \\r\\n"
    return f"{text}; check delimiter and quote"

"""CSV (RFC 4180) and its relatives: rows to records by the header's names. Every value stays text."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from airflow_integrations.formats import BadRecord, ContentError, bad_record
from airflow_integrations.formats.csv_dialect import CsvDialect
from airflow_integrations.formats.lines import Lines
from airflow_integrations.formats.options import CsvOptions
from airflow_integrations.formats.text import TextDecoding

__all__ = ["MAX_COLUMNS", "MAX_RECORD", "CsvReader"]

MAX_COLUMNS = 10_000
"""Names in a header."""
MAX_RECORD = 4 * 1024 * 1024
"""Characters of one record: a quote that is never closed is noticed before it fills the memory."""
BEHIND = 100
"""Lines behind a row with a stray quote that may belong to it: up to the next line with an odd number of quotes."""
_NO_TEXT = re.compile("[\udc80-\udcff]")
_END_OF_FILE = "\x1a"
"""What programs for DOS write behind the last line."""
_NOT_CLOSED = f"has over {MAX_RECORD:,} characters; is a quote not closed?"


class CsvReader:
    """Reads rows as they arrive. A row with another number of values than the header is bad, not guessed at."""

    def __init__(
        self,
        options: CsvOptions | None = None,
        *,
        charset: str | None = None,
        required: Collection[str] = (),
        rejects: bool = False,
    ) -> None:
        """``required``: columns of which the header must have one. ``rejects``: a bad row becomes a BadRecord."""
        self._required = frozenset(required)
        self._rejects = rejects
        self._options = options or CsvOptions()
        self._dialect = CsvDialect(self._options)
        self._text = TextDecoding(self._options.encoding or charset, lenient=rejects)
        self._cutter = Lines(self._options.quote)
        self._lines: list[str] = []
        """Complete lines that have not yet made a complete row."""
        self._held = 0
        """Characters in them."""
        self._before = 0
        """Lines before them."""
        self._skip = self._options.skip
        self._suspicious = False
        """Whether something came that looks like a quote behind a blank."""
        self._character = ""
        """The last one that came."""
        self._last: list[Any] = []
        """Records that are not given, because they may be among the last."""
        self._header = list(self._options.header) if self._options.header else None
        if self._header is not None:
            self._check_required(self._header)
        self._worth_trying = 0
        """Characters of an unfinished row at which it is parsed again: twice as many each time, so work is linear."""

    def feed(self, chunk: bytes) -> list[Any]:
        lines = self._cut(self._text.feed(chunk))
        if not lines:
            return []
        self._take(lines)
        return self._but_last(self._records(last=False))

    def finish(self) -> list[Any]:
        self._take(self._cut(self._text.feed(b"", last=True)))
        self._take(filter(None, (line.rstrip(_END_OF_FILE) for line in self._cutter.finish())))
        records = self._but_last(self._records(last=True))
        if self._header is None and self._options.empty == "fail":
            raise ContentError(
                "the CSV is empty, without even a header; where that means that there is nothing, say csv: {empty: ok}"
            )
        return records

    def _cut(self, text: str) -> list[str]:
        if text:
            self._suspicious = self._suspicious or self._dialect.may_be_misread(self._character, text)
            self._character = text[-1]
        try:
            return self._cutter.feed(text)
        except ContentError:
            raise ContentError(f"line {self._before + len(self._lines) + 1} {_NOT_CLOSED}") from None

    def _take(self, lines: Iterable[str]) -> None:
        lines = self._dialect.prepared(list(lines))
        self._lines += lines
        self._held += sum(map(len, lines))

    def _records(self, *, last: bool) -> list[Any]:
        records: list[Any] = []
        record: dict[str, str | None] | BadRecord | None
        if not last and self._held < self._worth_trying:
            return records
        used = 0
        lines = self._lines
        watched = bool(self._skip or self._dialect.comment)
        source = _Source(lines)
        reader = csv.reader(source, **self._dialect.arguments)
        while used < len(lines):
            if watched and self._is_passed_over(lines[used]):
                used = source.taken = used + 1
                continue
            try:
                row = next(reader)
                record = self._record(row, lines, used, source.taken)
            except (csv.Error, ContentError) as error:
                if isinstance(error, csv.Error) and source.exhausted:  # the row goes on in the next chunk
                    if last:
                        raise ContentError(f"{self._place(used)}: the content ends inside a quoted value") from None
                    break
                end = self._behind(used, source.taken, last=last) if isinstance(error, csv.Error) else source.taken
                if end is None:
                    break
                record = self._bad(error, used, end)
                source.taken = end
            used = source.taken
            if record is not None:
                records.append(record)
        del lines[:used]
        self._before += used
        self._held = sum(map(len, lines))
        self._worth_trying = 2 * self._held
        if self._held > MAX_RECORD:
            raise ContentError(f"{self._place(0)}: the row {_NOT_CLOSED}")
        return records

    def _is_passed_over(self, line: str) -> bool:
        """Whether a row that begins with this line is not read."""
        if self._skip:
            self._skip -= 1
            return True
        comment = self._dialect.comment
        return comment is not None and line.startswith(comment)

    def _record(self, row: list[str], lines: list[str], used: int, taken: int) -> dict[str, str | None] | None:
        if (not row or not row[0].strip()) and self._is_blank(lines[used]):
            return None
        if self._text.damaged and any(map(_NO_TEXT.search, row)):
            raise ContentError(
                f"some of its bytes are not text in {self._text.encoding}; "
                "if the file is written in another encoding, say encoding: cp1252 (or whichever it is)"
            )
        if self._header is None:
            self._header = self._checked(row)
            return None
        if len(row) != len(self._header):
            raise ContentError(f"it has {len(row)} values for {len(self._header)} columns; check delimiter and quote")
        if self._suspicious and (fault := self._dialect.fault(row, "".join(lines[used:taken]))) is not None:
            raise ContentError(fault)
        if self._dialect.translates:
            return dict(zip(self._header, map(self._dialect.value, row), strict=True))
        return dict(zip(self._header, row))  # noqa: B905 - they are equally long

    def _is_blank(self, line: str) -> bool:
        """Whether a row has nothing but delimiters and blanks, as spreadsheets write for cells that were cleared."""
        return not line.replace(self._dialect.arguments["delimiter"], "").strip()

    def _bad(self, error: Exception, used: int, end: int) -> BadRecord:
        """In the place of a row that cannot be read. Raises ContentError where that is not allowed."""
        why = f"{self._place(used, end)}: {_explain(error) if isinstance(error, csv.Error) else error}"
        if self._header is None or not (self._rejects or self._options.skip_last):
            raise ContentError(why) from None
        text = self._dialect.restored("".join(self._lines[used:end]))
        return bad_record(why, self._text.shown(text) if self._text.damaged else text)

    def _behind(self, used: int, taken: int, *, last: bool) -> int | None:
        """The line behind a row that the csv module refused; None where that is not known before more lines came.

        A quote that it left open may be closed some lines below: what is between is text, not rows.
        """
        quote, lines = self._dialect.quote, self._lines
        if quote is None or sum(line.count(quote) for line in lines[used:taken]) % 2 == 0:
            return taken
        for at in range(taken, min(len(lines), taken + BEHIND)):
            if lines[at].count(quote) % 2:
                return at + 1
        return taken if last or len(lines) >= taken + BEHIND else None

    def _place(self, used: int, end: int = 0) -> str:
        first = self._before + used + 1
        return f"line {first}" if end <= used + 1 else f"lines {first} to {self._before + end}"

    def _but_last(self, records: list[Any]) -> list[Any]:
        if not self._options.skip_last:
            return records
        records = self._last + records
        cut = max(0, len(records) - self._options.skip_last)
        self._last = records[cut:]
        del records[cut:]
        if not self._rejects and (bad := next((record for record in records if type(record) is BadRecord), None)):
            raise ContentError(bad.reason)
        return records

    def _checked(self, row: list[str]) -> list[str]:
        if len(row) > MAX_COLUMNS:
            raise ContentError(f"the header has over {MAX_COLUMNS:,} columns; check delimiter and skip")
        names = [(self._dialect.value(name) or "").strip() for name in row]
        if not all(names):
            raise ContentError("a column has no name; name them all in header, and say skip: 1")
        twice = sorted(name for name, count in Counter(names).items() if count > 1)
        if twice:
            raise ContentError(f"two columns are called {twice[0]!r}; name them all in header, and say skip: 1")
        self._check_required(names)
        return names

    def _check_required(self, names: list[str]) -> None:
        if self._required and self._required.isdisjoint(names):
            missing = sorted(self._required)
            shown = ", ".join(repr(name[:40]) for name in names[:20])
            other = _delimiter(names, self._required)
            raise ContentError(
                f"the CSV has no column {missing[0]!r}, which entity.key reads; it has {shown}"
                f"{', …' if len(names) > 20 else ''}. "
                + (
                    f"Its columns are separated by {other}: write csv: {{delimiter: {other}}}"
                    if other
                    else "Is it an error message? Otherwise check delimiter, header and skip"
                )
            )


_DELIMITERS = {";": '";"', "\t": '"\\t"', "|": '"|"', ",": '","'}


def _delimiter(names: list[str], required: frozenset[str] | set[str]) -> str | None:
    """The delimiter, as a route file has it, that splits a header of one column into those that are required."""
    if len(names) != 1:
        return None
    found = (written for mark, written in _DELIMITERS.items() if not required.isdisjoint(_split(names[0], mark)))
    return next(found, None)


def _split(header: str, mark: str) -> list[str]:
    return [name.strip().strip('"') for name in header.split(mark)]


class _Source:
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


def _explain(error: csv.Error) -> str:
    text = str(error)
    if "field limit" in text:
        return f"a value has over {csv.field_size_limit():,} characters; is a quote not closed?"
    if "new-line character" in text:
        return "a lone carriage return stands in it; lines end with \\n or \\r\\n"
    return f"{text}; check delimiter, quote and escape"

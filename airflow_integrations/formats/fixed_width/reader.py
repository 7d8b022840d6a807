"""Lines of fixed width to records."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from airflow_integrations.formats import BadRecord, ContentError, bad_record
from airflow_integrations.formats.fixed_width.line_cutting import LineCutting
from airflow_integrations.formats.fixed_width.numbers import date_from, number_from
from airflow_integrations.formats.fixed_width.options import FixedColumn, FixedKind, FixedWidthOptions, placed

__all__ = ["MAX_RECORD", "FixedWidthReader"]

MAX_RECORD = 16 * 1024 * 1024
"""Characters of the lines of one record."""
_NO_TEXT = re.compile("[\udc80-\udcff]")


class FixedWidthReader:
    """Reads lines as they arrive. A record of several lines is complete when the next one begins."""

    def __init__(self, options: FixedWidthOptions, *, encoding: str | None = None, rejects: bool = False) -> None:
        """``rejects``: a line that cannot be read becomes a BadRecord, with the record that it belongs to."""
        self._options = options
        self._rejects = rejects
        self._cutting = LineCutting(options, encoding, lenient=rejects)
        self._skip = options.skip
        self._last: deque[tuple[int, str]] = deque()
        """Lines that are not read yet, because they may be among the last."""
        self._number = 0
        cell = self._cutting.cell
        self._columns = None if options.kinds else _Columns(options.columns or (), options, cell)
        self._kinds = {kind.tag.rstrip(): (kind, _Columns(options.of(kind), options, cell)) for kind in options.kinds}
        self._counts = any(kind.count for kind in options.kinds)
        self._lists = tuple(dict.fromkeys(kind.into for kind in options.kinds if kind.into))
        self._open: _Record | None = None
        self._records = self._lines = 0
        """Records that began, and lines of them."""
        self._counted = False
        """Whether the line with the file's count was there."""

    def feed(self, chunk: bytes) -> list[Any]:
        return self._read(self._cutting.feed(chunk))

    def finish(self) -> list[Any]:
        records = self._read(self._cutting.finish())
        if (rest := self._cutting.rest) is not None:
            self._number += 1
            records += self._closed()
            records.append(self._bad(f"line {self._number}: the content ends in the middle of it", rest))
        records += self._closed()
        if self._counts and not self._counted:
            records.append(self._bad("the file ends without the line that counts its records; is it complete?", ""))
        return records

    def _read(self, lines: Iterable[str]) -> list[Any]:
        found: list[Any] = []
        options = self._options
        for line in lines:
            self._number += 1
            if self._skip:
                self._skip -= 1
                continue
            if not line.strip(" \t\x1a"):
                continue
            if not options.skip_last:
                found += self._line(self._number, line)
                continue
            self._last.append((self._number, line))
            if len(self._last) > options.skip_last:
                found += self._line(*self._last.popleft())
        return found

    def _line(self, number: int, line: str) -> list[Any]:
        if self._columns is not None:
            try:
                return [self._columns.read(self._whole(line))]
            except ContentError as error:
                return [self._bad(f"line {number}: {error}", line)]
        return self._tagged(number, line)

    def _whole(self, line: str) -> str:
        if self._cutting.damaged and _NO_TEXT.search(line):
            raise ContentError(
                f"some of its bytes are not text in {self._cutting.encoding}; "
                "if the file is written in another encoding, say encoding: cp1252 (or whichever it is)"
            )
        return line

    def _tagged(self, number: int, line: str) -> list[Any]:
        place = self._options.tag
        assert place is not None
        tag = line[place.start - 1 : place.start - 1 + place.width].rstrip()
        kind, columns = self._kinds.get(tag, (None, None))
        if kind is None or columns is None:
            known = ", ".join(repr(each) for each in list(self._kinds)[:10])
            why = f"line {number}: its tag is {tag[:40]!r}, and the route knows {known}"
            if self._lists and self._open is not None:  # what it belongs to would be incomplete without it
                self._open.spoil(why, line)
                return []
            return [self._bad(why, line)]
        fault, value = "", None
        try:
            value = columns.read(self._whole(line)) if kind.columns else {}
        except ContentError as error:
            fault = f"line {number}: {error}"
        if kind.ignore:
            return [*self._closed(), *self._ignored(kind, number, line, value, fault)]
        self._lines += 1
        if kind.into is None:
            before = self._closed()
            self._records += 1
            if value is not None:
                value = ({place.name: tag} if place.name else {}) | value | {name: [] for name in self._lists}
            self._open = _Record(number, line, value, fault)
            return before
        if self._open is None:
            why = f"line {number}: it belongs to the record before it, and no record has begun"
            return [self._bad(fault or why, line)]
        self._open.add(kind.into, number, line, value, fault)
        return []

    def _ignored(self, kind: FixedKind, number: int, line: str, value: Any, fault: str) -> list[Any]:
        if kind.count is None:
            return [self._bad(fault, line)] if fault else []
        self._counted = True
        there = {"records": self._records, "lines": self._lines, "all_lines": number}.get(kind.count_of, number - 1)
        if not fault and str(value[kind.count]).strip().lstrip("0") != (str(there) if there else ""):
            what = kind.count_of.replace("_", " ")
            fault = f"line {number}: {kind.count} says {value[kind.count]}, and the file has {there} {what}"
        return [self._bad(fault, line)] if fault else []

    def _closed(self) -> list[Any]:
        record, self._open = self._open, None
        if record is None:
            return []
        return [record.value if not record.fault else self._bad(record.fault, "\n".join(record.lines))]

    def _bad(self, why: str, text: str) -> BadRecord:
        if not self._rejects:
            raise ContentError(why)
        return bad_record(why, self._cutting.shown(text))


class _Record:
    """A record whose lines are not complete. One bad line spoils it: without it, it would be another one."""

    def __init__(self, number: int, line: str, value: Any, fault: str) -> None:
        self.value, self.fault, self.lines = value, fault, [line]
        self._number, self._size = number, len(line)

    def add(self, name: str, number: int, line: str, value: Any, fault: str) -> None:
        self._keep(line)
        if fault:
            self.fault = self.fault or f"{fault} (it belongs to the record of line {self._number})"
        elif not self.fault:
            self.value[name].append(value)

    def spoil(self, why: str, line: str) -> None:
        self._keep(line)
        self.fault = self.fault or f"{why} (it may belong to the record of line {self._number})"

    def _keep(self, line: str) -> None:
        self._size += len(line)
        if self._size <= MAX_RECORD:
            self.lines.append(line)
        elif not self.fault or self.value is not None:
            self.fault = f"the record of line {self._number} has over {MAX_RECORD:,} characters"
            self.value = None


class _Columns:
    """One kind of line."""

    def __init__(
        self, columns: tuple[FixedColumn, ...], options: FixedWidthOptions, cell: Callable[[str], str] | None
    ) -> None:
        """``cell`` makes text of a part of a line, where lines are not text yet."""
        self._columns = [(column, start, end, column.filled_with) for column, start, end in placed(columns)]
        self._end = max((end for _, _, end, _ in self._columns), default=0)
        self._fills = options.short == "fill"
        self._ignores = options.longer == "ignore"
        self._cell = cell

    def read(self, line: str) -> dict[str, Any]:
        """Raises ContentError."""
        if len(line) < self._end:
            if not self._fills:
                raise ContentError(f"it has {len(line)} places, and its columns need {self._end}")
            line = line.ljust(self._end)
        elif not self._ignores and len(line) > self._end and line[self._end :].strip():
            raise ContentError(f"it has {len(line)} places, and its columns end at {self._end}")
        record: dict[str, Any] = {}
        for column, start, end, fill in self._columns:
            text = line[start:end]
            if self._cell is not None:
                text = self._cell(text)
            if column.type == "text":
                record[column.name] = text.rstrip(fill) if column.at_left else text.lstrip(fill)
            elif column.type == "date":
                record[column.name] = date_from(text, column)
            else:
                record[column.name] = number_from(text, column)
        return record

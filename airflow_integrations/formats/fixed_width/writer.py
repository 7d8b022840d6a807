"""Records to lines of fixed width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, Any

from airflow_integrations.errors import EntityError
from airflow_integrations.formats.fixed_width.numbers import Unwritable, date_text, number_text
from airflow_integrations.formats.fixed_width.options import FixedColumn, FixedKind, placed
from airflow_integrations.formats.fixed_width.output import FixedWidthOutput
from airflow_integrations.formats.writing import Record
from airflow_integrations.formats.writing.cells import cell_text, encoded_text, object_of
from airflow_integrations.formats.writing.totals import Totals

__all__ = ["FixedWidthWriter"]

_ENDS = {"crlf": "\r\n", "lf": "\n", "none": ""}


class FixedWidthWriter:
    """A record is a line, or several: its own, and one for each object in the lists that kinds name in ``into``."""

    def __init__(self, out: IO[bytes], options: FixedWidthOutput) -> None:
        self._out, self._options = out, options
        self._bytes = options.unit == "bytes"
        self._end = _ENDS[options.line_end]
        self._lines = _Lines(options)
        self._begins = [kind for kind in options.kinds if kind.into is None and not kind.ignore]
        self._parts = [kind for kind in options.kinds if kind.into is not None]
        self._totals = Totals(cell.sum for cell in options.footer)
        self._begun = False
        if options.header:
            self._write([self._lines.line(options.header, [cell.text for cell in options.header])])

    def add(self, record: Record) -> None:
        value = object_of(record.value, "a line of fixed width")
        totals = self._totals.of(value)
        lines = self._record(value)
        self._write(lines)
        self._totals.add(totals, len(lines))

    def finish(self) -> None:
        footer = self._options.footer
        if footer:
            others = 1 + bool(self._options.header)
            values = [self._totals.value(cell, others) for cell in footer]
            self._write([self._lines.line(footer, values)])

    def _write(self, lines: Sequence[str]) -> None:
        text = "".join(line + self._end for line in lines)
        self._out.write(encoded_text(text, self._options.encoding, begun=self._begun))
        self._begun = True

    def _record(self, record: dict[str, Any]) -> list[str]:
        options = self._options
        if options.columns is not None and not options.kinds:
            return [self._line(options.columns, record, "")]
        kind = self._kind(record)
        lines = [self._line(options.of(kind), record, "", kind)]
        for part in self._parts:
            assert part.into is not None
            inner = record.get(part.into)
            if inner is None:
                continue
            if not isinstance(inner, list):
                raise EntityError("it is a list of lines, or null", field=part.into)
            for number, each in enumerate(inner):
                place = f"{part.into}[{number}]."
                if not isinstance(each, dict):
                    raise EntityError("a line is made of an object's fields", field=place[:-1])
                lines.append(self._line(options.of(part), each, place, part))
        return lines

    def _kind(self, record: dict[str, Any]) -> FixedKind:
        if len(self._begins) == 1:
            return self._begins[0]
        assert self._options.tag is not None
        name = self._options.tag.name or ""
        found = next((kind for kind in self._begins if kind.tag == record.get(name)), None)
        if found is None:
            known = ", ".join(repr(kind.tag) for kind in self._begins[:10])
            raise EntityError(f"it is {str(record.get(name))[:40]!r}, and the kinds are {known}", field=name)
        return found

    def _line(
        self, columns: tuple[FixedColumn, ...], record: dict[str, Any], place: str, kind: FixedKind | None = None
    ) -> str:
        values = [record.get(column.name) for column in columns]
        return self._lines.line(columns, values, place, kind.tag if kind is not None else None)


class _Lines:
    """Columns with their values to a line."""

    def __init__(self, options: FixedWidthOutput) -> None:
        self._tag, self._length = options.tag, options.length
        self._encoding = options.encoding if options.unit == "bytes" else None

    def line(
        self, columns: Sequence[FixedColumn], values: Sequence[Any], place: str = "", tag: str | None = None
    ) -> str:
        """Raises EntityError for a value that its column cannot hold."""
        parts: list[tuple[int, int, str, str]] = []
        for (column, start, end), value in zip(placed(tuple(columns)), values, strict=True):
            parts.append((start, end, self._cell(column, value, place + column.name), place + column.name))
        if tag is not None and self._tag is not None:
            start = self._tag.start - 1
            end = start + self._tag.width
            parts = [part for part in parts if part[1] <= start or part[0] >= end]
            parts.append((start, end, tag.ljust(self._tag.width), "tag"))
        line, at = [], 0
        for start, end, text, name in sorted(parts):
            if start < at:
                raise EntityError("two columns of a line overlap", field=name)
            line.append(" " * (start - at) + text)
            at = end
        if self._length is not None:
            if at > self._length:
                raise EntityError(f"the columns of a line end at {at}, and length is {self._length}")
            line.append(" " * (self._length - at))
        return "".join(line)

    def _cell(self, column: FixedColumn, value: Any, field: str) -> str:
        try:
            if value is None:
                return (" " if column.type != "text" else column.filled_with) * column.width
            if column.type in ("integer", "decimal"):
                return number_text(value, column)
            if column.type == "date":
                return date_text(value, column)
        except Unwritable as error:
            raise EntityError(str(error), field=field) from None
        return self._text(cell_text(field, value), column, field)

    def _text(self, text: str, column: FixedColumn, field: str) -> str:
        if any(character in "\r\n" for character in text):
            raise EntityError("it has a line end, which would end the line", field=field)
        room = column.width
        if self._encoding is not None:
            room -= len(encoded_text(text, self._encoding)) - len(text)
        if len(text) > room or room < 0:
            if not column.cut:
                raise EntityError(
                    f"its {len(text) + column.width - room} places do not fit into {column.width}", field=field
                )
            while len(text) > room:  # in bytes, each character that is cut may free several
                text = text[:-1] if self._encoding is not None else text[:room]
                if self._encoding is not None:
                    room = column.width - (len(encoded_text(text, self._encoding)) - len(text))
        fill = column.filled_with
        return text.ljust(room, fill) if column.at_left else text.rjust(room, fill)

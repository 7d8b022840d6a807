"""The options of fixed width, for reading and for writing."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from airflow_integrations.config.model import Model

__all__ = ["MAX_LENGTH", "FixedColumn", "FixedKind", "FixedLines", "FixedTag", "FixedWidthOptions"]

MAX_LENGTH = 1_000_000
"""Characters of a line that columns may name."""
_MAX_DIGITS = 200
_Name = Annotated[str, Field(min_length=1, max_length=200)]
_Place = Annotated[int, Field(strict=True, ge=1, le=MAX_LENGTH)]
_Rows = Annotated[int, Field(strict=True, ge=0, le=1000)]
_DIRECTIVE = re.compile("%(.)")


class FixedColumn(Model):
    """A place in a line.

    Example: ``{name: sku, start: 31, width: 11}``
    """

    name: _Name
    """The record's field.

    Example: ``name: total``
    Since: 0.2
    """
    start: _Place | None = None
    """The first place, from 1. Left out: behind the column before it.

    Example: ``start: 31``
    Since: 0.2
    """
    width: _Place
    """How many places it has.

    Example: ``width: 11``
    Since: 0.2
    """
    type: Literal["text", "integer", "decimal", "date"] = "text"
    """``decimal`` is exact. A number or date of nothing but blanks, and a date of zeros, is null.

    Example: ``type: decimal``
    Since: 0.2
    """
    places: Annotated[int, Field(strict=True, ge=0, le=100)] | None = None
    """Of a ``decimal``: how many of its digits are behind the decimal point, which is not written: with ``2``,
    ``0001990`` is 19.90. Left out: the point is written.

    Example:
        type: decimal
        places: 2
    Since: 0.2
    """
    point: Literal[".", ","] = "."
    """The decimal point of a ``decimal`` that has one.

    Example: ``point: ","``
    Since: 0.2
    """
    sign: Literal["leading", "trailing", "overpunch"] = "leading"
    """Where the sign of a number is: before it; behind it, as in ``0123-``; or in its last digit, as COBOL writes it
    (``012L`` is -123).

    Example: ``sign: trailing``
    Since: 0.2
    """
    date: Annotated[str, Field(min_length=2, max_length=40)] = "%Y%m%d"
    """How a ``date`` is written, in the directives %Y, %y, %m, %d and %j. The record has it as ``2026-03-01``.

    Example: ``date: "%d%m%Y"``
    Since: 0.2
    """
    align: Literal["left", "right"] | None = None
    """At which end the value is. Left out: numbers at the right, everything else at the left.

    Example: ``align: right``
    Since: 0.2
    """
    fill: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    """What stands in the rest of the places. Left out: zeros for numbers, blanks for everything else.

    Example: ``fill: "0"``
    Since: 0.2
    """
    cut: Annotated[bool, Field(strict=True)] = False
    """Whether a text that is too long is cut when it is written. Otherwise its entity fails.

    Example: ``cut: true``
    Since: 0.2
    """

    @model_validator(mode="after")
    def _fits(self) -> Self:
        numeric = self.type in ("integer", "decimal")
        if numeric and self.width > _MAX_DIGITS:
            raise ValueError(f"a number has at most {_MAX_DIGITS} places")
        if self.places is not None and self.type != "decimal":
            raise ValueError("places is of type: decimal")
        if self.places is not None and self.places > self.width:
            raise ValueError("places is more than width")
        if self.cut and self.type != "text":
            raise ValueError("cut is of type: text")
        if numeric and self.fill is not None and self.fill not in " 0*":
            raise ValueError("a number is filled with blanks, zeros or *")
        if numeric and self.fill == "0" and self.align == "left":
            raise ValueError("zeros behind a number change it; write align: right, or fill: ' '")
        known = set(_DIRECTIVE.findall(self.date))
        if self.type == "date" and not (
            known <= set("Yymdj") and known & set("Yy") and ({"m", "d"} <= known or "j" in known)
        ):
            raise ValueError("date is made of %Y or %y, and %m and %d or %j")
        return self

    @property
    def at_left(self) -> bool:
        return self.align == "left" or (self.align is None and self.type not in ("integer", "decimal"))

    @property
    def filled_with(self) -> str:
        return self.fill or ("0" if self.type in ("integer", "decimal") and not self.at_left else " ")


_Columns = Annotated[tuple[FixedColumn, ...], Field(min_length=1, max_length=10_000)]


class FixedTag(Model):
    """The place that says of which kind a line is.

    Example: ``{start: 1, width: 2}``
    """

    start: _Place = 1
    """The first place, from 1.

    Example: ``start: 1``
    Since: 0.2
    """
    width: Annotated[int, Field(strict=True, ge=1, le=100)]
    """How many places it has.

    Example: ``width: 2``
    Since: 0.2
    """
    name: _Name | None = None
    """A field that gets the tag.

    Example: ``name: kind``
    Since: 0.2
    """


class FixedKind(Model):
    """Lines of one kind.

    Example: ``{tag: "20", columns: [{name: sku, start: 3, width: 10}]}``
    """

    tag: Annotated[str, Field(min_length=1, max_length=100)]
    """What stands in the place of the tag; blanks behind it do not count.

    Example:
        tag: "20"
        columns: [{name: sku, start: 3, width: 10}]
    Since: 0.2
    """
    columns: Annotated[tuple[FixedColumn, ...], Field(max_length=10_000)] = ()
    """Its columns.

    Example: ``columns: [{name: sku, start: 3, width: 10}]``
    Since: 0.2
    """
    into: _Name | None = None
    """The line belongs to the record before it: it is one more object in this list of it. Left out: the line begins a
    record.

    Example:
        into: lines
        columns: [{name: sku, start: 3, width: 10}]
    Since: 0.2
    """
    ignore: Annotated[bool, Field(strict=True)] = False
    """Whether lines of this kind are no records, such as the file's first and last one.

    Example: ``ignore: true``
    Since: 0.2
    """
    count: _Name | None = None
    """For the file's last line: the column that says how many records the file has. Another number, and a file without
    this line, is told as a bad record.

    Example:
        ignore: true
        count: records
        columns: [{name: records, start: 3, width: 8, type: integer}]
    Since: 0.2
    """
    count_of: Literal["records", "lines", "all_lines", "lines_before"] = "records"
    """What ``count`` counts: records, their lines, all lines of the file with this one, or those before it.

    Example:
        ignore: true
        count: lines
        count_of: all_lines
        columns: [{name: lines, start: 3, width: 8, type: integer}]
    Since: 0.2
    """

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.count is not None and not (self.ignore and any(each.name == self.count for each in self.columns)):
            raise ValueError("count names one of columns, in a kind with ignore: true")
        if not self.ignore and not self.columns:
            raise ValueError("name its columns, or say ignore: true")
        if self.ignore and self.into is not None:
            raise ValueError("ignore: true and into do not go together")
        return self


class FixedLines(Model):
    """What reading and writing fixed width have in common."""

    columns: _Columns | None = None
    """The columns. Where there are kinds: those that their lines have in common, before their own.

    Example: ``columns: [{name: sku, width: 10}, {name: total, width: 11, type: decimal, places: 2}]``
    Since: 0.2
    """
    tag: FixedTag | None = None
    """Where a line says of which kind it is.

    Example:
        tag: {width: 2}
        kinds: [{tag: "10", columns: [{name: id, start: 3, width: 8}]}]
    Since: 0.2
    """
    kinds: Annotated[tuple[FixedKind, ...], Field(max_length=1000)] = ()
    """The kinds of lines, where there are several.

    Example:
        tag: {width: 2}
        kinds: [{tag: "10", columns: [{name: id, start: 3, width: 8}]}, {tag: "99", ignore: true}]
    Since: 0.2
    """
    unit: Literal["characters", "bytes"] = "characters"
    """What a place is. They differ where the encoding has characters of several bytes, such as UTF-8.

    Example: ``unit: bytes``
    Since: 0.2
    """

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.columns is None and not self.kinds:
            raise ValueError("write columns, or tag and kinds where there are lines of several kinds")
        if bool(self.kinds) != (self.tag is not None):
            raise ValueError("tag and kinds go together")
        tags = [kind.tag.rstrip() for kind in self.kinds]
        if len(set(tags)) < len(tags):
            raise ValueError("two kinds have the same tag")
        if self.tag is not None and any(len(tag) > self.tag.width for tag in tags):
            raise ValueError("a kind's tag is longer than tag.width")
        for columns in self.lines():
            names = [each.name for each in columns]
            if len(set(names)) < len(names):
                raise ValueError(f"two columns are called {next(n for n in names if names.count(n) > 1)!r}")
            if placed(columns) and max(end for _, _, end in placed(columns)) > MAX_LENGTH:
                raise ValueError(f"a line has at most {MAX_LENGTH:,} places")
        return self

    def of(self, kind: FixedKind) -> tuple[FixedColumn, ...]:
        """All columns of a kind."""
        return (*(self.columns or ()), *kind.columns) if kind.columns else ()

    def lines(self) -> list[tuple[FixedColumn, ...]]:
        """The columns of each kind of line."""
        return [self.of(kind) for kind in self.kinds] or [self.columns or ()]


class FixedWidthOptions(FixedLines):
    """How fixed width is written that is read.

    Example:
        columns:
          - {name: customer, start: 1, width: 10}
          - {name: balance, start: 11, width: 11, type: decimal, places: 2}
    """

    length: _Place | None = None
    """Of a line, where no line ends are written, as on mainframes: each so many places are a line.

    Example: ``length: 80``
    Since: 0.2
    """
    skip: _Rows = 0
    """Lines at the beginning that are not read, empty ones included.

    Example: ``skip: 1``
    Since: 0.2
    """
    skip_last: _Rows = 0
    """Lines at the end that are not read.

    Example: ``skip_last: 1``
    Since: 0.2
    """
    short: Literal["reject", "fill"] = "reject"
    """What a line is that ends before its last column: bad, or filled with blanks, as where blanks at the end of lines
    were taken away.

    Example: ``short: fill``
    Since: 0.2
    """
    longer: Literal["reject", "ignore"] = "reject"
    """What a line is that has more than blanks behind its last column: bad, or cut.

    Example: ``longer: ignore``
    Since: 0.2
    """

    @model_validator(mode="after")
    def _long_enough(self) -> Self:
        for columns in self.lines():
            if self.length is not None and any(end > self.length for _, _, end in placed(columns)):
                raise ValueError("a column ends behind length")
        return self


def placed(columns: tuple[FixedColumn, ...]) -> list[tuple[FixedColumn, int, int]]:
    """Each column with its first place, from 0, and the place behind its last one."""
    found, behind = [], 0
    for column in columns:
        start = behind if column.start is None else column.start - 1
        behind = start + column.width
        found.append((column, start, behind))
    return found

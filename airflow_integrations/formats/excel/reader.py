"""Rows of a sheet to records."""

from __future__ import annotations

import decimal
import re
import tempfile
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from airflow_integrations.formats import BadRecord, ContentError, bad_record
from airflow_integrations.formats.excel.options import ExcelOptions
from airflow_integrations.formats.excel.package import Package, Style, elements, text_of
from airflow_integrations.formats.json import BOUNDED_DECIMAL, encode_anyhow

__all__ = ["ExcelReader"]

MAX_FILE = 1024 * 1024 * 1024
"""Bytes of a workbook, which is kept on disk: what it is made of stands at its end."""
IN_MEMORY = 8 * 1024 * 1024
PAGE = 500
MAX_COLUMNS, MAX_ROWS = 16_384, 1_048_576
"""Of Excel."""
_WHERE = re.compile(r"([A-Z]{1,3})(\d{1,7})", re.ASCII)
_NUMBER = re.compile(r"-?\d+", re.ASCII)
_DAYS = {False: datetime(1899, 12, 30), True: datetime(1904, 1, 1)}  # noqa: DTZ001 - a cell has no zone
_LEAP = 60
"""Excel's 1900 has a 29th of February: days before it are one further."""


class ExcelReader:
    """The file is read when it has come as a whole. A row with a cell that cannot be read is bad alone."""

    def __init__(self, options: ExcelOptions, *, required: Collection[str] = (), rejects: bool = False) -> None:
        """``required``: columns of which the header must have one. ``rejects``: a bad row becomes a BadRecord."""
        self._options, self._rejects, self._required = options, rejects, frozenset(required)
        self._file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed by remaining
        self._size = 0

    def feed(self, chunk: bytes) -> list[Any]:
        self._size += len(chunk)
        if self._size > MAX_FILE:
            raise ContentError(f"the workbook has over {MAX_FILE:,} bytes")
        self._file.write(chunk)
        return []

    def finish(self) -> list[Any]:
        return [record for page in self.remaining() for record in page]

    def remaining(self) -> Iterator[list[Any]]:
        """The records, some hundred at a time."""
        with self._file as file:
            file.seek(0)
            package = Package(file)
            part = package.sheet(self._options.sheet)
            rows = _Rows(package, part)
            page: list[Any] = []
            for record in self._records(rows):
                page.append(record)
                if len(page) == PAGE:
                    yield page
                    page = []
            if page:
                yield page

    def _records(self, rows: _Rows) -> Iterator[Any]:
        options = self._options
        names = None if options.header is None else dict(enumerate(options.header))
        if names is not None:
            self._check(names)
        for number, cells in rows:
            if number <= options.skip or not cells:
                continue
            faults = [f"cell {_column(at)}{number} {cell.why}" for at, cell in cells.items() if type(cell) is _Fault]
            if names is None:
                if faults:
                    raise ContentError(f"the header cannot be read: {faults[0]}")
                names = self._header(number, cells)
                continue
            odd = next((at for at in cells if at not in names), None)
            if odd is not None:
                faults.append(f"cell {_column(odd)}{number} is in a column without a name")
            if faults:
                yield self._bad(f"row {number}: {faults[0]}", cells)
                continue
            yield {name: cells.get(at) for at, name in names.items()}
        if names is None and options.empty == "fail":
            raise ContentError("the sheet is empty, without even a header; where that is right, say excel: {empty: ok}")

    def _header(self, number: int, cells: dict[int, Any]) -> dict[int, str]:
        names = {at: str(cell).strip() for at, cell in cells.items() if str(cell).strip()}
        twice = (
            next((name for name in names.values() if list(names.values()).count(name) > 1), None)
            if (len(set(names.values())) < len(names))
            else None
        )
        if twice is not None:
            raise ContentError(f"row {number}: two columns are called {twice!r}; name them in header, and say skip")
        self._check(names)
        return names

    def _check(self, names: dict[int, str]) -> None:
        if self._required and self._required.isdisjoint(names.values()):
            shown = ", ".join(repr(name[:40]) for name in list(names.values())[:20])
            raise ContentError(
                f"the sheet has no column {min(self._required)!r}, which entity.key reads; it has {shown}. Check "
                "sheet, header and skip"
            )

    def _bad(self, why: str, cells: dict[int, Any]) -> BadRecord:
        if not self._rejects:
            raise ContentError(why)
        shown = {_column(at): cell.text if type(cell) is _Fault else cell for at, cell in cells.items()}
        return bad_record(why, encode_anyhow(shown).decode("utf-8", "backslashreplace"))


class _Fault:
    """In the place of a cell that cannot be read."""

    def __init__(self, why: str, text: str) -> None:
        self.why, self.text = why, text[:1000]


class _Rows:
    """The rows that are written in a sheet, each with its number and its cells that are not empty."""

    def __init__(self, package: Package, part: str) -> None:
        self._package, self._part = package, part
        self._texts, self._styles = package.texts(), package.styles()

    def __iter__(self) -> Iterator[tuple[int, dict[int, Any]]]:
        number = 0
        with self._package.part(self._part) as file:
            for row in elements(file, "row"):
                said = row.get("r")
                before, number = number, int(said) if said is not None and _NUMBER.fullmatch(said) else number + 1
                if not before < number <= MAX_ROWS:
                    raise ContentError(f"row {said!r} comes behind row {before}; Excel has rows 1 to {MAX_ROWS:,}")
                yield number, self._cells(row, number)

    def _cells(self, row: Any, number: int) -> dict[int, Any]:
        found: dict[int, Any] = {}
        at = -1
        for cell in row.iterchildren("{*}c"):
            where = _WHERE.fullmatch(cell.get("r") or "")
            at = at + 1 if where is None else _place(where[1])
            if at >= MAX_COLUMNS or at in found:
                raise ContentError(f"row {number} has a cell {str(cell.get('r'))[:20]!r}, which cannot be")
            value = self._value(cell)
            if value is not None and value != "":
                found[at] = value
        return found

    def _value(self, cell: Any) -> Any:
        kind = cell.get("t") or "n"
        if kind == "inlineStr":
            inline = next(cell.iterchildren("{*}is"), None)
            return "" if inline is None else text_of(inline)
        value = next(cell.iterchildren("{*}v"), None)
        text = "" if value is None else value.text or ""
        if not text:
            formula = next(cell.iterchildren("{*}f"), None)
            if formula is not None and kind != "str":
                return _Fault("has a formula and no value; open the file in Excel and save it", formula.text or "")
            return None
        if kind == "s":
            place = int(text) if _NUMBER.fullmatch(text) and len(text) < 10 else -1
            return (
                self._texts[place] if 0 <= place < len(self._texts) else _Fault("names a text that is not there", text)
            )
        if kind == "b":
            return text == "1"
        if kind == "e":
            return _Fault(f"has the error {text[:20]}", text)
        if kind != "n":
            return text
        style = cell.get("s")
        number = int(style) if style is not None and _NUMBER.fullmatch(style) and len(style) < 10 else 0
        shown = self._styles[number] if 0 <= number < len(self._styles) else None
        return self._number(text, shown)

    def _number(self, text: str, style: Style | None) -> Any:
        try:
            if style is None:
                return int(text) if _NUMBER.fullmatch(text) and len(text) < 4300 else _decimal(text)
            return _moment(_decimal(text), style, self._package.from_1904)
        except (decimal.DecimalException, OverflowError, ValueError):
            return _Fault("is not a number or date", text)


def _decimal(text: str) -> Decimal:
    """Raises ValueError for NaN and infinity, which are not numbers of JSON."""
    number = BOUNDED_DECIMAL(text)
    if not number.is_finite():
        raise ValueError(text)
    return number


def _moment(days: Decimal, style: Style, from_1904: bool) -> str:
    """A date, a time of day or both, as RFC 3339 without a zone. To the millisecond, which is all that Excel keeps."""
    if not 0 <= days < 2_958_466:  # the year 10000
        raise ValueError
    if not from_1904 and 1 <= days < _LEAP:
        days += 1
    milliseconds = int((days * 86_400_000).to_integral_value(decimal.ROUND_HALF_EVEN))
    moment = _DAYS[from_1904] + timedelta(milliseconds=milliseconds)
    if style.time and not style.day and days < 1:
        return moment.time().isoformat("milliseconds" if moment.microsecond else "seconds")
    if milliseconds % 86_400_000 == 0 and not style.time:
        return moment.date().isoformat()
    return moment.isoformat("T", "milliseconds" if moment.microsecond else "seconds")


def _place(letters: str) -> int:
    found = 0
    for letter in letters:
        found = found * 26 + ord(letter) - 64
    return found - 1


def _column(place: int) -> str:
    letters, place = "", place + 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(65 + rest) + letters
    return letters

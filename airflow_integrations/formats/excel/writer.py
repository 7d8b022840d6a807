"""Records to an Excel workbook of one sheet, row after row."""

from __future__ import annotations

import re
import zipfile
from datetime import datetime
from decimal import Decimal
from typing import IO, Any
from xml.sax.saxutils import escape

from airflow_integrations.errors import EntityError
from airflow_integrations.formats.excel.options import ExcelOutput
from airflow_integrations.formats.text import unwritable_in_xml
from airflow_integrations.formats.writing import Record
from airflow_integrations.formats.writing.cells import cell_text, columns_of, object_of

__all__ = ["ExcelWriter"]

MAX_TEXT, MAX_ROWS, MAX_COLUMNS, DIGITS = 32_767, 1_048_576, 16_384, 15
"""UTF-16 units of a cell, rows and columns of a sheet, and digits of a number: more of them Excel refuses, or changes
without a word."""
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_FIRST = datetime(1900, 3, 1)  # noqa: DTZ001 - a cell has no zone
_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001
_DAY, _MOMENT = 1, 2
"""Styles."""
_PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" ContentType='
    '"application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_KIND}.worksheet+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_KIND}.styles+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
    f'Type="{_RELATION}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
    f'Type="{_RELATION}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="{_RELATION}/styles" '
    'Target="styles.xml"/></Relationships>',
    "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><numFmts count="2">'
    '<numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
    '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts><fonts count="1"><font/></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '</fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="3"><xf/>'
    '<xf numFmtId="164" applyNumberFormat="1"/><xf numFmtId="165" applyNumberFormat="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>',
}


class ExcelWriter:
    """See :class:`ExcelOutput`. Texts are texts, never formulas."""

    def __init__(self, out: IO[bytes], options: ExcelOutput) -> None:
        self._options = options
        self._columns = options.columns
        self._dates = frozenset(options.dates)
        self._zip = zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED)
        self._sheet = self._zip.open(_entry("xl/worksheets/sheet1.xml"), "w", force_zip64=True)
        self._sheet.write(f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
        self._rows = 0
        self._begun = False

    def add(self, record: Record) -> None:
        value = object_of(record.value, "a row of Excel")
        columns = self._columns or columns_of(value)
        if self._options.columns is None and set(value) != set(columns):
            odd = sorted(set(value) ^ set(columns))[0]
            raise EntityError(f"the file has columns {', '.join(columns)}; name them in excel.columns", field=odd)
        if len(columns) > MAX_COLUMNS:
            raise EntityError(f"it has {len(columns):,} fields, and a sheet of Excel has {MAX_COLUMNS:,} columns")
        row = "".join(self._cell(name, value.get(name)) for name in columns)
        head = not self._begun and self._options.header
        if self._rows + 1 + head > MAX_ROWS:
            raise EntityError(f"a sheet of Excel has {MAX_ROWS:,} rows; write most, so that there are several files")
        names = "".join(_text(name, name) for name in columns) if head else ""
        if head:
            self._sheet.write(f"<row>{names}</row>".encode())
        self._sheet.write(f"<row>{row}</row>".encode())
        self._rows += 1 + head
        self._begun, self._columns = True, columns

    def finish(self) -> None:
        self._sheet.write(b"</sheetData></worksheet>")
        self._sheet.close()
        name = escape(self._options.sheet, {'"': "&quot;"})
        book = (
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATION}"><sheets>'
            f'<sheet name="{name}" sheetId="1" r:id="rId1"/></sheets></workbook>'
        )
        for part, text in {**_PARTS, "xl/workbook.xml": book}.items():
            self._zip.writestr(_entry(part), (_HEAD + text).encode())
        self._zip.close()

    def _cell(self, name: str, value: Any) -> str:
        if value is None:
            return "<c/>"
        if name in self._dates:
            return _date(name, value)
        if isinstance(value, bool):
            return f'<c t="b"><v>{int(value)}</v></c>'
        if isinstance(value, (int, Decimal)):
            text = _number(value)
            if text is not None:
                return f"<c><v>{text}</v></c>"
        return _text(name, cell_text(name, value))


def _entry(name: str) -> zipfile.ZipInfo:
    """Without the time of day: the same records give the same bytes."""
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _number(value: int | Decimal) -> str | None:
    """None for a number that Excel would change: it is written as text."""
    number = Decimal(value)
    if not number.is_finite() or _digits(number) > DIGITS or abs(number.adjusted()) > 300:
        return None
    return format(number, "f") if abs(number.adjusted()) < 30 else str(number)


def _digits(number: Decimal) -> int:
    """Without zeros at either end; exact, as normalize is not beyond 28 digits."""
    return len("".join(map(str, number.as_tuple().digits)).strip("0"))


def _text(name: str, text: str) -> str:
    units = len(text) + sum(map("\U0000ffff".__lt__, text)) if not text.isascii() else len(text)
    if units > MAX_TEXT:
        raise EntityError(f"it has {units:,} characters, and a cell takes {MAX_TEXT:,}", field=name)
    if (odd := unwritable_in_xml(text)) is not None:
        raise EntityError(f"it has the character {odd!r}, which a workbook cannot hold", field=name)
    if re.search("_x[0-9A-Fa-f]{4}_", text):
        text = re.sub("_(?=x[0-9A-Fa-f]{4}_)", "_x005F_", text)
    text = escape(text, {"\r": "_x000D_"})  # which a reader of XML would make a line feed
    return f'<c t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


def _date(name: str, value: Any) -> str:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise EntityError(f"{str(value)[:40]!r} is not a date like 2026-03-01", field=name) from None
    moment = moment.replace(tzinfo=None)
    if moment < _FIRST:
        raise EntityError(f"{value!r} is before March 1900, which Excel counts wrongly", field=name)
    passed = moment - _EPOCH
    if len(value) <= len("2026-03-01"):
        return f'<c s="{_DAY}"><v>{passed.days}</v></c>'
    days = Decimal(passed.days) + Decimal(passed.seconds * 1_000_000 + passed.microseconds) / Decimal(86_400_000_000)
    return f'<c s="{_MOMENT}"><v>{days:.10f}</v></c>'

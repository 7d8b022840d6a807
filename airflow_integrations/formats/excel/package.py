"""The parts of a workbook's file, within bounds: its sheets, its shared texts, and which styles are dates."""

from __future__ import annotations

import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, NamedTuple

from lxml import etree

from airflow_integrations.formats import ContentError

__all__ = ["Package", "Style", "elements"]

MAX_FILES = 10_000
ALWAYS = 16 * 1024 * 1024
"""Unpacked bytes of a part that are fine however few bytes they were packed in."""
RATIO = 300
"""Unpacked bytes for one packed byte beyond that."""
MAX_TEXTS = 2_000_000
MAX_TEXT_SIZE = 128 * 1024 * 1024
"""Shared texts of a workbook, and their characters: they are held at once."""
MAX_PART = 16 * 1024 * 1024
"""Bytes of a part that is read as a whole."""
_REFUSED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_STRICT = "http://purl.oclc.org/ooxml/officeDocument/relationships"
_BUILT_IN = {14: "d", 15: "d", 16: "d", 17: "d", 18: "t", 19: "t", 20: "t", 21: "t", 22: "dt", 45: "t", 47: "t"}
"""Number formats that every program knows by their number (ECMA-376 part 1, §18.8.30)."""
_NOT_CODE = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)


class Style(NamedTuple):
    """Whether a number is shown as a day, a time of day, or both."""

    day: bool
    time: bool


class _Bounded:
    """A part that is read, as a file, and counted."""

    def __init__(self, file: IO[bytes], entry: zipfile.ZipInfo) -> None:
        self._file, self._entry, self._size = file, entry, 0

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(min(size, 65536) if size > 0 else 65536)
        self._size += len(piece)
        if self._size > max(ALWAYS, RATIO * self._entry.compress_size):
            raise ContentError(
                f"{self._entry.filename[:60]!r} in the workbook has {self._entry.compress_size:,} packed bytes, and "
                f"over {self._size:,} unpacked: more than {RATIO} times as many are not unpacked"
            )
        return piece


def elements(file: Any, *names: str) -> Iterator[Any]:
    """The elements of these local names as they end; each is forgotten when the next one is asked for.

    Raises ContentError for what is not XML, or declares a document type.
    """
    try:
        context = etree.iterparse(
            file,
            events=("start", "end"),
            tag=[f"{{*}}{name}" for name in names],
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
        checked = False
        for event, element in context:
            if not checked:
                checked = True
                if element.getroottree().docinfo.internalDTD is not None:
                    raise ContentError("a part of the workbook declares a document type; that is not accepted")
            if event == "start":
                continue
            yield element
            element.clear()
            parent = element.getparent()
            while parent is not None and element.getprevious() is not None:
                del parent[0]
    except etree.XMLSyntaxError as error:
        raise ContentError(f"a part of the workbook is not XML: {str(error)[:200]}") from None


class Package:
    """A workbook's file. Raises ContentError for what is none, and for what is beyond the bounds."""

    def __init__(self, file: IO[bytes]) -> None:
        try:
            self._zip = zipfile.ZipFile(file)
            entries = self._zip.infolist()
        except _REFUSED as error:
            raise ContentError(f"the file is not an Excel workbook (.xlsx): {error}") from None
        if len(entries) > MAX_FILES:
            raise ContentError(f"the workbook has over {MAX_FILES:,} parts")
        self._entries = {entry.filename.lstrip("/").lower(): entry for entry in entries}
        if "[content_types].xml" not in self._entries:
            raise ContentError("the file is a zip file, and no Excel workbook (.xlsx)")
        self._workbook = self._main()
        self.from_1904 = False
        """Whether days are counted from 1904, as on old Macs."""
        self.sheets: list[tuple[str, str]] = []
        """Name and part of each, in order."""
        self._read_workbook()

    @contextmanager
    def part(self, name: str) -> Iterator[_Bounded]:
        entry = self._entries.get(name.lower())
        if entry is None:
            raise ContentError(f"the workbook lacks its part {name[:60]!r}")
        if entry.flag_bits & 1:
            raise ContentError("the workbook is encrypted; save it without a password")
        try:
            with self._zip.open(entry) as file:
                yield _Bounded(file, entry)
        except _REFUSED as error:
            raise ContentError(f"the workbook's part {name[:60]!r} cannot be read: {error}") from None

    def has(self, name: str) -> bool:
        return name.lower() in self._entries

    def _relations(self, part: str) -> dict[str, tuple[str, str]]:
        folder, name = posixpath.split(part)
        path = posixpath.join(folder, "_rels", f"{name}.rels")
        if not self.has(path):
            return {}
        found = {}
        with self.part(path) as file:
            for each in elements(file, "Relationship"):
                target = each.get("Target") or ""
                whole = posixpath.normpath(posixpath.join(f"/{folder}", target)).lstrip("/")
                found[each.get("Id") or ""] = ((each.get("Type") or "").rpartition("/")[2], whole)
        return found

    def _main(self) -> str:
        found = next(
            (part for kind, part in self._relations("").values() if kind == "officeDocument"), "xl/workbook.xml"
        )
        if not found.endswith(".xml"):
            raise ContentError("the workbook is a binary one (.xlsb); save it as .xlsx")
        return found

    def _read_workbook(self) -> None:
        relations = self._relations(self._workbook)
        with self.part(self._workbook) as file:
            for each in elements(file, "sheet", "workbookPr"):
                if etree.QName(each).localname == "workbookPr":
                    self.from_1904 = each.get("date1904") in ("1", "true")
                    continue
                link = each.get(f"{{{_RELATION}}}id") or each.get(f"{{{_STRICT}}}id") or ""
                kind, part = relations.get(link, ("", ""))
                if kind == "worksheet":
                    self.sheets.append((each.get("name") or "", part))
        self._parts = {kind: part for kind, part in relations.values() if kind in ("sharedStrings", "styles")}

    def sheet(self, wanted: str | int) -> str:
        """The part of a sheet, by its name or number."""
        if isinstance(wanted, int):
            if wanted <= len(self.sheets):
                return self.sheets[wanted - 1][1]
        else:
            found = next((part for name, part in self.sheets if name == wanted), None)
            if found is not None:
                return found
        names = ", ".join(repr(name) for name, _ in self.sheets[:20])
        raise ContentError(f"the workbook has no sheet {wanted!r}; it has {names or 'none'}")

    def texts(self) -> list[str]:
        """The shared texts, by their number."""
        part = self._parts.get("sharedStrings")
        if part is None or not self.has(part):
            return []
        found, size = [], 0
        with self.part(part) as file:
            for each in elements(file, "si"):
                text = text_of(each)
                size += len(text)
                found.append(text)
                if len(found) > MAX_TEXTS or size > MAX_TEXT_SIZE:
                    raise ContentError(
                        f"the workbook has over {MAX_TEXTS:,} texts or {MAX_TEXT_SIZE:,} characters of them; split it"
                    )
        return found

    def styles(self) -> list[Style | None]:
        """By the number of a cell's style: None where numbers are numbers."""
        part = self._parts.get("styles")
        if part is None or not self.has(part):
            return []
        codes: dict[int, str] = {}
        found: list[Style | None] = []
        with self.part(part) as file:
            for each in elements(file, "numFmt", "cellXfs"):
                if etree.QName(each).localname == "numFmt":
                    codes[_whole(each.get("numFmtId"))] = each.get("formatCode") or ""
                    continue
                for style in each.iterchildren("{*}xf"):
                    number = _whole(style.get("numFmtId"))
                    found.append(_style(codes[number]) if number in codes else _built_in(number))
        return found


def text_of(element: Any) -> str:
    """The text of a shared or inline string, of several runs; without the reading aid of Asian scripts."""
    parts = []
    for each in element.iter("{*}t"):
        above = each.getparent()
        if above is None or etree.QName(above).localname != "rPh":
            parts.append(each.text or "")
    return _UNDERSCORED.sub(lambda found: chr(int(found[1], 16)), "".join(parts))


_UNDERSCORED = re.compile(r"_x([0-9A-Fa-f]{4})_")
"""How a character that XML does not have is written (ECMA-376 part 1, §22.4.2.4)."""


def _whole(text: str | None) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 10 else 0


def _built_in(number: int) -> Style | None:
    kind = _BUILT_IN.get(number) or ("d" if 27 <= number <= 36 or 50 <= number <= 58 else "")
    return Style("d" in kind, "t" in kind) if kind else None


def _style(code: str) -> Style | None:
    """What a number format shows; None for numbers, and for hours beyond a day (``[h]:mm``), which are an amount."""
    plain = _NOT_CODE.sub("", code.partition(";")[0]).lower()
    if "[" in plain or "general" in plain:
        return None
    day, time = any(each in plain for each in "yd"), any(each in plain for each in "hs")
    if not day and not time:
        day = "m" in plain and not any(each in plain for each in "0#")
    return Style(day, time) if day or time else None

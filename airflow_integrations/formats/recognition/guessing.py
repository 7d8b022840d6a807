"""Guess by a file's beginning in which format it is, and how its text and CSV are written."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from airflow_integrations.formats.packing.unpacking import is_zip
from airflow_integrations.formats.recognition.content_start import is_html

__all__ = ["Guess", "guessed_format"]

_DELIMITERS = (",", ";", "\t", "|")
_ROWS = 50
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_OTHERS = ((b"%PDF", "pdf"), (b"PAR1", "parquet"), (b"\x89PNG", "image"), (b"\xff\xd8\xff", "image"))
_XML = re.compile(rb"\s*<(?:\?xml|[A-Za-z_!])")
_NUMBER = re.compile(r"[+-]?[\d.,]+")


@dataclass(frozen=True, slots=True)
class Guess:
    """``options`` are those of a route that reads it; None: no format of a route reads it."""

    name: str
    options: Mapping[str, Any] | None = None
    about: Mapping[str, str] = field(default_factory=dict)


def guessed_format(start: bytes, *, whole: bool) -> Guess:
    """``start`` is what was read of the file, ``whole`` whether that is all of it."""
    if not start.strip():
        return Guess("empty")
    if is_zip(start):
        return _of_zip(start)
    if is_html(start):
        return Guess("html page")
    for magic, name in _OTHERS:
        if start.startswith(magic):
            return Guess(name)
    bom = next((encoding for mark, encoding in _BOMS if start.startswith(mark)), None)
    if bom != "utf-16" and b"\x00" in start[:4096]:
        return Guess("binary")
    plain = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if plain[:3] in (b"UNA", b"UNB"):
        return Guess("edifact", {"format": "edifact"})
    if plain[:3] == b"ISA" and len(plain) > 105:
        return Guess("x12", {"format": "x12"})
    if _XML.match(plain):
        return Guess("xml", {"format": "xml"})
    if plain[:1] in (b"{", b"["):
        lines = plain.splitlines()
        several = len(lines) > 1 and plain[:1] == b"{" and _is_json(lines[0]) and _is_object(lines[1:2], whole, lines)
        if several or (len(lines) == 1 and plain[:1] == b"[" and not _looks_like_json(plain)):
            return Guess("json_lines", {"format": "json_lines"}) if several else Guess("text")
        return Guess("json", {"format": "json"})
    return _of_text(start, bom, whole)


def _looks_like_json(plain: bytes) -> bool:
    return re.match(rb"\[\s*[\[{\]\"\d\-tfn]", plain) is not None


def _is_json(line: bytes) -> bool:
    try:
        msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _is_object(second: list[bytes], whole: bool, lines: list[bytes]) -> bool:
    """Whether the second line is an object, too; a last line that was cut counts."""
    if not second or not second[0].lstrip().startswith(b"{"):
        return False
    return _is_json(second[0]) or (len(lines) == 2 and not whole)


def _of_zip(start: bytes) -> Guess:
    try:
        names = zipfile.ZipFile(io.BytesIO(start)).namelist()[:1000]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        workbook = b"xl/" in start[:4096] or b"[Content_Types].xml" in start[:64]
        return Guess("excel", {"format": "excel"}) if workbook else Guess("zip")
    if "xl/workbook.xml" in names:
        return Guess("excel", {"format": "excel"})
    return Guess("zip", None, {"holds": ", ".join(names[:5])})


def _of_text(start: bytes, bom: str | None, whole: bool) -> Guess:
    encoding, text = _decoded(start, bom, whole)
    if text is None:
        return Guess("binary")
    written = {} if encoding == "utf-8" or bom else {"encoding": encoding}
    about = {"encoding": f"{encoding} (guessed)" if written else encoding}
    lines = text.splitlines(keepends=True)
    if not whole and len(lines) > 1:
        lines = lines[:-1]
    found = _dialect(lines[: 4 * _ROWS])
    if found is None:
        return Guess("text", None, about)
    delimiter, rows = found
    options: dict[str, Any] = {"format": "csv"}
    dialect: dict[str, Any] = {**({"delimiter": delimiter} if delimiter != "," else {}), **written}
    about["delimiter"] = '"\\t"' if delimiter == "\t" else f'"{delimiter}"'
    if _is_header(rows):
        about["header"] = "the first row"
    else:
        about["header"] = "none: the columns are numbered here"
        dialect["header"] = [f"column_{number}" for number in range(1, len(rows[0]) + 1)]
    return Guess("csv", options | ({"csv": dialect} if dialect else {}), about)


def _decoded(start: bytes, bom: str | None, whole: bool) -> tuple[str, str | None]:
    for encoding in ("utf-16",) if bom == "utf-16" else ("utf-8", "cp1252"):
        for cut in (0,) if whole else (0, 1, 2, 3):  # a character may have been cut
            try:
                text = start[: len(start) - cut].decode("utf-8-sig" if encoding == "utf-8" else encoding)
            except UnicodeDecodeError:
                continue
            controls = sum(character < " " and character not in "\t\r\n\f" for character in text[:4096])
            return encoding, None if controls > len(text[:4096]) // 50 else text
    return "", None


def _dialect(lines: list[str]) -> tuple[str, list[list[str]]] | None:
    """The delimiter that gives most rows the same number of columns, more than one, and the rows."""
    best: tuple[int, str, list[list[str]]] | None = None
    for delimiter in _DELIMITERS:
        rows: list[list[str]] = []
        try:
            for row in csv.reader(lines, delimiter=delimiter, strict=True):
                if row:
                    rows.append(row)
                if len(rows) == _ROWS:
                    break
        except csv.Error:
            if len(rows) < 2:
                continue
        if not rows or len(rows[0]) < 2:
            continue
        same = sum(len(row) == len(rows[0]) for row in rows)
        if same >= 0.9 * len(rows) and (best is None or len(rows[0]) > best[0]):
            best = (len(rows[0]), delimiter, rows)
    return None if best is None else best[1:]


def _is_header(rows: list[list[str]]) -> bool:
    first = [name.strip() for name in rows[0]]
    return all(first) and len(set(first)) == len(first) and not any(_NUMBER.fullmatch(name) for name in first)

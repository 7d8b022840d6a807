"""Read EDIFACT."""

from __future__ import annotations

from typing import Any

from airflow_integrations.formats import ContentError
from airflow_integrations.formats.edi.reader import EdiReader
from airflow_integrations.formats.edi.segments import Separators

__all__ = ["ENCODINGS", "STANDARD", "EdifactReader"]

STANDARD = Separators(":", "+", "'", "?", None)
"""Where no UNA names others."""
ENCODINGS = {
    "UNOA": "ascii", "UNOB": "ascii", "UNOC": "iso8859-1", "UNOD": "iso8859-2", "UNOE": "iso8859-5",
    "UNOF": "iso8859-7", "UNOG": "iso8859-3", "UNOH": "iso8859-4", "UNOI": "iso8859-6", "UNOJ": "iso8859-8",
    "UNOK": "iso8859-9", "UNOL": "iso8859-15", "UNOW": "utf-8", "UNOY": "utf-8",
}  # fmt: skip
"""Of the syntax identifier in UNB (UN/EDIFACT directory, data element 0001)."""
_MARK = b"\xef\xbb\xbf"


class EdifactReader(EdiReader):
    """See :class:`EdiReader`. The separators are those of UNA; the encoding is that of UNB's syntax identifier."""

    MESSAGE = ("UNH", "UNT")
    GROUP = ("UNG", "UNE")
    INTERCHANGE = ("UNB", "UNZ")
    COUNTS_GROUPS = False

    def _begin(self, data: bytes, at: int, last: bool) -> int | None:
        if data.startswith(_MARK, at):
            at += len(_MARK)
        if len(data) - at < 9 and not last:
            return None
        if not data.startswith(b"UNA", at):
            if not data.startswith(b"UNB", at):
                raise ContentError(f"EDIFACT begins with UNA or UNB; this is {data[at : at + 20]!r}")
            self._use(STANDARD)
            return at
        marks = data[at + 3 : at + 9].decode("latin-1")
        component, element, decimal, release, repeat, terminator = list(marks.ljust(6))
        special = [component, element, terminator] + [each for each in (release, repeat) if each != " "]
        if len(set(special)) < len(special) or any(each.isalnum() or each == " " for each in special):
            raise ContentError(f"UNA names {marks!r}, which cannot be separators")
        self._use(
            Separators(
                component,
                element,
                terminator,
                None if release == " " else release,
                None if repeat == " " else repeat,
                decimal,
            )
        )
        return at + 9

    def _opened(self, segment: dict[str, str], part: str) -> dict[str, Any]:
        get = segment.get
        if part == "message":
            return {
                "reference": get("e1") or "",
                "type": get("e2"),
                "version": get("e2_2"),
                "release": get("e2_3"),
                "agency": get("e2_4"),
                "association": get("e2_5"),
            }
        if part == "group":
            return {"reference": get("e5") or "", "type": get("e1"), "sender": get("e2"), "recipient": get("e3")}
        syntax = get("e1") or ""
        self._encoding = ENCODINGS.get(syntax, "ascii")
        assert self._separators is not None
        if self._separators.repeat is None and (get("e1_2") or "") >= "4":
            self._use(self._separators._replace(repeat="*"))
        return {
            "reference": get("e5") or "",
            "sender": get("e2"),
            "sender_qualifier": get("e2_2"),
            "recipient": get("e3"),
            "recipient_qualifier": get("e3_2"),
            "date": get("e4"),
            "time": get("e4_2"),
            "application": get("e7"),
            "syntax": syntax,
            "version": get("e1_2"),
            "test": get("e11") == "1",
        }

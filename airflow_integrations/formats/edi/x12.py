"""Read X12."""

from __future__ import annotations

from typing import Any

from airflow_integrations.formats import ContentError
from airflow_integrations.formats.edi.reader import EdiReader
from airflow_integrations.formats.edi.segments import Separators

__all__ = ["X12Reader"]

ISA = 106
"""Bytes of the segment that names the separators."""
_ELEMENTS = 16
_FIRST_WITH_REPEATS = "00402"


class X12Reader(EdiReader):
    """See :class:`EdiReader`. The separators are those of ISA."""

    MESSAGE = ("ST", "SE")
    GROUP = ("GS", "GE")
    INTERCHANGE = ("ISA", "IEA")
    COUNTS_GROUPS = True

    def _begin(self, data: bytes, at: int, last: bool) -> int | None:
        if data.startswith(b"\xef\xbb\xbf", at):
            at += 3
        if len(data) - at < ISA + 20 and not last:
            return None
        start = data[at : at + ISA + 20].decode("latin-1")
        if not start.startswith("ISA") or len(start) < 20:
            raise ContentError(f"X12 begins with ISA; this is {start[:20]!r}")
        parts = start.split(start[3], _ELEMENTS)
        if len(parts) <= _ELEMENTS or len(parts[_ELEMENTS]) < 2:
            raise ContentError(f"ISA has {_ELEMENTS} elements, and a terminator; this is {start[:60]!r}")
        component, terminator = parts[_ELEMENTS][0], parts[_ELEMENTS][1]
        special = [start[3], component, terminator]
        repeat = parts[11] if parts[12] >= _FIRST_WITH_REPEATS and len(parts[11]) == 1 else ""
        if repeat.isalnum() or repeat in (" ", *special):
            repeat = ""
        if len(set(special)) < 3 or any(each.isalnum() or each == " " for each in special):
            raise ContentError(f"ISA names {special!r}, which cannot be separators")
        self._use(Separators(component, start[3], terminator, None, repeat or None))
        return at

    def _composite(self, tag: str) -> bool:
        return tag != "ISA"

    def _outside(self, tag: str, segment: dict[str, str], raw: bytes) -> None:
        if tag == "TA1":  # the partner's answer to an interchange of ours: a record of its own
            self._found.append(self._record({"reference": segment.get("e1") or "", "type": "TA1"}, [segment]))
        else:
            super()._outside(tag, segment, raw)

    def _opened(self, segment: dict[str, str], part: str) -> dict[str, Any]:
        def get(number: int) -> str | None:
            return (segment.get(f"e{number}") or "").strip() or None

        if part == "message":
            return {"reference": get(2) or "", "type": get(1), "convention": get(3)}
        if part == "group":
            return {
                "reference": get(6) or "",
                "type": get(1),
                "sender": get(2),
                "recipient": get(3),
                "date": get(4),
                "time": get(5),
                "version": get(8),
            }
        return {
            "reference": get(13) or "",
            "sender": get(6),
            "sender_qualifier": get(5),
            "recipient": get(8),
            "recipient_qualifier": get(7),
            "date": get(9),
            "time": get(10),
            "version": get(12),
            "acknowledgement": get(14) == "1",
            "test": get(15) == "T",
        }

"""What can be wrong with an interchange, and the codes that EDIFACT and X12 have for it."""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["EDIFACT_CODES", "GROUP_CODES", "SEGMENT_CODES", "SET_CODES", "Fault", "FaultKind"]

FaultKind = Literal["no_end", "count", "reference", "characters", "constituents", "outside", "unreadable"]

EDIFACT_CODES: dict[FaultKind, str] = {
    "no_end": "13",
    "count": "29",
    "reference": "28",
    "characters": "21",
    "constituents": "16",
    "outside": "33",
    "unreadable": "18",
}
"""Data element 0085 of EDIFACT: missing, count, references, invalid characters, too many constituents, invalid
occurrence, unspecified."""
SET_CODES: dict[FaultKind, str] = {"no_end": "2", "count": "4", "reference": "3"}
"""Data element 718 of X12, of a transaction set; everything else is 5, segments in error."""
GROUP_CODES: dict[FaultKind, str] = {"no_end": "3", "count": "5", "reference": "4"}
"""Data element 716 of X12, of a functional group. It has no code for anything else."""
SEGMENT_CODES: dict[FaultKind, str] = {"characters": "8", "constituents": "8"}
"""Data element 720 of X12, of a segment: it has errors in its elements."""


class Fault(NamedTuple):
    """One fault of a message, a group or an interchange."""

    kind: FaultKind
    tag: str = ""
    """The segment that is wrong or missing, where that is known."""
    position: int = 0
    """Which segment of the message it is, from 1; 0: it is not one of a message's own."""

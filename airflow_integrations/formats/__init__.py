"""Bytes to records: JSON, JSON lines, CSV, XML. Whole documents, or piece by piece as they arrive.

Payloads are hostile here: every reader bounds what it builds and says what is wrong with the content, and where.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol

__all__ = ["ContentError", "FormatName", "RecordReader"]

FormatName = Literal["json", "json_lines", "csv", "xml"]


class ContentError(Exception):
    """Content that cannot be read in its format. The text says what and where, and holds no more than an excerpt."""


class RecordReader(Protocol):
    """Takes a document in chunks, cut anywhere, and gives each record once, in order. Raises ContentError."""

    def feed(self, chunk: bytes) -> list[Any]:
        """The records that this chunk completes."""
        ...

    def finish(self) -> list[Any]:
        """What is left when the document has ended. Raises ContentError where it ended in the middle of a record."""
        ...

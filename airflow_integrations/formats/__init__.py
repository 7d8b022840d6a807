"""Bytes to records, whole documents or piece by piece as they arrive; and records to bytes.

Payloads are hostile here: every reader bounds what it builds and says what is wrong with the content, and where.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, Protocol, runtime_checkable

import msgspec

__all__ = ["BadRecord", "ContentError", "FormatName", "RecordReader", "WholeReader", "bad_record"]

KEPT = 256 * 1024
"""Characters that are kept of a record that cannot be read."""

FormatName = Literal["json", "json_lines", "csv", "xml", "fixed_width", "edifact", "x12", "excel", "parquet"]


class ContentError(Exception):
    """Content that cannot be read in its format. The text says what and where, and holds no more than an excerpt."""


class BadRecord(msgspec.Struct, frozen=True):
    """Stands in the place of one record that cannot be read, where the others can: it is rejected alone."""

    reason: str
    """What is wrong, and in which line."""
    content: str
    """The record as it came; of a long one the beginning."""


def bad_record(reason: str, content: str) -> BadRecord:
    """A BadRecord that keeps at most 256 KiB of the content, and says so."""
    if len(content) > KEPT:
        content = f"{content[:KEPT]}… (the first {KEPT:,} of {len(content):,} characters)"
    return BadRecord(reason, content)


class RecordReader(Protocol):
    """Takes a document in chunks, cut anywhere, and gives each record once, in order. Raises ContentError."""

    def feed(self, chunk: bytes) -> list[Any]:
        """The records that this chunk completes."""
        ...

    def finish(self) -> list[Any]:
        """What is left when the document has ended. Raises ContentError where it ended in the middle of a record."""
        ...


@runtime_checkable
class WholeReader(RecordReader, Protocol):
    """A reader that has to have seen all of a document, on disk, before it gives the first record."""

    def remaining(self) -> Iterator[list[Any]]:
        """What ``finish`` gives, a bounded number at a time. Raises ContentError."""
        ...

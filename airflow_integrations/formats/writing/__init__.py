"""Records to the bytes of a file, one after the other."""

from __future__ import annotations

from typing import Any, Protocol

__all__ = ["Record", "RecordWriter"]


class Record(Protocol):
    """A value, and the same as JSON: either may be made when it is asked for."""

    @property
    def value(self) -> Any: ...
    @property
    def encoded(self) -> bytes: ...


class RecordWriter(Protocol):
    """Writes to a file of bytes. The same records give the same bytes."""

    def add(self, record: Record) -> None:
        """Raises EntityError for one that cannot be written; nothing of it is written then."""
        ...

    def finish(self) -> None:
        """What is behind the last record. Once; nothing is added after it."""
        ...

"""Records to JSON and JSON lines."""

from __future__ import annotations

from typing import IO

from airflow_integrations.formats.writing import Record

__all__ = ["JsonLinesWriter", "JsonWriter"]


class JsonWriter:
    """One list."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._begun = False

    def add(self, record: Record) -> None:
        self._out.write((b",\n" if self._begun else b"[\n") + record.encoded)
        self._begun = True

    def finish(self) -> None:
        self._out.write(b"\n]\n" if self._begun else b"[]\n")


class JsonLinesWriter:
    """A record a line."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out

    def add(self, record: Record) -> None:
        self._out.write(record.encoded + b"\n")

    def finish(self) -> None:
        return None

"""Content as it came, packed or not, to records as it arrives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from airflow_integrations.formats import ContentError, RecordReader, WholeReader
from airflow_integrations.formats.packing.unpacking import Unpacking

__all__ = ["DocumentReader"]


class DocumentReader:
    """Reads one document, or each of several that came in a zip file. Raises ContentError."""

    def __init__(
        self,
        make: Callable[[], RecordReader],
        begins: Callable[[bytes], None],
        unpacking: Unpacking,
        *,
        start: int,
    ) -> None:
        """``make`` gives a reader for each document; ``begins`` sees the first ``start`` bytes before anything of it
        is read, or all of a shorter one."""
        self._make = make
        self._begins = begins
        self._unpacking = unpacking
        self._bytes = start
        self._start: list[bytes] = []
        self._size = 0
        self._reader: RecordReader | None = None

    def feed(self, chunk: bytes) -> Iterator[list[Any]]:
        """The records that this chunk completes, a bounded number at a time."""
        return self._read(self._unpacking.feed(chunk))

    def finish(self) -> Iterator[list[Any]]:
        """The rest."""
        yield from self._read(self._unpacking.finish())
        yield from self._ended()

    def _read(self, pieces: Iterator[bytes | None]) -> Iterator[list[Any]]:
        for piece in pieces:
            if piece is None:
                yield from self._ended()
            else:
                yield from self._named(lambda piece=piece: self._piece(piece))  # type: ignore[misc]

    def _named(self, read: Callable[[], Iterable[list[Any]]]) -> Iterator[list[Any]]:
        try:
            yield from read()
        except ContentError as error:
            if self._unpacking.file is None:
                raise
            raise ContentError(f"{self._unpacking.file[:60]}: {error}") from None

    def _piece(self, piece: bytes) -> list[list[Any]]:
        if self._reader is not None:
            return [self._reader.feed(piece)]
        self._start.append(piece)
        self._size += len(piece)
        return [self._begun()] if self._size >= self._bytes else []

    def _begun(self) -> list[Any]:
        start, self._start, self._size = b"".join(self._start), [], 0
        self._begins(start)
        self._reader = self._make()
        return self._reader.feed(start)

    def _ended(self) -> Iterator[list[Any]]:
        return self._named(self._end)

    def _end(self) -> Iterator[list[Any]]:
        if self._reader is None:
            yield self._begun()
        reader, self._reader = self._reader, None
        assert reader is not None
        if isinstance(reader, WholeReader):
            yield from reader.remaining()
        else:
            yield reader.finish()

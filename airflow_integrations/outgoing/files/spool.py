"""A file's content before it is complete: on this machine's disk, in its format."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import sys
import tempfile
from collections.abc import Callable
from typing import IO, Any, Literal, Protocol

from airflow_integrations.errors import EntityError
from airflow_integrations.formats.packing.archiving import Archive, archive
from airflow_integrations.formats.writing import RecordWriter
from airflow_integrations.outgoing import Outbound

__all__ = ["ArchiveSpool", "Content", "Packed", "Piece", "Pieces", "Seal", "Spool"]

Packed = Literal["gz", "zst", "zip", "tar.gz"] | None
Seal = Callable[[IO[bytes], IO[bytes]], None] | None
"""Encrypts a complete file into another one; both are real files."""
PIECE = 1024 * 1024


class Content(Protocol):
    """What a file will hold."""

    @property
    def size(self) -> int: ...
    @property
    def sha256(self) -> str: ...

    def copy_to(self, target: IO[bytes]) -> None:
        """The whole content."""
        ...


class Spool:
    """Use :meth:`add` for each entity, then :meth:`complete` once. The same entities give the same bytes, unless they
    are encrypted."""

    def __init__(
        self,
        writer: Callable[[Any], RecordWriter],
        *,
        packed: Packed = None,
        seal: Seal = None,
        file: IO[bytes] | None = None,
    ) -> None:
        """``writer`` gets the file that its records go to. ``file``: where they are; left out, one on the disk, as
        ``seal`` needs it."""
        self._seal = seal
        self._archive = packed if packed in ("zip", "tar.gz") else None
        self._file: IO[bytes] = tempfile.TemporaryFile() if file is None else file  # noqa: SIM115 - closed by close
        self._out: Any = _packing(self._file, packed)
        self._writer: RecordWriter = writer(self._out)
        self._count = 0
        self.size, self.sha256 = 0, ""

    def __len__(self) -> int:
        return self._count

    def add(self, outbound: Outbound) -> None:
        """Raises EntityError for one that cannot be written in this format; nothing of it is written then."""
        self._writer.add(outbound)
        self._count += 1

    def complete(self, name: str = "") -> None:
        """All entities are in it: its size and checksum are known. Raises what ``seal`` does. ``name``: that of the
        file in an archive."""
        self._writer.finish()
        if self._out is not self._file:
            self._out.close()
        self._file.flush()
        self._file.seek(0)
        if self._archive is not None:
            self._become(lambda content, target: archive(content, target, name, self._archive or ""))
        if self._seal is not None:
            self._become(self._seal)
        digest = hashlib.sha256()
        while piece := self._file.read(PIECE):
            digest.update(piece)
            self.size += len(piece)
        self.sha256 = digest.hexdigest()

    def _become(self, change: Callable[[IO[bytes], IO[bytes]], None]) -> None:
        before, self._file = self._file, tempfile.TemporaryFile()  # noqa: SIM115 - closed by close
        with before:
            change(before, self._file)
        self._file.seek(0)

    def copy_to(self, target: IO[bytes]) -> None:
        """The whole content."""
        self._file.seek(0)
        while piece := self._file.read(PIECE):
            target.write(piece)

    def close(self) -> None:
        self._file.close()


class ArchiveSpool(Spool):
    """An archive in which each entity is a file."""

    def __init__(
        self,
        writer: Callable[[Outbound], Callable[[Any], RecordWriter]],
        name: Callable[[Outbound], str],
        kind: Literal["zip", "tar.gz"],
        seal: Seal = None,
    ) -> None:
        """``name`` gives that of the entity's file, and raises EntityError where it can have none."""
        self._files: Archive

        def begun(target: IO[bytes]) -> Any:
            self._files = Archive(target, kind)
            return self._files  # which ends as a writer does

        super().__init__(begun, seal=seal)
        self._writer_of, self._name_of = writer, name
        self._names: set[str] = set()

    def add(self, outbound: Outbound) -> None:
        name = self._name_of(outbound)
        if name in self._names:
            raise EntityError(
                f"{name} is the file of another entity in the archive; put into the name what tells them apart, such "
                "as {{ key }}",
                field="member",
            )
        content = io.BytesIO()
        writer = self._writer_of(outbound)(content)
        writer.add(outbound)
        writer.finish()
        size = content.tell()
        content.seek(0)
        self._files.add(name, content, size)
        self._names.add(name)
        self._count += 1

    def close(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # else it would try when it is forgotten, without its file
            self._files.finish()
        super().close()


class Piece:
    """The content of one of many files that wait together."""

    def __init__(self, file: IO[bytes], start: int, size: int, sha256: str) -> None:
        self._file, self._start = file, start
        self.size, self.sha256 = size, sha256

    def copy_to(self, target: IO[bytes]) -> None:
        """The whole content."""
        self._file.seek(self._start)
        left = self.size
        while left and (piece := self._file.read(min(PIECE, left))):
            target.write(piece)
            left -= len(piece)


class Pieces:
    """The contents of many small files, in one file on this machine's disk."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close
        self.size = 0

    def add(
        self,
        outbound: Outbound,
        writer: Callable[[Any], RecordWriter],
        *,
        packed: Packed,
        seal: Seal = None,
        name: str = "",
    ) -> Piece:
        """A file with this entity alone; ``name`` is that in an archive. Raises EntityError for one that cannot be
        written in this format."""
        spool = Spool(writer, packed=packed, seal=seal, file=io.BytesIO() if seal is None else None)
        try:
            spool.add(outbound)
            spool.complete(name)
            self._file.seek(self.size)
            spool.copy_to(self._file)
        finally:
            spool.close()
        piece = Piece(self._file, self.size, spool.size, spool.sha256)
        self.size += spool.size
        return piece

    def close(self) -> None:
        self._file.close()


def _packing(file: IO[bytes], packed: Packed) -> Any:
    """A file that packs what is written to it; the same content gives the same bytes."""
    if packed == "gz":
        return gzip.GzipFile("", "wb", fileobj=file, mtime=0)
    if packed != "zst":  # archives are made once the file's size is known
        return file
    if sys.version_info >= (3, 14):
        from compression.zstd import ZstdFile
    else:
        from backports.zstd import ZstdFile
    return ZstdFile(file, "wb")

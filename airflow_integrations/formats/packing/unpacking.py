"""gzip, zip and tar files that came as content: unpacked by what they begin with, whatever their Content-Type says."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from fnmatch import fnmatchcase

from airflow_integrations.formats import ContentError
from airflow_integrations.formats.packing.tar import BLOCK, TarReader, is_tar
from airflow_integrations.http.content.content_encoding import CodingError, Decoding

__all__ = ["Unpacking", "is_packed", "is_zip"]

GZIP, ZIP = b"\x1f\x8b\x08", (b"PK\x03\x04", b"PK\x05\x06")
PIECE = 256 * 1024
"""Unpacked bytes handed out at once."""
SLICE = 16 * 1024
"""Packed bytes that are unpacked at once: they hold a few MiB at most."""
ALWAYS = 16 * 1024 * 1024
"""Unpacked bytes that are fine however few bytes they were packed in."""
RATIO = 300
"""Unpacked bytes for one packed byte beyond that. Exports that repeat themselves reach 100; deflate ends at 1032."""
MAX_FILES = 10_000
"""Of one zip file."""
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_OF_THE_SYSTEM = ("__MACOSX/", ".DS_Store", "Thumbs.db")


def is_zip(start: bytes) -> bool:
    """Whether content that begins so is a zip file."""
    return start[:4] in ZIP


def is_packed(start: bytes) -> bool:
    """Whether content that begins so is a gzip or zip file or a tar archive."""
    return start[:3] == GZIP or is_zip(start) or is_tar(start)


class Unpacking:
    """Bytes in, bytes out; others than gzip, zip and tar as they are, and a tar archive in gzip, too. ``None`` stands
    between two files of a zip file or tar archive.

    Raises ContentError for what is damaged, and for more than the bounds allow.
    """

    def __init__(self, files: str | None, *, most: int | None, held: int, zips: bool = True) -> None:
        """``files``: a pattern for the names of the files that are wanted of several. ``most``: unpacked bytes of
        all. ``held``: bytes of a zip file, which is held as a whole, because what is in it stands at its end.
        ``zips``: whether zip files are unpacked."""
        self._zips = zips
        self._files = files
        self._most = most
        self._held = held
        self._start: bytes | None = b""
        self._gzip: Decoding | None = None
        self._zip: io.BytesIO | None = None
        self._head: bytes | None = b""
        """The beginning of what is not packed, or not any more, until it shows whether it is a tar archive."""
        self._tar: TarReader | None = None
        self._packed = self._size = 0
        self.file: str | None = None
        """The name of the file that is handed out, of several."""

    def feed(self, chunk: bytes) -> Iterator[bytes | None]:
        if self._start is not None:
            chunk = self._start + chunk
            if len(chunk) < 4:
                self._start = chunk
                return
            self._begin(chunk)
        yield from self._feed(chunk)

    def finish(self) -> Iterator[bytes | None]:
        if self._start:
            chunk = self._start
            self._begin(chunk)
            yield from self._feed(chunk)
        if self._gzip is not None:
            try:
                self._gzip.finish()
            except CodingError:
                raise ContentError("the gzip file ends in the middle") from None
        if self._head:
            yield self._head
        if self._tar is not None:
            self._tar.finish()
        if self._zip is not None:
            yield from self._unzipped(self._zip)

    def _begin(self, start: bytes) -> None:
        self._start = None
        if start[:3] == GZIP:
            self._gzip = Decoding("gzip")
        elif self._zips and is_zip(start):
            self._zip = io.BytesIO()

    def _feed(self, chunk: bytes) -> Iterator[bytes | None]:
        self._packed += len(chunk)
        if self._zip is not None:
            if self._packed > self._held:
                raise ContentError(
                    f"the zip file has over {self._held:,} bytes, and is held as a whole; have it packed as gzip, or "
                    "raise max_answer_bytes in the Connection where it comes over HTTP"
                )
            self._zip.write(chunk)
        elif self._gzip is None:
            yield from self._opened(chunk)
        else:
            for at in range(0, len(chunk), SLICE):
                try:
                    for piece in self._gzip.feed(chunk[at : at + SLICE]):
                        yield from self._opened(self._counted(piece))
                except CodingError as error:
                    raise ContentError(f"the gzip file is damaged: {str(error).rpartition(': ')[2]}") from None

    def _opened(self, piece: bytes) -> Iterator[bytes | None]:
        """The files in a tar archive; what is none as it is."""
        if self._head is not None:
            piece = self._head + piece
            if len(piece) < BLOCK:
                self._head = piece
                return
            self._head = None
            self._tar = TarReader(self._files) if is_tar(piece) else None
        if self._tar is None:
            yield piece
            return
        for each in self._tar.feed(piece):
            self.file = self._tar.file
            yield each

    def _counted(self, piece: bytes) -> bytes:
        self._size += len(piece)
        if self._most is not None and self._size > self._most:
            raise ContentError(
                f"it has over {self._most:,} bytes once it is unpacked; ask for less at once, or raise "
                "max_answer_bytes in the Connection where it comes over HTTP"
            )
        if self._size > max(ALWAYS, RATIO * self._packed):
            raise ContentError(
                f"{self._packed:,} packed bytes become over {self._size:,}: more than {RATIO} times as many are not "
                "unpacked, because data hardly repeats itself so often"
            )
        return piece

    def _unzipped(self, content: io.BytesIO) -> Iterator[bytes | None]:
        try:
            if content.getvalue().count(b"PK\x01\x02") > MAX_FILES:
                raise ContentError(f"the zip file has over {MAX_FILES:,} files")
            with zipfile.ZipFile(content) as archive:
                for number, entry in enumerate(self._wanted(archive)):
                    if number:
                        yield None
                    self.file = entry.filename
                    with archive.open(entry) as file:
                        while piece := file.read(PIECE):
                            yield self._counted(piece)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
            raise ContentError(f"the zip file cannot be read: {error}") from None

    def _wanted(self, archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
        """In the order of the zip file."""
        files = [
            entry
            for entry in archive.infolist()
            if not entry.is_dir()
            and not entry.filename.startswith(_OF_THE_SYSTEM[0])
            and not entry.filename.endswith(_OF_THE_SYSTEM[1:])
        ]
        wanted = [entry for entry in files if self._files is None or fnmatchcase(entry.filename, self._files)]
        names = ", ".join(repr(entry.filename[:60]) for entry in files[:10]) + (", …" if len(files) > 10 else "")
        if not wanted:
            what = "no file" if self._files is None else f"no file that zip_files: {self._files!r} names"
            raise ContentError(f"the zip file has {what}; it has {names or 'none at all'}")
        if self._files is None and len(wanted) > 1:
            raise ContentError(
                f"the zip file has {len(wanted)} files: {names}; say which are read, such as zip_files: '*.csv'"
            )
        for entry in wanted:
            if entry.flag_bits & 1:
                raise ContentError(f"{entry.filename[:60]!r} in the zip file is encrypted")
            if entry.compress_type not in _METHODS:
                raise ContentError(f"{entry.filename[:60]!r} in the zip file is packed in an uncommon way; use deflate")
        return wanted

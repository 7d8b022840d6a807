"""tar archives, read as they arrive: POSIX ustar and pax, and GNU's long names. Nothing is written anywhere.

A name is only ever compared and told, so that a hostile one leads nowhere. What is not a plain file is passed over:
folders, links, devices. Sparse files are refused, because what they hold is not what stands in the archive.

Python's tarfile pulls its bytes from a file; here they are pushed as a server sends them, and nothing waits on disk.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from airflow_integrations.formats import ContentError

__all__ = ["TarReader", "is_tar"]

BLOCK = 512
MAX_FILES = 10_000
"""Of one archive, folders and links included."""
MAX_HEADER = 64 * 1024
"""Bytes of one extended header or long name: a path has 4,096 at most."""
MAX_NAME = 4096
"""Characters of a path, as on Linux."""
_PLAIN, _CONTIGUOUS, _OLD = b"0", b"7", b"\0"
_LONG_NAME, _LONG_LINK = b"L", b"K"
_PAX, _PAX_GLOBAL = b"x", b"g"
_SPARSE = b"S"
_OF_THE_SYSTEM = ("__MACOSX/", "._")
_PAX_RECORD = re.compile(rb"([1-9][0-9]{0,5}) ")


def is_tar(start: bytes) -> bool:
    """Whether content that begins so is a tar archive: its first header has a checksum that is right."""
    return len(start) >= BLOCK and start[257:262] == b"ustar" and _checksum_is_right(start[:BLOCK])


class TarReader:
    """Bytes in, bytes of the files that are wanted out; ``None`` stands between two files. Raises ContentError."""

    def __init__(self, files: str | None) -> None:
        """``files``: a pattern for the names of the files that are wanted; None: the archive has one."""
        self._files = files
        self._pending = bytearray()
        self._left = 0
        """Bytes of the content that is under way."""
        self._padding = 0
        self._kind = b""
        self._wanted = self._ended = False
        self._count = self._taken = 0
        self._extended = bytearray()
        self._path: str | None = None
        self._size: int | None = None
        self._names: list[str] = []
        self._zeros = 0
        self.file: str | None = None
        """The name of the file that is handed out."""

    def feed(self, chunk: bytes) -> Iterator[bytes | None]:
        """Pieces of the wanted files. Of a chunk that is not one of them at most a block is kept."""
        view, at = memoryview(chunk), 0
        while at < len(view) and not self._ended:
            if self._left:
                piece = view[at : at + self._left]
                at += len(piece)
                self._left -= len(piece)
                yield from self._content(piece)
            elif self._padding:
                passed = min(self._padding, len(view) - at)
                at += passed
                self._padding -= passed
            else:
                taken = view[at : at + BLOCK - len(self._pending)]
                at += len(taken)
                self._pending += taken
                if len(self._pending) == BLOCK:
                    header, self._pending = bytes(self._pending), bytearray()
                    yield from self._header(header)

    def finish(self) -> None:
        """Raises ContentError for an archive that ends in the middle, or has none of the files that are wanted."""
        if self._left or self._padding or self._pending or self._kind or not self._zeros:
            raise ContentError("the tar archive ends in the middle")
        if not self._taken:
            what = "no file" if self._files is None else f"no file that zip_files: {self._files!r} names"
            raise ContentError(f"the tar archive has {what}; it has {', '.join(self._names) or 'none at all'}")

    def _content(self, piece: memoryview) -> Iterator[bytes | None]:
        if self._kind:
            self._extended += piece
            if not self._left:
                self._extend()
        elif self._wanted:
            yield bytes(piece)

    def _header(self, header: bytes) -> Iterator[bytes | None]:
        if not header.strip(b"\0"):
            self._zeros += 1
            self._ended = self._zeros == 2  # what follows is filling
            return
        if self._zeros or not _checksum_is_right(header):
            raise ContentError("the tar archive is damaged: a header in it has a wrong checksum")
        kind, size = header[156:157], _number(header[124:136])
        if kind in (_LONG_NAME, _LONG_LINK, _PAX, _PAX_GLOBAL):
            if size > MAX_HEADER or not size:
                raise ContentError(f"a name or header in the tar archive has {size:,} bytes; at most {MAX_HEADER:,} do")
            self._count_one()
            self._kind, self._extended = kind, bytearray()
        else:
            path, self._path = self._path if self._path is not None else _path(header), None
            size, self._size = self._size if self._size is not None else size, None
            yield from self._begin(path, kind, size)
            if kind in b"123456":
                size = 0  # links and devices have no content, whatever their size says
        self._left, self._padding = size, -size % BLOCK

    def _begin(self, path: str, kind: bytes, size: int) -> Iterator[bytes | None]:
        self._count_one()
        self._wanted = False
        if len(path) > MAX_NAME:
            raise ContentError(f"a name in the tar archive has {len(path):,} characters; {MAX_NAME:,} are taken")
        if kind == _SPARSE:
            raise ContentError(f"{path[:60]!r} in the tar archive is a sparse file; pack it without tar's --sparse")
        if kind not in (_PLAIN, _OLD, _CONTIGUOUS) or path.endswith("/"):
            return
        name = path.removeprefix("./")
        if name.startswith(_OF_THE_SYSTEM[0]) or name.rpartition("/")[2].startswith(_OF_THE_SYSTEM[1]):
            return
        if len(self._names) < 10:
            self._names.append(repr(name[:60]))
        if self._files is not None and not fnmatchcase(name, self._files):
            return
        if self._taken and self._files is None:
            told = ", ".join(self._names)
            raise ContentError(
                f"the tar archive has several files: {told}, …; say which are read, such as zip_files: '*.csv'"
            )
        if self._taken:
            yield None
        self._taken += 1
        self._wanted, self.file = True, name

    def _count_one(self) -> None:
        self._count += 1
        if self._count > 2 * MAX_FILES:
            raise ContentError(f"the tar archive has over {MAX_FILES:,} files")

    def _extend(self) -> None:
        """What an extended header says of the file behind it."""
        kind, content, self._kind = self._kind, bytes(self._extended), b""
        if kind == _LONG_NAME:
            self._path = _text(content.partition(b"\0")[0])
        elif kind == _PAX:
            for name, value in _pax(content):
                if name.startswith(b"GNU.sparse"):
                    raise ContentError("a file in the tar archive is sparse; pack it without tar's --sparse")
                if name == b"path":
                    self._path = _text(value)
                elif name == b"size":
                    if not re.fullmatch(rb"[0-9]{1,18}", value):
                        raise ContentError("the tar archive is damaged: a size in it is not a number")
                    self._size = int(value)


def _pax(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Records of POSIX's pax headers: ``28 path=orders/2026.csv`` and a line end, with the length of all of it."""
    at = 0
    while at < len(content):
        found = _PAX_RECORD.match(content, at)
        length = int(found[1]) if found else 0
        record = content[at : at + length]
        name, equals, value = record[found.end() - at : -1].partition(b"=") if found else (b"", b"", b"")
        if not equals or len(record) < length or record[-1:] != b"\n":
            raise ContentError("the tar archive is damaged: an extended header in it cannot be read")
        yield name, value
        at += length


def _path(header: bytes) -> str:
    name, prefix = header[:100].partition(b"\0")[0], header[345:500].partition(b"\0")[0]
    is_posix = header[257:263] == b"ustar\0"  # GNU's own format has other things there
    return _text(prefix + b"/" + name if prefix and is_posix else name)


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")


def _number(field: bytes) -> int:
    """Octal digits, or GNU's binary form of large numbers."""
    if field[0] == 0x80:
        number = int.from_bytes(field[1:], "big")
        if number < 1 << 60:
            return number
    elif re.fullmatch(rb" *[0-7]*[ \0]*", field):
        return int(field.strip(b" \0") or b"0", 8)
    raise ContentError("the tar archive is damaged: a size in it is not a number")


def _checksum_is_right(header: bytes) -> bool:
    """The sum of a header's bytes, those of the sum itself taken for blanks. Old archives add them with their sign."""
    told = header[148:156]
    if not re.fullmatch(rb" *[0-7]+[ \0]*", told):
        return False
    rest = header[:148] + b" " * 8 + header[156:]
    unsigned = sum(rest)
    signed = unsigned - 256 * sum(byte >= 128 for byte in rest)
    return int(told.strip(b" \0"), 8) in (unsigned, signed)

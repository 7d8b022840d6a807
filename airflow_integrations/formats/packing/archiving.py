"""Files become a zip file or a tar archive; the same contents and names give the same bytes."""

from __future__ import annotations

import gzip
import os
import shutil
import tarfile
import zipfile
from typing import IO

__all__ = ["Archive", "archive"]

PIECE = 256 * 1024
_NO_TIME = (1980, 1, 1, 0, 0, 0)
"""The first moment that a zip file can tell: that of writing would make other bytes with each attempt."""


def archive(content: IO[bytes], target: IO[bytes], name: str, kind: str) -> None:
    """``content``, from its beginning, as the only file of an archive. ``kind``: ``zip`` or ``tar.gz``."""
    content.seek(0, os.SEEK_END)
    size = content.tell()
    content.seek(0)
    made = Archive(target, kind)
    made.add(name, content, size)
    made.finish()


class Archive:
    """Files go into it one after the other. Use :meth:`finish` once."""

    def __init__(self, target: IO[bytes], kind: str) -> None:
        """``kind``: ``zip`` or ``tar.gz``."""
        self._zip = zipfile.ZipFile(target, "w") if kind == "zip" else None
        if self._zip is None:
            self._packed = gzip.GzipFile("", "wb", fileobj=target, mtime=0)
            self._tar = tarfile.open(fileobj=self._packed, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115

    def add(self, name: str, content: IO[bytes], size: int) -> None:
        """``content``, from where it is read now."""
        if self._zip is not None:
            entry = zipfile.ZipInfo(name, _NO_TIME)
            entry.compress_type, entry.external_attr, entry.file_size = zipfile.ZIP_DEFLATED, 0o644 << 16, size
            with self._zip.open(entry, "w") as inside:
                shutil.copyfileobj(content, inside, PIECE)
            return
        header = tarfile.TarInfo(name)
        header.size, header.mode = size, 0o644
        self._tar.addfile(header, content)
        self._tar.members = []  # type: ignore[attr-defined]  # it would remember all of them

    def finish(self) -> None:
        """All files are in it."""
        if self._zip is not None:
            self._zip.close()
            return
        self._tar.close()
        self._packed.close()

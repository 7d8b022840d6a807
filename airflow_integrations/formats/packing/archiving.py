"""One file becomes a zip file or a tar archive; the same content and name give the same bytes."""

from __future__ import annotations

import gzip
import os
import shutil
import tarfile
import zipfile
from typing import IO

__all__ = ["archive"]

PIECE = 256 * 1024
_NO_TIME = (1980, 1, 1, 0, 0, 0)
"""The first moment that a zip file can tell: that of writing would make other bytes with each attempt."""


def archive(content: IO[bytes], target: IO[bytes], name: str, kind: str) -> None:
    """``content``, from its beginning, as the only file of an archive. ``kind``: ``zip`` or ``tar.gz``."""
    content.seek(0, os.SEEK_END)
    size = content.tell()
    content.seek(0)
    if kind == "zip":
        entry = zipfile.ZipInfo(name, _NO_TIME)
        entry.compress_type, entry.external_attr, entry.file_size = zipfile.ZIP_DEFLATED, 0o644 << 16, size
        with zipfile.ZipFile(target, "w") as zipped, zipped.open(entry, "w") as inside:
            shutil.copyfileobj(content, inside, PIECE)
        return
    header = tarfile.TarInfo(name)
    header.size, header.mode = size, 0o644
    with (
        gzip.GzipFile("", "wb", fileobj=target, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tarred,
    ):
        tarred.addfile(header, content)

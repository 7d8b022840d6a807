"""Content codings (gzip, deflate) undone in bounded pieces.

aiohttp's own decoding is switched off: it takes a gzip stream that ends in the middle for a complete one.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

__all__ = ["ACCEPTED", "CodingError", "Decoding"]

ACCEPTED = "gzip, deflate"
PIECE = 256 * 1024
"""Decoded bytes handed out at once: a bomb is noticed after so many, not after it has filled the memory."""


class CodingError(Exception):
    """The content is not what its Content-Encoding says, or it ends too early (``early``)."""

    def __init__(self, message: str, *, early: bool = False) -> None:
        super().__init__(message)
        self.early = early


class Decoding:
    """Undoes one coding. ``feed`` the chunks as they come, then ``finish``."""

    def __init__(self, coding: str) -> None:
        self.coding = coding.strip().lower()
        if self.coding not in ("gzip", "x-gzip", "deflate"):
            raise CodingError(
                f"the answer has Content-Encoding {coding[:60]!r}, which was not asked for; {ACCEPTED} are understood"
            )
        self._inflate: zlib._Decompress | None = None

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Decoded pieces of at most 256 KiB. Raises CodingError for garbage."""
        while chunk:
            if self._inflate is None or self._inflate.eof:
                self._inflate = self._begin(chunk)  # gzip members may follow each other (RFC 1952 §2.2)
            inflate = self._inflate
            try:
                piece = inflate.decompress(chunk, PIECE)
            except zlib.error as error:
                raise CodingError(
                    f"the answer is not the {self.coding} that its Content-Encoding says: {error}"
                ) from None
            if piece:
                yield piece
            chunk = inflate.unconsumed_tail
            if inflate.eof:
                chunk = inflate.unused_data.lstrip(b"\0")  # some servers pad the last member
            elif not chunk and len(piece) == PIECE:
                chunk = b""
                while rest := inflate.decompress(b"", PIECE):  # what zlib still holds back
                    yield rest

    def finish(self) -> None:
        """Raises CodingError where the content ended in the middle. No content at all is fine (HEAD, 204)."""
        if self._inflate is not None and not self._inflate.eof:
            raise CodingError(f"the {self.coding} content ends in the middle", early=True)

    def _begin(self, chunk: bytes) -> zlib._Decompress:
        if self.coding == "deflate":
            # RFC 9110 means zlib's format (RFC 1950); some servers send the bare stream
            return zlib.decompressobj(zlib.MAX_WBITS if chunk[0] & 0x0F == 8 else -zlib.MAX_WBITS)
        return zlib.decompressobj(16 + zlib.MAX_WBITS)

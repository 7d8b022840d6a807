"""Content codings (gzip, deflate) undone in bounded pieces.

aiohttp's own decoding is switched off: it takes a gzip stream that ends in the middle for a complete one.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

__all__ = ["ACCEPTED", "CodingError", "Decoding", "is_coding"]

ACCEPTED = "gzip, deflate"
MAX_MEMBERS = 100_000
"""Of one gzip stream: more of them hold next to nothing each."""
FIRST_SLICE = 1024
"""Bytes of a new member that are given to zlib first: it copies what it does not take, once for each member."""
PIECE = 256 * 1024
"""Decoded bytes handed out at once: a bomb is noticed after so many, not after it has filled the memory."""


_CODINGS = frozenset(
    {
        "gzip",
        "x-gzip",
        "deflate",
        "br",
        "zstd",
        "compress",
        "x-compress",
        "dcb",
        "dcz",
        "exi",
        "aes128gcm",
        "pack200-gzip",
    }
)
"""What is registered for Content-Encoding (RFC 9110 §8.4.1), whether it is understood here or not."""


def is_coding(name: str) -> bool:
    """Whether a Content-Encoding says that the content is packed.

    Servers write charsets and other things there, such as ``utf-8``, ``none`` or ``UTF-8, identity``: those change no
    byte. A list that names a registered coding is one.
    """
    return any(part.strip().lower() in _CODINGS for part in name.split(","))


class CodingError(Exception):
    """The content is not what its Content-Encoding says, or it ends too early (``early``)."""

    def __init__(self, message: str, *, early: bool = False) -> None:
        super().__init__(message)
        self.early = early


class Decoding:
    """Undoes one coding. ``feed`` the chunks as they come, then ``finish``."""

    def __init__(self, coding: str, *, mislabelled: bool = False) -> None:
        """``mislabelled``: content that surely came unpacked is taken as it came, whatever its coding is called."""
        named = [part.strip().lower() for part in coding.split(",")]
        real = [part for part in named if part in _CODINGS]
        self.coding = real[0] if len(real) == 1 else coding.strip().lower()
        if self.coding not in ("gzip", "x-gzip", "deflate"):
            raise CodingError(
                f"the answer has Content-Encoding {coding[:60]!r}, which was not asked for; {ACCEPTED} are understood"
            )
        self._inflate: zlib._Decompress | None = None
        self._plain: bool | None = None if mislabelled and self.coding != "deflate" else False
        """Whether the content came unpacked, as proxies leave it that unpack and keep the header; None: not seen."""
        self._members = 0
        self._slice = FIRST_SLICE

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Decoded pieces of at most 256 KiB. Raises CodingError for garbage. The work is linear in the chunk."""
        if self._plain is None and (start := chunk.lstrip()):
            self._plain = start[:1] in (b"{", b"[", b"<")
        if self._plain:
            yield chunk
            return
        view, at = memoryview(chunk), 0
        while at < len(view):
            part = bytes(view[at : at + self._slice])
            if self._inflate is not None and self._inflate.eof:
                stripped = part.lstrip(b"\0")  # some servers pad the last member
                at += len(part) - len(stripped)
                if not stripped:
                    continue
                part = stripped
            if self._inflate is None or self._inflate.eof:
                self._inflate = self._begin(part)  # gzip members may follow each other (RFC 1952 §2.2)
            inflate = self._inflate
            at += len(part)
            while True:
                try:
                    piece = inflate.decompress(part, PIECE)
                except zlib.error as error:
                    raise CodingError(
                        f"the answer is not the {self.coding} that its Content-Encoding says: {error}"
                    ) from None
                if piece:
                    yield piece
                part = inflate.unconsumed_tail
                if inflate.eof or (not part and len(piece) < PIECE):  # else zlib may still hold something back
                    break
            if inflate.eof:
                at -= len(inflate.unused_data)
            else:
                self._slice = min(2 * self._slice, PIECE)

    def finish(self) -> None:
        """Raises CodingError where the content ended in the middle. No content at all is fine (HEAD, 204)."""
        if self._inflate is not None and not self._inflate.eof:
            raise CodingError(f"the {self.coding} content ends in the middle", early=True)

    def _begin(self, chunk: bytes) -> zlib._Decompress:
        self._members += 1
        self._slice = FIRST_SLICE
        if self._members > MAX_MEMBERS:
            raise CodingError(f"the {self.coding} content has over {MAX_MEMBERS:,} members")
        if self.coding == "deflate":
            # RFC 9110 means zlib's format (RFC 1950); some servers send the bare stream
            return zlib.decompressobj(zlib.MAX_WBITS if chunk[0] & 0x0F == 8 else -zlib.MAX_WBITS)
        return zlib.decompressobj(16 + zlib.MAX_WBITS)

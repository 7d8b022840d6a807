"""Acknowledgements of what a fetch has read: staged until the run has settled, when they go into the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

__all__ = ["Acknowledgement", "read_acknowledgements"]


class Acknowledgement(msgspec.Struct, frozen=True, array_like=True):
    """What the sender of an interchange, or of a part of it, is answered once the piece that it came in counts as
    read."""

    piece: str
    """:attr:`SourcePiece.name`."""
    place: int
    """How many acknowledgements of the piece come before it."""
    content: msgspec.Raw
    """A record of the routes that answer, as JSON."""

    def line(self) -> bytes:
        """As it is staged."""
        return msgspec.json.encode(self)


_decoder = msgspec.json.Decoder(Acknowledgement)


def read_acknowledgements(blocks: Iterable[bytes]) -> Iterator[Acknowledgement]:
    """Those in the lines of segments, in their order."""
    for block in blocks:
        yield from _decoder.decode_lines(block)

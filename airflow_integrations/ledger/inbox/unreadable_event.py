"""An event that no records could be read from: it waits in the inbox like any other, and the run that takes it rejects
it, so that it is in somebody's books and its payload is kept."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["Refusal", "refusal", "refused"]


class Refusal(msgspec.Struct, frozen=True):
    reason: str
    record: Any
    """What is kept of it, for people."""


_decode = msgspec.json.Decoder(Refusal).decode


def refusal(reason: str, record: Any) -> bytes:
    """The body of such an event: a JSON object, where others have an array."""
    return msgspec.json.encode(Refusal(reason, record))


def refused(body: bytes) -> Refusal | None:
    """What :func:`refusal` wrote; None for the body of any other event."""
    return _decode(body) if body[:1] == b"{" else None

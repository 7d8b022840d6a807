"""Counters of a client's requests."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

__all__ = ["Stats"]


@dataclass(slots=True)
class Stats:
    """What a client has done so far. ``waited`` is in seconds: for the pace, for back-off, for the server's holds;
    ``answering`` is how long the server took, of requests side by side in sum. ``received`` is decoded bytes."""

    requests: int = 0
    retries: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    waited: float = 0.0
    answering: float = 0.0
    received: int = 0

    def arrived(self, size: int) -> None:
        """Count bytes of an answer."""
        self.received += size

"""Limit the memory that all requests' bodies take together."""

from __future__ import annotations

__all__ = ["MemoryBudget", "Overloaded", "Reservation"]

MOST = 128_000_000


class Overloaded(Exception):
    """So much is being read and worked on that nothing more is taken."""


class MemoryBudget:
    """For the requests of one event loop. What counts is what has come, not what was announced: a thousand senders that
    say they will send much, and do not, keep nobody out."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._bytes = 0

    def reservation(self) -> Reservation:
        return Reservation(self)

    def change(self, size: int) -> None:
        if size > 0 and self._bytes + size > self._most:
            raise Overloaded
        self._bytes += size


class Reservation:
    """One request's share."""

    __slots__ = ("_held", "_size")

    def __init__(self, held: MemoryBudget) -> None:
        self._held = held
        self._size = 0

    def add(self, size: int) -> None:
        """Raises Overloaded."""
        self._held.change(size)
        self._size += size

    def release(self) -> None:
        self._held.change(-self._size)
        self._size = 0

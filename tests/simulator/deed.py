"""One thing that happens in a world."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Deed"]


@dataclass(frozen=True)
class Deed:
    """One thing that happens: ``at`` so many seconds from the world's beginning; or, where that is None, to the
    ``number``-th of something, such as a request."""

    what: str
    at: float | None = None
    number: int = 0
    how: tuple[Any, ...] = ()

    def __str__(self) -> str:
        told = " ".join(map(str, (*(() if self.at is not None else (f"number {self.number}",)), *self.how)))
        return f"{self.what} {told}".strip()

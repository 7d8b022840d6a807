"""Hooks for metrics and traces of a stage. Without an observer nothing is measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

__all__ = ["Attempt", "Observer", "Why"]

Why = Literal["pace", "hold", "back_off"]
"""What a request waited for: ``requests_per_second``; the server, which asked for it; the next attempt."""


class Attempt(NamedTuple):
    """One HTTP request and what came of it. ``path`` may hold keys of entities."""

    connection: str
    method: str
    path: str
    status: int | None
    """None: no answer came."""
    began: float
    """Seconds since the epoch."""
    seconds: float
    """Until the answer was read, or its head where the content is streamed."""
    reason: str = ""
    """Why no answer came, in a few words without secrets."""


class Observer(Protocol):
    """Called in the event loop, in the task that does the work: it does no I/O that could block, and never raises."""

    def attempted(self, attempt: Attempt) -> None:
        """A request was sent, or could not be; retries count each by themselves."""
        ...

    def waited(self, connection: str, why: Why, seconds: float) -> None:
        """A request was held back for so long."""
        ...

    def delivered(self, ages: Sequence[float]) -> None:
        """The target confirmed entities: for each, the seconds since its source's event, or else its fetch."""
        ...

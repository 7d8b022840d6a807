"""What is known of an alert between two looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["AlertState", "Told"]


@dataclass(frozen=True, slots=True)
class Told:
    """What a target knows."""

    knows: bool = False
    """It was told that the alert fires, and not that it is over."""
    at: float | None = None
    """When it was last told that the alert fires, or fired."""
    owed: int = 0
    """Episodes that it has not been told of."""
    failed: int = 0
    """Messages in a row that could not be sent."""


@dataclass(frozen=True, slots=True)
class AlertState:
    """One alert of one route. Times are seconds since the epoch."""

    watched: float
    """Since when it is looked at."""
    seen: float
    """Runs that ended until then were looked at."""
    since: float | None = None
    """When the episode began; None: it does not fire."""
    over: float | None = None
    """When the last episode ended."""
    detail: str = ""
    """What is, or last was, wrong; in one line."""
    targets: Mapping[str, Told] = field(default_factory=dict)

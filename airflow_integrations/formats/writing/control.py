"""What names one file among all that go to its recipient."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Control"]


class Control(NamedTuple):
    """A number that no other file to this recipient has."""

    number: int
    at: float
    """When it was prepared, in seconds since 1970."""

"""Credentials taken from an answer that signs us in."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Taken"]


@dataclass(frozen=True, slots=True)
class Taken:
    """A token, and how many seconds it lives, where that is told."""

    text: str = field(repr=False)
    life: float | None = None
    refresh_token: str | None = field(default=None, repr=False)
    """What is to be exchanged the next time, where another was given."""

    @classmethod
    def of(cls, text: object, life: float | None, refresh_token: object = None) -> Taken:
        """Raises ValueError for what cannot stand in a header."""
        if not isinstance(text, str) or not text:
            raise ValueError("has no token where it was looked for")
        if not text.isascii() or not text.isprintable():
            raise ValueError("holds a token that cannot stand in a header")
        return cls(text, life, refresh_token if isinstance(refresh_token, str) and refresh_token else None)

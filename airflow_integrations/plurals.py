"""Counts in words: ``1 entity``, ``3 entities``."""

from __future__ import annotations

__all__ = ["counted", "plural", "sized", "times"]


def plural(count: int, one: str, many: str | None = None) -> str:
    """The word for so many: ``entity`` for 1, ``entities`` for 0 and from 2 on. ``many`` is for irregular ones."""
    if count == 1:
        return one
    if many is not None:
        return many
    if one.endswith("y") and one[-2:-1] not in "aeiou":
        return f"{one[:-1]}ies"
    return f"{one}es" if one.endswith(("s", "x", "ch", "sh")) else f"{one}s"


def counted(count: int, one: str, many: str | None = None) -> str:
    """Count and word: ``1 entity``, ``4,320 entities``."""
    return f"{count:,} {plural(count, one, many)}"


def times(count: int) -> str:
    """``once``, ``3 times``."""
    return "once" if count == 1 else counted(count, "time")


def sized(size: int) -> str:
    """Bytes in three digits or so: ``340 bytes``, ``12.5 KB``, ``3.2 MB``; a KB is 1000 bytes."""
    for unit, least in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if size >= least:
            return f"{size / least:.1f} {unit}"
    return counted(size, "byte")

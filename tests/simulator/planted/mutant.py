"""One planted fault."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Mutant"]


@dataclass(frozen=True)
class Mutant:
    """``old`` stands once in ``file`` and becomes ``new``. ``fits`` is an expression over a world's ``shape``: others
    cannot show it, and are passed over, but count. ``hint``: from this seed on it is found soon."""

    name: str
    file: str
    old: str
    new: str
    fits: str = "True"
    hint: int = 0

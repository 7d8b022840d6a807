"""The place of a reason, for lists that have a column of its own for it."""

from __future__ import annotations

import re

__all__ = ["place_and_reason"]

_PLACED = re.compile(r"((?:incoming|transform|outgoing)\.[\w.]+(?: [\w.\[\]\"-]+)?): (.+)", re.DOTALL)


def place_and_reason(stage: str, reason: str) -> tuple[str, str]:
    """``transform.1.map Total`` and what is wrong there; the stage and the whole reason where it names no place."""
    found = _PLACED.fullmatch(reason)
    return (found[1], found[2]) if found and found[1].startswith(f"{stage}.") else (stage, reason)

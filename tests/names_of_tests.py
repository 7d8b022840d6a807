"""How the values stand in a test's name."""

from __future__ import annotations

import re
from collections.abc import Iterable

_UNSTEADY = re.compile(r"\{'[^']*', '| at 0x[0-9a-f]{6}")
"""A set of several texts, whose order is another one in each process; an object's address."""


def value_in_name(value: object) -> str | None:
    """How a value stands in the name of a test that it parametrizes; None leaves it to pytest.

    - A long one by its beginning: a test's name is in the environment of every process that it starts, and the system
      refuses to start one where that is too large.
    - Bytes that are no text by their number alone: what is packed has the moment in it (gzip in its fifth byte), and
      pytest-xdist refuses to begin where two workers, which collect at different moments, name a test differently.
    """
    if isinstance(value, bytes) and not re.fullmatch(rb"[\t\r\n -~]*", value):
        return f"{len(value)} bytes"
    if isinstance(value, str | bytes) and len(value) > 100:
        return f"{value[:40]!a}, {len(value)} in all"
    return None


def unsteady(names: Iterable[str]) -> list[str]:
    """Those that another process would name differently, by ``ids=str`` or ``ids=repr``."""
    return [name for name in names if _UNSTEADY.search(name)]

"""One by one they arrive, together they are written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

__all__ = ["gathered"]

T = TypeVar("T")


async def gathered(arrived: asyncio.Queue[T | None], most: int) -> AsyncIterator[list[T]]:
    """All that is there each time, in its order, at most so many. Ends behind the first None."""
    while True:
        some = []
        found = await arrived.get()
        while found is not None:
            some.append(found)
            if len(some) == most or arrived.empty():
                break
            found = arrived.get_nowait()
        if some:
            yield some
        if found is None:
            return

"""The bell of an inbox: it rings when a transaction has committed, and is not looked at in between."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Self

__all__ = ["WorldBell"]


class WorldBell:
    """Stands for :func:`airflow_integrations.ledger.storage.notifications.bell_of`."""

    def __init__(self) -> None:
        self.rung = asyncio.Event()
        self.rung.set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.rung.wait()
        self.rung.clear()

"""Senders that wait for the fate of their entities: one look at the ledger for all of them, every few milliseconds."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.ledger.inbox.event_outcomes import EventFate, event_fates

if TYPE_CHECKING:
    from airflow_integrations.ledger.storage.database import Database

__all__ = ["MOST_ENTITIES", "Wait", "Waiting"]

EVERY = 0.03
"""Seconds between two looks."""
AFTER_TROUBLE = 1.0
MOST_ENTITIES = 1_000
"""Of a request that waits: all of them are looked up each time."""

log = logging.getLogger("airflow_integrations")


class Wait:
    """One event somebody waits for. ``books``: its entities are not those that a run decides, because the route splits
    them; then the run's books tell."""

    def __init__(self, number: int, *, books: bool) -> None:
        self.number = number
        self.books = books

    def over(self, fate: EventFate) -> bool:
        if fate.done is not None:
            return True
        return not self.books and fate.keys is not None and not fate.undecided


class Waiting:
    """For the requests of one event loop."""

    def __init__(self, database: Callable[[], Database]) -> None:
        """``database`` opens it, or gives the one that is open; raises SetupError and OutageError."""
        self._database = database
        self._waits: dict[asyncio.Future[EventFate], Wait] = {}
        self._looking: asyncio.Task[None] | None = None

    async def fates(self, waits: Collection[Wait], seconds: float) -> list[EventFate | None]:
        """In their order; None for those that have no fate after so long."""
        loop = asyncio.get_running_loop()
        asked = {loop.create_future(): wait for wait in waits}
        self._waits |= asked
        if self._looking is None or self._looking.done():
            self._looking = loop.create_task(self._look())
        try:
            await asyncio.wait(asked, timeout=seconds)
        finally:
            for future in asked:
                self._waits.pop(future, None)
        return [future.result() if future.done() else None for future in asked]

    async def _look(self) -> None:
        while self._waits:
            begun = time.monotonic()
            try:
                fates = await asyncio.to_thread(self._fates, {wait.number for wait in self._waits.values()})
            except (OutageError, SetupError) as error:
                log.warning("senders wait longer: %s", error)
                await asyncio.sleep(AFTER_TROUBLE)
                continue
            for future, wait in list(self._waits.items()):
                fate = fates.get(wait.number)
                if fate is not None and wait.over(fate):
                    future.set_result(fate)
                    del self._waits[future]
            await asyncio.sleep(max(EVERY, time.monotonic() - begun))

    def _fates(self, numbers: set[int]) -> dict[int, EventFate]:
        return event_fates(self._database(), numbers)

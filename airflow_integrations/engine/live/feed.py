"""Entities that come one by one go through the same chunks as those of a run that knows them all beforehand."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterable, Iterator

from airflow_integrations.engine.push.chunk import Chunk
from airflow_integrations.engine.push.chunks import Chunks
from airflow_integrations.engine.push.session import PushSession
from airflow_integrations.outgoing import Outbound

__all__ = ["Feed", "LiveChunks"]

LOOK_SECONDS = 0.25
"""Whoever waits for entities looks so often whether sending has to end."""


class Feed(Iterator[Outbound]):
    """What has come and is not yet in a chunk. An iterator that ends for now, and goes on when there is more."""

    def __init__(self) -> None:
        self._waiting: deque[Outbound] = deque()
        self._changed = asyncio.Event()
        self.closed = False

    def extend(self, outbounds: Iterable[Outbound]) -> None:
        self._waiting.extend(outbounds)
        self._changed.set()

    def close(self) -> None:
        """Nothing comes any more."""
        self.closed = True
        self._changed.set()

    def __next__(self) -> Outbound:
        if not self._waiting:
            raise StopIteration
        return self._waiting.popleft()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    async def changed(self) -> None:
        """Until something was added, or a moment."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await self._changed.wait()
        self._changed.clear()


class LiveChunks(Chunks):
    """Chunks of a feed: where it has nothing, the next chunk is waited for."""

    def __init__(self, session: PushSession, feed: Feed) -> None:
        super().__init__(session, feed)
        self._feed = feed

    async def next(self) -> Chunk | None:
        while not (self._feed or self._ahead or self._waiting):
            if self._feed.closed or self._traffic.ending:
                return None
            await self._feed.changed()
        return await super().next()

"""The secrets that senders are checked with: read from Connections in a thread, kept for half a minute."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import msgspec

__all__ = ["CachedSecrets", "Secret"]

SECONDS = 30.0
"""For which a Connection is not read again: a secret that was replaced works after so long."""
FAILED_SECONDS = 3.0
"""For which one that could not be read is not tried again: so that it answers as fast as the others."""


class Secret(msgspec.Struct, frozen=True):
    login: str
    password: str

    def __repr__(self) -> str:  # for no log
        return "Secret(…)"


class CachedSecrets:
    """``read`` gives a Connection's login and password, and raises SetupError where it has none. It may take its time
    and is called once for all who wait for the same Connection. To be used from one event loop."""

    def __init__(self, read: Callable[[str], Secret], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._clock = clock
        self._known: dict[str, tuple[float, Secret]] = {}
        self._failed: dict[str, tuple[float, BaseException]] = {}
        self._reading: dict[str, asyncio.Task[Secret]] = {}

    async def get(self, connections: str | Sequence[str]) -> list[Secret]:
        """In the order of the Connections. Raises SetupError, and what reading raises where Airflow is away."""
        names = [connections] if isinstance(connections, str) else connections
        return [self._fresh(name) or await self._read_once(name) for name in names]

    def _fresh(self, name: str) -> Secret | None:
        at, secret = self._known.get(name, (0.0, None))
        return secret if self._clock() - at < SECONDS else None

    async def _read_once(self, name: str) -> Secret:
        at, error = self._failed.get(name, (0.0, None))
        if error is not None and self._clock() - at < FAILED_SECONDS:
            raise error
        task = self._reading.get(name)
        if task is None:
            task = self._reading[name] = asyncio.create_task(asyncio.to_thread(self._read, name))
            task.add_done_callback(lambda done: self._keep(name, done))
        return await asyncio.shield(task)

    def _keep(self, name: str, done: asyncio.Task[Secret]) -> None:
        del self._reading[name]
        if done.cancelled():
            return
        if (error := done.exception()) is not None:
            self._failed[name] = self._clock(), error
        else:
            self._failed.pop(name, None)
            self._known[name] = self._clock(), done.result()

"""Limits of rate and concurrency: one set for all requests of a client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

__all__ = ["HeldTooLongError", "Limits"]


class HeldTooLongError(Exception):
    """The server wants us to wait longer than the caller can: ``seconds`` from now."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"held for {seconds:.0f} s")
        self.seconds = seconds


class Limits:
    """A pace, a number of slots, and a hold that the server may ask for.

    They count within one client, that is: one Connection in one process. ``now`` and ``sleep`` are the only clock.
    """

    def __init__(
        self,
        *,
        requests_per_second: float | None = None,
        concurrency: int = 16,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.slots = asyncio.Semaphore(concurrency)
        self._interval = 1.0 / requests_per_second if requests_per_second else 0.0
        self._next = 0.0
        self._held_until = 0.0
        self._sleep = sleep
        self._now = now

    @property
    def free(self) -> bool:
        """Whether there is nothing to wait for, so that the usual request takes no detour."""
        return not self._interval and self._held_until <= self._now()

    def hold(self, seconds: float) -> None:
        """Nobody begins a request for so long. A longer hold stands."""
        self._held_until = max(self._held_until, self._now() + seconds)

    async def released(self, at_most: float) -> float:
        """Wait until no hold is left; returns the seconds waited. Raises HeldTooLongError beyond ``at_most``."""
        waited, until = 0.0, self._now()
        while self._held_until > until:  # it may be prolonged while we wait
            left = self._held_until - until
            if waited + left > at_most:
                raise HeldTooLongError(left)
            until = self._held_until
            await self._sleep(left)
            waited += left
        return waited

    async def turn(self) -> float:
        """Wait for a turn in the pace: turns are ``1 / requests_per_second`` apart, in the order of asking.

        Returns the seconds waited.
        """
        if not self._interval:
            return 0.0
        now = self._now()
        mine = max(now, self._next)
        self._next = mine + self._interval
        if mine <= now:
            return 0.0
        await self._sleep(mine - now)
        return mine - now

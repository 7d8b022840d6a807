"""Limits of rate and concurrency: one set for all requests of a client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

__all__ = ["HeldTooLongError", "Limits", "Pace"]

SLICE_SECONDS = 0.25
"""At most so many seconds' turns are leased at once: a pace that is shared costs few round trips, and nobody holds
many turns that others wait for."""


class HeldTooLongError(Exception):
    """The server wants us to wait longer than the caller can: ``seconds`` from now."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"held for {seconds:.0f} s")
        self.seconds = seconds


class Pace(Protocol):
    """Turns that several processes share."""

    async def lease(self, turns: int, interval: float, waited: float) -> tuple[float, int]:
        """Seconds until the first of the leased turns, which are ``interval`` seconds apart, and their number, at most
        ``turns``. None: ask again after so many seconds. ``waited``: seconds since this was first asked for."""
        ...

    async def hold(self, seconds: float) -> None:
        """Nobody leases turns of the next seconds."""
        ...


class Limits:
    """A pace, a number of slots, and a hold that the server may ask for.

    Slots count within one client, that is: one Connection in one process; so does the pace, unless ``pace`` shares it.
    ``now`` and ``sleep`` are the only clock.
    """

    def __init__(
        self,
        *,
        requests_per_second: float | None = None,
        concurrency: int = 16,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], float] = time.time,
        pace: Pace | None = None,
    ) -> None:
        self.slots = asyncio.Semaphore(concurrency)
        self._interval = 1.0 / requests_per_second if requests_per_second else 0.0
        self._next = 0.0
        self._held_until = 0.0
        self._sleep = sleep
        self._now = now
        self._pace = pace if self._interval else None
        self._leasing = asyncio.Lock()
        self._left = 0
        """Turns that were leased and not taken; the next of them is at ``_next``."""
        self._wanted = 1
        self._telling: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Who shares the pace has been told of every hold."""
        await asyncio.gather(*self._telling)

    @property
    def free(self) -> bool:
        """Whether there is nothing to wait for, so that the usual request takes no detour."""
        return not self._interval and self._held_until <= self._now()

    def hold(self, seconds: float) -> None:
        """Nobody begins a request for so long. A longer hold stands. Who shares the pace is told."""
        self._held_until = max(self._held_until, self._now() + seconds)
        if self._pace is not None:
            telling = asyncio.get_running_loop().create_task(self._pace.hold(seconds))
            self._telling.add(telling)
            telling.add_done_callback(self._telling.discard)

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
        began = self._now()
        waited = 0.0
        if self._pace is None:
            mine = max(began, self._next)
            self._next = mine + self._interval
        else:
            mine, waited = await self._leased(self._pace, began)
        left = max(0.0, mine - self._now())
        if left:
            await self._sleep(left)
        return waited + left

    async def _leased(self, pace: Pace, began: float) -> tuple[float, float]:
        """When the next turn is that this process has leased, and the seconds waited until one could be leased."""
        waited = 0.0
        async with self._leasing:
            while not self._has_turn():
                seconds, turns = await pace.lease(self._wanted, self._interval, self._now() - began)
                if turns:
                    self._next, self._left = self._now() + seconds, turns
                else:
                    await self._sleep(seconds)
                    waited += seconds
            mine = self._next
            self._next += self._interval
            self._left -= 1
            if not self._left:  # all of them were needed
                most = max(1, int(SLICE_SECONDS / self._interval))
                self._wanted = min(2 * self._wanted, most)
            return mine, waited

    def _has_turn(self) -> bool:
        """Turns that nobody took in their time are gone: taken later, they would come on top of those of others."""
        passed = int((self._now() - self._next) / self._interval) if self._left else 0
        if passed > 0:
            self._next += passed * self._interval
            self._left = max(0, self._left - passed)
            self._wanted = 1
        return self._left > 0

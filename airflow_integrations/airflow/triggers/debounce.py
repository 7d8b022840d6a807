"""When a route's listener rings: once for all that wait, and not before a burst is over."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from airflow_integrations.config.types import Duration
from airflow_integrations.errors import OutageError

if TYPE_CHECKING:
    from airflow_integrations.ledger.inbox.inbox import Inbox, Waiting

__all__ = ["AGAIN_SECONDS", "Ringer"]

log = logging.getLogger("airflow_integrations")

LOOK_SECONDS = 5.0
"""The inbox is looked at so often also where nothing came: a run that took a part of it leaves the rest."""
AGAIN_SECONDS = 60.0
"""A ring that no run has followed is repeated after so long. While a run is under way Airflow joins the rings."""

_duration: TypeAdapter[timedelta] = TypeAdapter(Duration)


class Ringer:
    """At most one ring while the first event that waits is the same."""

    def __init__(
        self,
        inbox: Inbox,
        route: str,
        debounce: str | None,
        *,
        now: Callable[[], float],
        served: Callable[[float], Collection[str]] = lambda now: (),
    ) -> None:
        """``served`` says which routes have a consumer at a moment, which hears by itself."""
        self._inbox = inbox
        self._served = served
        self._route = route
        self._quiet = 0.0 if debounce is None else _duration.validate_python(debounce).total_seconds()
        self._now = now
        self._came = asyncio.Event()
        self._rung: tuple[int, float] | None = None
        """The first event that waited at the last ring, and when that was."""

    def look(self) -> None:
        """Something came."""
        self._came.set()

    async def wait(self) -> Waiting | None:
        """Return when it is time to look, with what waits where it is time to ring for it, too."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._came.wait(), LOOK_SECONDS)
        self._came.clear()
        try:
            found = await asyncio.to_thread(self._waiting)
        except OutageError as error:
            log.warning("%s: whether something waits is not known: %s", self._route, error)
            return None
        if not found:
            self._rung = None
            return None
        (waiting,) = found
        now = self._now()
        if self._rung is not None and self._rung[0] == waiting.first and now - self._rung[1] < AGAIN_SECONDS:
            return None
        if (pause := waiting.burst_ends(self._quiet) - now) > 0:
            await asyncio.sleep(min(pause, LOOK_SECONDS))
            self._came.set()
            return None
        self._rung = waiting.first, now
        return waiting

    def _waiting(self) -> list[Waiting]:
        now = self._now()
        if self._route in self._served(now):
            return []
        return self._inbox.waiting(now, [self._route], reachable=True)

"""Why requests are refused, for the operator's log: once a minute for each address, however many come."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

__all__ = ["Refusals"]

EVERY = 60.0

log = logging.getLogger("airflow_integrations")


class Refusals:
    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}

    def note(self, address: str, why: str) -> None:
        """``address`` is one that a route declares, or one name for all others: there may not be many."""
        now = self._clock()
        if now - self._last.get(address, float("-inf")) < EVERY:
            self._unsaid[address] = self._unsaid.get(address, 0) + 1
            return
        more = self._unsaid.pop(address, 0)
        self._last[address] = now
        others = f" ({more} others since the last of these)" if more else ""
        log.warning("webhook %s: refused, %s%s", address, why, others)

"""Answers of a lookup that later batches use, within bounds of age, number and size."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, NamedTuple

__all__ = ["Remembered", "RowsByKey"]

CACHED_ANSWERS = 10_000
CACHED_BYTES = 32 * 1024 * 1024
"""Bytes of the answers that stay remembered; decoded they take a few times that."""

RowsByKey = Mapping[tuple[str, ...], Any]
"""An answer's rows by the compared columns; an EntityError stands where several have the same key."""


class _Answer(NamedTuple):
    rows: RowsByKey
    size: int
    asked: float
    """When it was asked for, in Unix seconds: the answer may be as old as this."""


class Remembered:
    """``cache`` is the lookup's option. In a run for events (``for_events``) an answer in which nothing was found is
    never used for a later batch."""

    def __init__(self, cache: Any, now: Callable[[], float], *, for_events: bool) -> None:
        self._seconds = _seconds(cache, for_events=for_events)
        self._now = now
        self._for_events = for_events
        self._answers: OrderedDict[Hashable, _Answer] = OrderedDict()
        self._bytes = 0

    def __contains__(self, asked: Hashable) -> bool:
        return asked in self._answers

    def rows(self, asked: Hashable, wanted: Iterable[tuple[str, ...]]) -> RowsByKey | None:
        """Those of an earlier batch, where they are young enough and hold what is wanted."""
        answer = self._answers.get(asked)
        if answer is None:
            return None
        young = self._seconds is None or 0 <= self._now() - answer.asked < self._seconds
        if not young or (self._for_events and not all(key in answer.rows for key in wanted)):
            self.forget(asked)
            return None
        self._answers.move_to_end(asked)
        return answer.rows

    def add(self, asked: Hashable, rows: RowsByKey, size: int, at: float) -> None:
        """``size``: bytes of question and answer; ``at``: when it was asked for."""
        if self._seconds == 0 or (not rows and self._for_events):
            return
        self.forget(asked)
        self._answers[asked] = _Answer(rows, size, at)
        self._bytes += size
        while len(self._answers) > CACHED_ANSWERS or self._bytes > CACHED_BYTES:
            self.forget(next(iter(self._answers)))

    def forget(self, asked: Hashable) -> None:
        found = self._answers.pop(asked, None)
        if found is not None:
            self._bytes -= found.size


def _seconds(cache: Any, *, for_events: bool) -> float | None:
    """For how long an answer is remembered: 0 never, None as long as the run lasts."""
    if cache is None:
        return 0.0 if for_events else None
    if isinstance(cache, str):
        return None if cache == "run" else 0.0
    return float(cache.total_seconds())

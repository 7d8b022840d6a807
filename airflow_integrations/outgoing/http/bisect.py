"""Finds the bad entities of a batch that the target takes or refuses as a whole."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby
from operator import attrgetter

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.outgoing.error_class import cause_of
from airflow_integrations.outgoing.http.answers.reasons import reason_text

__all__ = ["Attempt", "in_parts"]

Attempt = Callable[[Sequence[Outbound]], Awaitable[list[Result] | None]]
"""Sends some entities in one request: one result each, or None where they were refused as a whole and had no effect.

It never returns None for a single entity, and gets no deletions among others.
"""


async def in_parts(batch: Sequence[Outbound], attempt: Attempt) -> list[Result]:
    """One result for each entity, in order. What is refused is halved, and the halves are sent in order.

    One bad entity among n costs about 2·log2(n) requests; every entity is in one request that is not refused.
    Deletions and others are parted first.
    OutageError and SetupError are raised while nothing is decided; later the entities not yet decided are pending.
    """
    results: list[Result] = []
    waiting = _parted(batch)
    while waiting:
        part = waiting.pop()
        try:
            decided = await attempt(part)
        except (OutageError, SetupError) as error:
            if not results:
                raise
            return results + [_set_aside(error)] * (len(batch) - len(results))
        if decided is None:
            middle = len(part) // 2
            waiting += (part[middle:], part[:middle])
        else:
            results += decided
    return results


def _parted(batch: Sequence[Outbound]) -> list[Sequence[Outbound]]:
    """Stretches of deletions and stretches of others, the last one first."""
    if not any(outbound.deleted for outbound in batch):
        return [batch]
    stretches: list[Sequence[Outbound]] = [list(alike) for _, alike in groupby(batch, key=attrgetter("deleted"))]
    return stretches[::-1]


def _set_aside(error: OutageError | SetupError) -> Result:
    status, wait = (error.status, error.retry_after) if isinstance(error, OutageError) else (None, None)
    return Result("pending", None, reason_text(error), status, cause_of(error), wait, exchange=error.exchange)

"""When an entity that could not be delivered is tried again, and how long a target that is away is left alone."""

from __future__ import annotations

import random

from airflow_integrations.route.delivery import Retry

__all__ = ["CIRCUIT_FIRST", "CIRCUIT_LONGEST", "LONGEST_ASKED", "circuit_pause", "next_attempt", "transient"]

LONGEST_ASKED = 6 * 3600.0
"""A Retry-After is obeyed up to so many seconds: a wrong one must not put an entity off for ever."""
CIRCUIT_FIRST = 30.0
CIRCUIT_LONGEST = 15 * 60.0
_MOST_DOUBLINGS = 30  # beyond any longest pause, and far from what a float holds
_LATER = frozenset({408, 425, 429})


def next_attempt(
    retry: Retry, *, attempts: int, since: float, now: float, retry_after: float | None, rng: random.Random
) -> float | None:
    """When an entity is due again, in Unix seconds; None where it has been tried often or long enough.

    ``attempts`` have been made, the first of them at ``since``. The pause doubles with each, and jitter shortens it by
    up to a half, so that entities that failed together come back apart. ``retry_after`` is what the target asked for,
    in seconds: the pause is at least that. The last attempt may so be up to one pause past ``retry.age``.
    """
    if attempts >= retry.attempts or now - since >= retry.age.total_seconds():
        return None
    pause = _doubled(retry.delay.total_seconds(), attempts - 1, retry.max_delay.total_seconds())
    return now + max(_jittered(pause, rng), min(retry_after or 0.0, LONGEST_ASKED))


def circuit_pause(outages: int, rng: random.Random) -> float:
    """Seconds until a target that was away ``outages`` times in a row (from 1) is tried again: at most 15 minutes."""
    return _jittered(_doubled(CIRCUIT_FIRST, outages - 1, CIRCUIT_LONGEST), rng)


def transient(retry: Retry, http_status: int | None) -> bool:
    """Whether a refusal with this status means *later*: by what HTTP says of it, or by the route's ``retry.on``."""
    return http_status is not None and (http_status >= 500 or http_status in _LATER or http_status in retry.on)


def _doubled(first: float, times: int, longest: float) -> float:
    return min(longest, first * 2.0 ** max(0, min(times, _MOST_DOUBLINGS)))


def _jittered(pause: float, rng: random.Random) -> float:
    return rng.uniform(pause / 2, pause)

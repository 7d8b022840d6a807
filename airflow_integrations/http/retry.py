"""When a request is sent again, and how long to wait before it: the policy, without any network in it."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import Enum

__all__ = ["Verdict", "asked_wait", "back_off", "quota_wait", "verdict"]

FIRST_CEILING = 0.5
LAST_CEILING = 30.0


class Verdict(Enum):
    """What a status means for the request."""

    FINAL = "final"
    """The server has decided; whoever asked judges the answer."""
    AGAIN = "again"
    """It did not take effect, or doing it twice does no harm: send it again."""
    UNKNOWN = "unknown"
    """It may have taken effect, and doing it twice could do harm."""


def verdict(status: int, *, repeatable: bool) -> Verdict:
    """429 and 503 say that nothing was done; 408 and the other 5xx leave it open."""
    if status < 500 and status not in (408, 429):
        return Verdict.FINAL
    if repeatable or status in (429, 503):
        return Verdict.AGAIN
    return Verdict.UNKNOWN


def back_off(retry: int, rng: random.Random) -> float:
    """Seconds before the ``retry``-th retry (from 1): exponential with full jitter, so that crowds disperse."""
    return rng.uniform(0.0, min(LAST_CEILING, FIRST_CEILING * 2.0 ** min(retry - 1, 16)))


def asked_wait(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that the server asks to wait: Retry-After, or else the reset of a used-up quota. None: nothing asked."""
    value = headers.get("Retry-After")
    if value is not None:
        wait = _number(value)
        if wait is None:
            wait = _until_date(value, headers.get("Date"), now)
        if wait is not None:
            return wait
    return quota_wait(headers, now, refused=True)


def quota_wait(headers: Mapping[str, str], now: float, *, refused: bool = False) -> float | None:
    """Seconds until a used-up quota is filled again; None while some of it is left.

    Understands the IETF field ``RateLimit`` (draft-ietf-httpapi-ratelimit-headers: ``"default";r=0;t=30``), its older
    form ``limit=100, remaining=0, reset=30``, and the pairs RateLimit-Remaining / -Reset, X-RateLimit-Remaining /
    -Reset and X-Rate-Limit-Remaining / -Reset. ``refused`` says that the request was refused for its rate, so that a
    reset counts even if what remains is not told. A reset far beyond a year of seconds is a moment, as GitHub sends.
    """
    waits = [
        reset
        for remaining, reset in _quotas(headers)
        if reset is not None and (remaining == 0 or (refused and remaining is None))
    ]
    if not waits:
        return None
    return max(_from_moment(wait, now) for wait in waits)


_PARAMETER = re.compile(r"""\b(r|t|remaining|reset)\s*=\s*"?(\d{1,15}(?:\.\d+)?)""")
_PAIRS = tuple((f"{name}-Remaining", f"{name}-Reset") for name in ("RateLimit", "X-RateLimit", "X-Rate-Limit"))


def _quotas(headers: Mapping[str, str]) -> list[tuple[float | None, float | None]]:
    found: list[tuple[float | None, float | None]] = []
    combined = headers.get("RateLimit")
    if combined is not None:
        # structured field: policies are separated by commas; the older form has its parameters so separated
        for item in combined.split(",") if ";" in combined else [combined]:
            given = {name: float(value) for name, value in _PARAMETER.findall(item)}
            found.append((given.get("r", given.get("remaining")), given.get("t", given.get("reset"))))
    for remaining_name, reset_name in _PAIRS:
        reset = headers.get(reset_name)
        if reset is not None:
            remaining = headers.get(remaining_name)
            found.append((_number(remaining) if remaining is not None else None, _number(reset)))
    return found


def _number(text: str) -> float | None:
    text = text.strip()
    return float(text) if re.fullmatch(r"\d{1,15}(\.\d{1,9})?", text, re.ASCII) else None


def _until_date(text: str, date: str | None, now: float) -> float | None:
    """Seconds until an HTTP date; counted from the server's own Date, whose clock it was written by."""
    moment = _date(text)
    if moment is None:
        return None
    server_now = _date(date) if date else None
    return max(0.0, moment - (now if server_now is None else server_now))


def _date(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _from_moment(value: float, now: float) -> float:
    if value > 1e12:
        value /= 1000.0
    return max(0.0, value - now) if value > 1e8 else value

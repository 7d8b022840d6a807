"""When a request is sent again, and how long to wait before it: the policy, without any network in it."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum

from airflow_integrations.http.errors import reason_phrase
from airflow_integrations.http.message import Answer

__all__ = ["LONGEST", "Verdict", "asked_wait", "back_off", "not_understood", "quota_wait", "trouble_of", "verdict"]

FIRST_CEILING = 0.5
LAST_CEILING = 30.0
LONGEST = 86_400.0
"""Seconds. A server that asks for more is asked again after a day: nothing waits for years because of one header."""


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
    """Seconds that the server asks to wait: Retry-After, or else the reset of a used-up quota. None: nothing asked.

    RFC 9110 knows whole seconds and an HTTP date. Servers also send fractions, moments as Unix seconds or milliseconds
    or RFC 3339, and durations such as ``PT1S``, ``500ms`` or ``6m0s``. Never more than :data:`LONGEST`.
    """
    value = headers.get("Retry-After")
    if value is not None:
        wait = _seconds(value, _servers_now(headers, now))
        if wait is not None:
            return wait
    return quota_wait(headers, now, refused=True)


def not_understood(headers: Mapping[str, str]) -> str:
    """Says what a Retry-After is that nobody can read; empty where there is none, or where it can be read."""
    value = headers.get("Retry-After")
    if value is None or _seconds(value, 0.0) is not None:
        return ""
    return f"its Retry-After {value[:60]!a} is not understood"


def quota_wait(headers: Mapping[str, str], now: float, *, refused: bool = False) -> float | None:
    """Seconds until a used-up quota is filled again; None while some of it is left.

    Understands the IETF field ``RateLimit`` (draft-ietf-httpapi-ratelimit-headers: ``"default";r=0;t=30``), its older
    form ``limit=100, remaining=0, reset=30``, and the pairs RateLimit-Remaining / -Reset, X-RateLimit-Remaining /
    -Reset and X-Rate-Limit-Remaining / -Reset, written as for :func:`asked_wait`. ``refused`` says that the request was
    refused for its rate, so that a reset counts even if what remains is not told. A reset far beyond a year of seconds
    is a moment, as GitHub sends. Never more than :data:`LONGEST`.
    """
    if not any(map(headers.__contains__, _QUOTA_HEADERS)):  # most answers: the Date is not read for nothing
        return None
    waits = [
        reset
        for remaining, reset in _quotas(headers, _servers_now(headers, now))
        if reset is not None and (remaining == 0 or (refused and remaining is None))
    ]
    return max(waits, default=None)


_PARAMETER = re.compile(r"""\b(r|t|remaining|reset)\s*=\s*"?(\d{1,15}(?:\.\d+)?)""")
_PAIRS = tuple((f"{name}-Remaining", f"{name}-Reset") for name in ("RateLimit", "X-RateLimit", "X-Rate-Limit"))
_QUOTA_HEADERS = ("RateLimit", *(reset for _, reset in _PAIRS))


def _quotas(headers: Mapping[str, str], now: float) -> list[tuple[float | None, float | None]]:
    found: list[tuple[float | None, float | None]] = []
    combined = headers.get("RateLimit")
    if combined is not None:
        # structured field: policies are separated by commas; the older form has its parameters so separated
        for item in combined.split(",") if ";" in combined else [combined]:
            given = {name: float(value) for name, value in _PARAMETER.findall(item)}
            reset = given.get("t", given.get("reset"))
            found.append((given.get("r", given.get("remaining")), None if reset is None else _from_moment(reset, now)))
    for remaining_name, reset_name in _PAIRS:
        written = headers.get(reset_name)
        if written is not None:
            remaining = headers.get(remaining_name)
            found.append((_number(remaining) if remaining is not None else None, _seconds(written, now)))
    return found


def _servers_now(headers: Mapping[str, str], now: float) -> float:
    """The server's own Date, whose clock its moments are written by; else our clock."""
    date = _date(headers.get("Date", ""))
    return now if date is None else date


def _seconds(text: str, now: float) -> float | None:
    """Seconds to wait from ``now`` on, from a number, a duration or a moment; None for anything else."""
    text = text.strip()
    if len(text) > 64:
        return None
    number = _number(text)
    if number is not None:
        return _from_moment(number, now)
    lasting = _duration(text)
    if lasting is not None:
        return min(lasting, LONGEST)
    moment = _date(text)
    return None if moment is None else _until(moment, now)


def _number(text: str) -> float | None:
    text = text.strip()
    return float(text) if re.fullmatch(r"\d{1,19}(\.\d{1,9})?", text, re.ASCII) else None


_PART = r"(\d{1,15}(?:\.\d{1,9})?)"
_ISO = re.compile(rf"P(?:{_PART}D)?(?:T(?:{_PART}H)?(?:{_PART}M)?(?:{_PART}S)?)?", re.ASCII | re.IGNORECASE)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_WITH_UNIT = re.compile(
    rf"{_PART}\s*(ms|millis(?:econds?)?|s(?:ec(?:ond)?s?)?|m(?:in(?:ute)?s?)?|h(?:(?:ou)?rs?)?|d(?:ays?)?)(?![a-z])[\s,]*",
    re.ASCII | re.IGNORECASE,
)


def _duration(text: str) -> float | None:
    """``PT1M30S`` (ISO 8601), ``500ms``, ``6m0s``, ``30 seconds``."""
    iso = _ISO.fullmatch(text)
    if iso is not None:
        days, hours, minutes, seconds = (float(part) if part else 0.0 for part in iso.groups())
        return ((days * 24 + hours) * 60 + minutes) * 60 + seconds if any(iso.groups()) else None
    total, place = 0.0, 0
    while place < len(text):
        part = _WITH_UNIT.match(text, place)
        if part is None:
            return None
        unit = part.group(2).lower()
        total += float(part.group(1)) * (_UNITS["ms"] if unit.startswith(("ms", "milli")) else _UNITS[unit[0]])
        place = part.end()
    return total if place else None


def _date(text: str) -> float | None:
    """Unix seconds of an HTTP date or of RFC 3339."""
    try:
        if re.match(r"\d{4}-\d\d-\d\d[Tt ]", text, re.ASCII):
            moment = datetime.fromisoformat(text)
        else:
            moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _from_moment(value: float, now: float) -> float:
    """Seconds to wait: a number that is a moment in Unix seconds, or in thousandths and finer, is told by its size."""
    if value <= 1e8:
        return min(value, LONGEST)
    while value > 1e11:
        value /= 1000.0
    return _until(value, now)


def _until(moment: float, now: float) -> float:
    return min(max(0.0, moment - now), LONGEST)


def trouble_of(answer: Answer) -> str:
    """Why an answer is not the last word: its status, a wait that cannot be read, and what it says."""
    phrase = reason_phrase(answer.status)
    if strange := not_understood(answer.headers):
        phrase = f"{phrase} ({answer.redact(strange)})"
    return f"{phrase}: {answer.said()}" if answer.content else phrase

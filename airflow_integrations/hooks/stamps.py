"""When a request says that it was sent."""

from __future__ import annotations

from datetime import datetime

__all__ = ["is_recent"]

_MILLISECONDS = 10**11
"""A number above this counts milliseconds: as seconds it would be after the year 5000."""


def is_recent(stamp: str, tolerance: float, now: float) -> bool:
    """Whether ``stamp`` (seconds or milliseconds since 1970, or RFC 3339 with an offset) is at most ``tolerance``
    seconds from ``now``."""
    moment = _moment(stamp)
    return moment is not None and abs(now - moment) <= tolerance


def _moment(stamp: str) -> float | None:
    if stamp.isascii() and stamp.isdigit() and len(stamp) <= 16:
        number = int(stamp)
        return number / 1000 if number > _MILLISECONDS else float(number)
    try:
        moment = datetime.fromisoformat(stamp)
        return moment.timestamp() if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None

"""Times that people write in a route: cron expressions and time zones."""

from __future__ import annotations

from difflib import get_close_matches
from zoneinfo import ZoneInfo, available_timezones

__all__ = ["check_cron", "check_timezone"]

_PRESETS = frozenset({"@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly"})


def check_cron(cron: str) -> str:
    """The expression as it is. Raises ValueError where Airflow could not read it."""
    from croniter import croniter

    if cron not in _PRESETS and (len(cron.split()) != 5 or not croniter.is_valid(cron)):
        example = f"write five fields like '*/5 * * * *', or one of {', '.join(sorted(_PRESETS))}"
        raise ValueError(f"{cron!r} is no cron expression; {example}")
    return cron


def check_timezone(name: str) -> str:
    """The name as it is. Raises ValueError for one that is no IANA time zone."""
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):  # OSError: the name of a folder of zones
        close = get_close_matches(name, available_timezones(), n=1)
        guess = f"did you mean {close[0]!r}?" if close else "write one such as 'Europe/Madrid' or 'UTC'"
        raise ValueError(f"unknown time zone {name!r}, {guess}") from None
    return name

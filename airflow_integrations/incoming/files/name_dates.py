"""Dates in the names of files."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from airflow_integrations.window import on_clocks

__all__ = ["NamePattern", "check_pattern"]

_PARTS = {
    "Y": r"(?P<Y>\d{4})",
    "y": r"(?P<y>\d{2})",
    "m": r"(?P<m>\d{2})",
    "d": r"(?P<d>\d{2})",
    "H": r"(?P<H>\d{2})",
    "M": r"(?P<M>\d{2})",
    "S": r"(?P<S>\d{2})",
    "j": r"(?P<j>\d{3})",
}


def check_pattern(pattern: str) -> str:
    """A pattern that an option names. Raises ValueError for one without a date."""
    letters = set(re.findall("%(.)", pattern))
    if unknown := sorted(letters - set(_PARTS)):
        raise ValueError(f"%{unknown[0]} is not known; one of {', '.join(f'%{letter}' for letter in _PARTS)}")
    if not letters & {"Y", "y"} or not ("j" in letters or {"m", "d"} <= letters or letters & {"m"}):
        raise ValueError("it needs a year and a month at least, such as %Y-%m-%d")
    if len(re.findall("%.", pattern)) != len(letters):
        raise ValueError("each part of the date stands in it once")
    return pattern


class NamePattern:
    """Finds the date in a name."""

    def __init__(self, pattern: str, time_zone: str) -> None:
        parts = re.split(r"(%.)", pattern)
        self._pattern = re.compile("".join(_PARTS[p[1]] if p[:1] == "%" else re.escape(p) for p in parts if p))
        self._zone = ZoneInfo(time_zone)

    def moment(self, name: str) -> float | None:
        """Seconds since 1970; None where the name has no such date."""
        found = self._pattern.search(name)
        if found is None:
            return None
        part = {letter: int(digits) for letter, digits in found.groupdict().items()}
        year = part.get("Y", 2000 + part.get("y", 0))
        try:
            day = datetime(year, part.get("m", 1), part.get("d", 1))  # noqa: DTZ001 - on the clocks of the zone
            if "j" in part:
                day = datetime(year, 1, 1) + timedelta(days=part["j"] - 1)  # noqa: DTZ001
            day = day.replace(hour=part.get("H", 0), minute=part.get("M", 0), second=part.get("S", 0))
        except ValueError:
            return None
        return on_clocks(day, self._zone).astimezone(UTC).timestamp()

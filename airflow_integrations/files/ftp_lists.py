"""What FTP servers say of files: MLSD's and MLST's facts (RFC 3659), and the lines of LIST, which follow no rule."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_integrations.errors import OutageError

__all__ = ["facts", "list_lines"]

log = logging.getLogger("airflow_integrations")

_UNIX = re.compile(
    r"(?P<mode>[-dlbcps])[-rwxsStTlL]{9}[.+@]?\s+\d+\s+(?:\S+\s+){1,2}?(?P<size>\d+)\s+"
    r"(?P<month>[A-Za-z]{3})\s+(?P<day>\d{1,2})\s+(?P<when>\d{4}|\d{1,2}:\d{2}) (?P<name>.*)"
)
_DOS = re.compile(
    r"(?P<month>\d{2})-(?P<day>\d{2})-(?P<year>\d{2}|\d{4})\s+\d{2}:\d{2}(?:[AP]M)?\s+"
    r"(?:(?P<dir><DIR>)\s+|(?P<size>\d+) )(?P<name>.*)"
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_KINDS = {"file": "file", "dir": "directory", "-": "file", "d": "directory", "l": "link"}


def facts(line: bytes) -> tuple[bytes, dict[str, Any]]:
    """A name, or a path, and what is known of it: ``type``, ``size``, and ``modify`` in UTC where the server tells it.

    The type of the folder itself and of the one above it is empty.
    """
    told, _, name = line.partition(b" ")
    facts_told = told.decode("ascii", "replace").split(";")
    found = {key.lower(): value for key, _, value in (fact.partition("=") for fact in facts_told if fact)}
    kind = found.get("type", "file").lower()
    info: dict[str, Any] = {"type": "" if kind in ("cdir", "pdir") else _KINDS.get(kind, _special(kind))}
    if info["type"] != "directory" and found.get("size", "").isdigit():
        info["size"] = int(found["size"])
    if "modify" in found:
        info["modify"] = found["modify"]
    return name, info


def _special(kind: str) -> str:
    return "link" if "symlink" in kind or "slink" in kind else "other"


def list_lines(lines: Sequence[bytes], now: datetime) -> list[tuple[bytes, dict[str, Any]]]:
    """Names, each with ``type``, ``size`` and ``day``: all that a line tells reliably.

    Raises OutageError where no line is understood: a list of an unknown form is not an empty one.
    """
    lines = [line for line in lines if line.strip() and not line.lower().startswith(b"total ")]
    found = [each for line in lines if (each := _of_line(line, now)) is not None]
    if lines and not found:
        raise OutageError(f"the server's list of files has a form that is not understood: {lines[0][:200]!r}")
    if len(found) < len(lines):
        odd = next(line for line in lines if _of_line(line, now) is None)
        log.warning("the server's list of files has lines that are not understood, such as %r", odd[:200])
    return found


def _of_line(told: bytes, now: datetime) -> tuple[bytes, dict[str, Any]] | None:
    line = told.decode("latin-1")  # each byte is a letter, and comes back as it was
    if match := _UNIX.fullmatch(line):
        kind = _KINDS.get(match["mode"], "other")
        name = match["name"].partition(" -> ")[0] if kind == "link" else match["name"]
        return name.encode("latin-1"), {"type": kind, "size": int(match["size"]), "day": _day(match, now)}
    if match := _DOS.fullmatch(line):
        year = match["year"] if len(match["year"]) == 4 else f"20{match['year']}"
        kind = "directory" if match["dir"] else "file"
        day = f"{year}-{match['month']}-{match['day']}"
        return match["name"].encode("latin-1"), {"type": kind, "size": int(match["size"] or 0), "day": day}
    return None


def _day(match: re.Match[str], now: datetime) -> str:
    """Lines have the year of old files only: the others are of the last twelve months."""
    month, day = match["month"].lower(), int(match["day"])
    number = _MONTHS.index(month) + 1 if month in _MONTHS else 0
    if ":" not in match["when"]:
        return f"{match['when']}-{number:02d}-{day:02d}"
    tomorrow = (now + timedelta(days=1)).astimezone(UTC)
    year = tomorrow.year if (number, day) <= (tomorrow.month, tomorrow.day) else tomorrow.year - 1
    return f"{year}-{number:02d}-{day:02d}"

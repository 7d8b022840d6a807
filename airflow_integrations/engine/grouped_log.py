"""The same error is logged once, with how often it came and a few keys it came for."""

from __future__ import annotations

import logging
import re

__all__ = ["GroupedProblems"]

MAX_GROUPS = 50
"""Different errors that are told apart in one stage; hostile payloads must not make the log endless."""
EXAMPLES = 3

_VARYING = re.compile(r"'[^']*'|\"[^\"]*\"|\d+")


class GroupedProblems:
    """Counts problems by their reason, digits and quoted texts aside."""

    def __init__(self) -> None:
        self._groups: dict[str, tuple[str, int, list[str]]] = {}
        self.total = 0

    def add(self, key: str, reason: str) -> None:
        self.total += 1
        group = _VARYING.sub("*", reason)
        if group not in self._groups and len(self._groups) >= MAX_GROUPS:
            group = ""
        text, count, keys = self._groups.get(group, ("various other reasons" if not group else reason, 0, []))
        if len(keys) < EXAMPLES and key not in keys:
            keys.append(key)
        self._groups[group] = (text, count + 1, keys)

    def lines(self) -> list[str]:
        """``12 × reason (such as KEY, KEY, …)``, the most frequent first."""
        ordered = sorted(self._groups.values(), key=lambda group: -group[1])
        return [
            f"{count} × {text} ({'such as ' if count > len(keys) else ''}{', '.join(keys)})"
            for text, count, keys in ordered
        ]

    def log(self, log: logging.Logger, what: str) -> None:
        for line in self.lines():
            log.warning("%s: %s", what, line)

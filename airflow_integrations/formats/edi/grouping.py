"""Segments in order to levels: a message, its groups, and the groups in those."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_integrations.formats.edi.options import EdiGroup

__all__ = ["Grouping"]

Level = dict[str, Any]


class Grouping:
    """Of one route's options. Each level is ``{"segments": […], <name of a group>: [levels]}``."""

    def __init__(self, groups: Sequence[EdiGroup]) -> None:
        self._inside: dict[str | None, dict[str, EdiGroup]] = {}
        for group in groups:
            self._inside.setdefault(group.inside, {})[group.start] = group
        self._names = {
            outer: tuple(dict.fromkeys(group.name for group in inner.values())) for outer, inner in self._inside.items()
        }
        self._until = {group.name: frozenset(group.until) for group in groups}

    def level(self, name: str | None) -> Level:
        """An empty one."""
        return {"segments": [], **{inner: [] for inner in self._names.get(name, ())}}

    def grouped(self, segments: Sequence[dict[str, str]]) -> Level:
        """The message."""
        root = self.level(None)
        if not self._inside:
            root["segments"] = list(segments)
            return root
        stack: list[tuple[str | None, Level]] = [(None, root)]
        for segment in segments:
            tag = segment["tag"]
            while stack[-1][0] is not None and tag in self._until[stack[-1][0]]:
                stack.pop()
            for depth in range(len(stack) - 1, -1, -1):
                outer, level = stack[depth]
                group = self._inside.get(outer, {}).get(tag)
                if group is not None:
                    del stack[depth + 1 :]
                    inner = self.level(group.name)
                    level[group.name].append(inner)
                    stack.append((group.name, inner))
                    break
            stack[-1][1]["segments"].append(segment)
        return root

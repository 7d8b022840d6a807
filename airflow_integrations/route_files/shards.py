"""Divide the files of a routes folder among several loader files, by a hash of each route's name.

The name is read from the text, without parsing it: a loader file looks at every file of the folder and parses its own
share alone. Two files that give one name are in one share, so that one of them is told as ever.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from airflow_integrations.route_files.discovery import stem
from airflow_integrations.route_files.parser import MAX_BYTES

__all__ = ["MOST_SHARDS", "Shard", "written_name", "written_names"]

MOST_SHARDS = 64

_LINE = re.compile(r"""^(?:route|'route'|"route")[ \t]*:[ \t]+(["']?)([\w.\-]+)\1[ \t]*(?:\#.*)?\r?$""", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several shares. ``number`` counts from 1 to ``of``. Raises ValueError for others."""

    number: int
    of: int

    def __post_init__(self) -> None:
        if type(self.number) is not int or type(self.of) is not int or not 1 <= self.number <= self.of <= MOST_SHARDS:
            raise ValueError(
                f"a shard is two whole numbers such as (1, 8), the first of 8, and there are at most {MOST_SHARDS}; "
                f"not ({self.number!r}, {self.of!r})"
            )

    def holds(self, name: str) -> bool:
        """Whether the route of this name is in this share: it is in exactly one of the ``of`` shares."""
        digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return int.from_bytes(digest) % self.of == self.number - 1


def written_names(paths: Iterable[Path]) -> dict[Path, str]:
    """What the files' routes are called, as far as that can be seen without parsing them."""
    return {path: written_name(path) for path in paths}


def written_name(path: Path) -> str:
    """The name in a line ``route: NAME`` of its own; in JSON the value of ``route``. Without such a line, with several,
    or where the file cannot be read: the name of the file."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES).decode("utf-8-sig", "replace")
    except OSError:
        return stem(path.name)
    if text.lstrip().startswith("{"):
        return _in_json(text) or stem(path.name)
    found = _LINE.findall(text)
    return found[0][1] if len(found) == 1 else stem(path.name)


def _in_json(text: str) -> str | None:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    name = document.get("route") if isinstance(document, dict) else None
    return name if isinstance(name, str) else None

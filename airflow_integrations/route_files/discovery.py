"""Find the route files of a folder, and name routes that do not name themselves."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["DEFAULTS", "is_route", "route_paths", "stem"]

DEFAULTS = "_defaults.yaml"
"""The file that gives defaults to the routes of its folder and of those below."""

_TESTS = (".test.yaml", ".test.yml")
_ENDINGS = (".route.json", ".route.yaml", ".route.yml", ".yaml", ".yml")


def is_route(name: str) -> bool:
    """Whether a file of this name is a route: YAML, or JSON as ``*.route.json``; no route test, no shared file."""
    return name.endswith(_ENDINGS) and not name.startswith(("_", ".")) and not name.endswith(_TESTS)


def stem(name: str) -> str:
    """The name without what makes it a route file: ``orders`` for ``orders.yaml`` and ``orders.route.json``."""
    return next((name.removesuffix(ending) for ending in _ENDINGS if name.endswith(ending)), name)


def route_paths(root: Path) -> Iterator[Path]:
    """Every route file below ``root``, in a fixed order, those higher up first.

    Folders that begin with ``_`` or ``.`` are not entered, nor are links to folders.
    """
    below = []
    with os.scandir(root) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.is_dir(follow_symlinks=False):
                if not entry.name.startswith(("_", ".")):
                    below.append(Path(entry.path))
            elif is_route(entry.name):
                yield Path(entry.path)
    for folder in below:
        yield from route_paths(folder)

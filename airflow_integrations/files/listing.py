"""The files that a pattern names. A folder that cannot be listed is an error: with fsspec's own ``glob`` a place
that is away has no files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

__all__ = ["first_wildcard", "listed"]


def first_wildcard(pattern: str) -> int:
    """Where the first wildcard stands; the length of a pattern without one."""
    places = [pattern.find(wildcard) for wildcard in "*?["]
    return min((place for place in places if place >= 0), default=len(pattern))


def listed(fs: Any, pattern: str, *, flat: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Paths, each with what ``fs`` tells of it, folders left out; nothing where the first folder is not there.

    ``flat``: folders are only parts of names, as in object storage. Raises what ``fs`` raises.
    """
    from fsspec.utils import glob_translate

    root = pattern[: first_wildcard(pattern)].rpartition("/")[0]
    if first_wildcard(pattern) == len(pattern):
        alone = None
        with suppress(FileNotFoundError):
            alone = fs.info(pattern)
        if alone is not None:
            yield pattern, alone
        return
    fits = re.compile(glob_translate(pattern)).match
    below = pattern[len(root) :].lstrip("/")
    depth = None if "**" in below else below.count("/") + 1
    found: Iterator[tuple[str, dict[str, Any]]]
    if flat and depth is None:
        found = ((str(path), info) for path, info in fs.find(root, detail=True).items())
    else:
        found = _walked(fs, root or "/", depth)
    for path, info in found:
        if info.get("type") != "directory" and fits(path):
            yield path, info


def _walked(fs: Any, folder: str, depth: int | None) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        infos = fs.ls(folder, detail=True)
    except FileNotFoundError:
        if fs.isdir(folder):  # some servers say so of a folder that must not be read
            raise PermissionError(f"the folder {folder} is there, and cannot be listed") from None
        return
    for info in infos:
        path = str(info["name"])
        if info.get("type") != "directory":
            yield path, info
        elif path.rstrip("/") != folder.rstrip("/") and (depth is None or depth > 1):
            yield from _walked(fs, path, depth and depth - 1)

"""Record which of the fields that a route reads were there at least once in a run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

__all__ = ["FieldWatch"]


class FieldWatch:
    """Watches field paths, such as ``("order", "lines", "*", "sku")``, over the entities of a run.

    Only paths that begin with one of ``names`` and have a field behind it are watched. A field counts as present
    when its key is there, even with null. Once every path was seen, ``watching`` is false and :meth:`see` idle.
    """

    __slots__ = ("_left", "_seen_any", "watching")

    def __init__(self, paths: Iterable[tuple[str, ...]], names: Collection[str]) -> None:
        self._left = sorted({path for path in paths if len(path) > 1 and path[0] in names})
        self._seen_any = False
        self.watching = bool(self._left)

    def see(self, names: Mapping[str, Any]) -> None:
        """Look at one entity: what its expressions see, by name."""
        self._seen_any = True
        if self._left:
            self._left = [path for path in self._left if not _present(names, path, 0)]
            self.watching = bool(self._left)

    def unseen(self) -> tuple[tuple[str, ...], ...]:
        """The watched paths that no entity had; none where nothing was looked at."""
        return tuple(self._left) if self._seen_any else ()


def _present(value: Any, path: tuple[str, ...], at: int) -> bool:
    for index in range(at, len(path)):
        step = path[index]
        if step == "*" and isinstance(value, (list, tuple)):
            return any(_present(element, path, index + 1) for element in value)
        if not isinstance(value, Mapping) or step not in value:
            return False
        value = value[step]
    return True

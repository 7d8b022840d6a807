"""A file's content while it is read: one that ends too early is not taken for a whole one."""

from __future__ import annotations

from typing import Any

from airflow_integrations.errors import OutageError
from airflow_integrations.files.errors import understood

__all__ = ["Counted"]


class Counted:
    """Reads from ``content`` of ``path``, of which ``size`` bytes are expected; None: nobody knows how many."""

    def __init__(self, content: Any, path: str, size: int | None) -> None:
        self._content, self._path, self._left = content, path, size

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes; none only at the end. Raises OutageError where that comes too early.

        Also for the EOFError of a connection, which of a packed file would say that it was packed wrongly.
        """
        with understood(self._path):
            some: bytes = self._content.read(size)
        if self._left is not None:
            self._left -= len(some)
            if self._left > 0 and (not some or size < 0):
                raise OutageError(f"{self._path} ended {self._left:,} bytes too early; it is read again")
        return some

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        """Whoever opened the content closes it."""

    @property
    def closed(self) -> bool:
        return False

    def __enter__(self) -> Counted:
        return self

    def __exit__(self, *_: object) -> None:
        return None

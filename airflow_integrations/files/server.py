"""What the file systems of servers have in common: the part of fsspec's interface that this package uses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

__all__ = ["ServerFiles", "Whole"]


class ServerFiles(ABC):
    """Every method blocks, and raises OSError, EOFError and the errors of the client's library. Paths are absolute."""

    ignores_case = False
    """Whether names that differ by case alone are one file."""

    @staticmethod
    def _strip_protocol(path: str) -> str:
        if "://" in path:
            path = "/" + path.partition("://")[2].partition("/")[2]
        return path.rstrip("/") or "/"

    @staticmethod
    def _parent(path: str) -> str:
        return path.rstrip("/").rpartition("/")[0] or "/"

    def invalidate_cache(self) -> None:
        """Nothing is kept."""
        return

    @abstractmethod
    def isdir(self, path: str) -> bool:
        """Also of a link to a folder."""

    @abstractmethod
    def _mkdir(self, path: str) -> None: ...

    @abstractmethod
    def open(self, path: str, mode: str = "rb") -> Any:
        """For reading, or for writing: then leaving it raises what the server says of the end of the content."""

    def makedirs(self, path: str, exist_ok: bool = True) -> None:
        """With all folders above it; nothing where it is there."""
        if self.isdir(path):
            return
        if self._parent(path) != path:
            self.makedirs(self._parent(path))
        try:
            self._mkdir(path)
        except Exception:
            if not self.isdir(path):  # else somebody else was as fast
                raise

    def cat_file(self, path: str) -> bytes:
        """All of it. Raises FileNotFoundError."""
        with self.open(path) as file:
            return bytes(file.read())


class Whole:
    """Writes all that it is given by ``send``."""

    def __init__(self, send: Callable[[bytes], Any]) -> None:
        self._send = send

    def write(self, content: bytes) -> int:
        self._send(content)
        return len(content)

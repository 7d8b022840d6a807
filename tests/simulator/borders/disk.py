"""The disk that runs are staged on, in memory. A write is a point of its process, and may be cut short by a death."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from functools import lru_cache
from io import BytesIO
from pathlib import PosixPath
from types import SimpleNamespace
from typing import Any, ClassVar

from simulator.borders.process import PROCESS, reach

__all__ = ["BUCKET", "BucketPath", "Disk", "DiskPath", "remove_folder"]

BUCKET = "bucket://staging"


class Disk:
    """Folders of files. ``full`` lets nothing be written."""

    def __init__(self) -> None:
        self.folders: dict[str, dict[str, bytes]] = {}
        self.full = False

    def write(self, folder: str, name: str, content: bytes, *, grows: bool = False) -> int:
        process = reach("disk")
        files = self.folders.get(folder)
        if files is None:
            raise FileNotFoundError(errno.ENOENT, "there is no such folder", f"{folder}/{name}")
        if self.full:
            raise OSError(errno.ENOSPC, "no space left on device", f"{folder}/{name}")
        before = files.get(name, b"") if grows else b""
        if process is not None and grows and process.torn and process.dies_at == process.points + 1:
            files[name] = before + content[: len(content) // 2]
        else:
            files[name] = before + content
        reach("disk")
        return len(content)


class _Appending:
    """A file that is open at its end."""

    def __init__(self, path: Any) -> None:
        self.name = str(path)
        self._folder, self._file = str(path.parent), path.name
        path.disk.folders[self._folder].setdefault(self._file, b"")
        self._disk = path.disk
        self._process = PROCESS.get()
        if self._process is not None:
            self._process.opened += 1

    def tell(self) -> int:
        return len(self._disk.folders[self._folder][self._file])

    def write(self, content: bytes) -> int:
        return self._disk.write(self._folder, self._file, content, grows=True)

    def close(self) -> None:
        if self._process is not None:
            self._process.opened -= 1


class _Files:
    """What staging asks of a path."""

    disk: ClassVar[Disk]
    parent: Any
    name: Any

    def _there(self) -> dict[str, bytes]:
        return self.disk.folders.get(str(self.parent), {})

    def read_bytes(self) -> bytes:
        found = self._there().get(self.name)
        if found is None:
            raise FileNotFoundError(errno.ENOENT, "there is no such file", str(self))
        return found

    def write_bytes(self, content: Any) -> int:
        return self.disk.write(str(self.parent), self.name, bytes(content))

    def open(self, mode: str = "r", **named: Any) -> Any:
        return _Appending(self) if mode == "ab" else BytesIO(self.read_bytes())

    def exists(self, **named: Any) -> bool:
        return str(self) in self.disk.folders or self.name in self._there() or str(self) == "/"

    def mkdir(self, **named: Any) -> None:
        reach("disk")
        self.disk.folders.setdefault(str(self), {})

    def iterdir(self) -> Iterator[Any]:
        return iter([self / name for name in self.disk.folders.get(str(self), {})])  # type: ignore[operator]

    def unlink(self, missing_ok: bool = False) -> None:
        reach("disk")
        if self._there().pop(self.name, None) is None and not missing_ok:
            raise FileNotFoundError(errno.ENOENT, "there is no such file", str(self))

    def stat(self, **named: Any) -> Any:
        return SimpleNamespace(st_size=len(self.read_bytes()))

    def rmdir(self) -> None:
        reach("disk")
        self.disk.folders.pop(str(self), None)


class DiskPath(_Files, PosixPath):  # type: ignore[misc]  # a part of what a path can do
    """A folder of a disk that can append, and rename. What a path is made of is worked out once for all worlds."""

    _text: str
    _above: DiskPath
    _own: str

    def __truediv__(self, name: Any) -> DiskPath:
        return _below(str(self), str(name))

    def __str__(self) -> str:
        try:
            return self._text
        except AttributeError:
            self._text = super().__str__()
            return self._text

    @property
    def parent(self) -> Any:
        try:
            return self._above
        except AttributeError:
            self._above = super().parent
            return self._above

    @property
    def name(self) -> Any:
        try:
            return self._own
        except AttributeError:
            self._own = super().name
            return self._own

    def with_name(self, name: str) -> DiskPath:
        return self.parent / name

    def replace(self, target: Any) -> Any:
        reach("disk")
        self.disk.folders[str(target.parent)][target.name] = self._there().pop(self.name)
        return target


def remove_folder(folder: DiskPath, ignore_errors: bool) -> None:
    """Its files, one after the other, and then itself: who dies meanwhile leaves the rest."""
    for path in folder.iterdir():
        path.unlink(missing_ok=True)
    folder.rmdir()


@lru_cache(maxsize=50_000)
def _below(folder: str, name: str) -> DiskPath:
    return DiskPath(f"{folder}/{name}")


class BucketPath(_Files):
    """The same in an object store: objects are written as a whole, and there are no folders to make."""

    def __init__(self, text: str = BUCKET) -> None:
        self._text = text
        self.path = text
        self.name = text.rpartition("/")[2]

    @property
    def parent(self) -> Any:
        return BucketPath(self._text.rpartition("/")[0])

    @property
    def fs(self) -> Any:
        return SimpleNamespace(rm=lambda path, recursive: self.disk.folders.pop(path, None))

    def __truediv__(self, name: str) -> BucketPath:
        return BucketPath(f"{self._text}/{name}")

    def __str__(self) -> str:
        return self._text

    def write_bytes(self, content: Any) -> int:
        self.disk.folders.setdefault(str(self.parent), {})
        return super().write_bytes(content)

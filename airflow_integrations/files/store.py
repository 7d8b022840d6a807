"""Files where fsspec finds them: a folder, a bucket, a server."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.files.place import Place, is_object_store, located, storage_options

__all__ = ["FileStore", "Found", "seconds_of", "understood"]

_TIMES = ("mtime", "LastModified", "last_modified", "updated", "modified", "modify", "created")
_STAMPS = ("ETag", "etag", *_TIMES)
"""What file systems tell of a file that changes with its content, the best first."""
_CLIENTS = frozenset(
    {"aiobotocore", "aiohttp", "azure", "botocore", "ftplib", "gcsfs", "google", "paramiko", "smbprotocol"}
)
"""Libraries below file systems of fsspec, some of whose errors come through as they are."""


@dataclass(frozen=True, slots=True)
class Found:
    path: str
    mark: str
    """Its name, size and time: another one as soon as it changes."""
    order: tuple[float, str]
    """Older ones first."""
    size: int | None = None
    modified: float | None = None
    """Seconds since 1970; None where the file system tells no time."""


class FileStore:
    """The files that ``pattern`` names. Every method blocks, and raises OutageError where the place is away."""

    def __init__(self, pattern: str, place: Place | None = None) -> None:
        """Raises SetupError for a protocol that fsspec does not know, or whose package is not installed, and for a
        Connection that does not fit."""
        from fsspec.core import url_to_fs

        pattern = located(pattern, place)
        self.whole = is_object_store(urlsplit(pattern).scheme if "://" in pattern else "")
        """Whether a file appears only when it is complete."""
        options = storage_options(pattern, place)
        try:
            with understood(pattern):
                self._fs, self._pattern = url_to_fs(pattern, **options)
        except (ImportError, ValueError, TypeError) as error:
            raise SetupError(f"{pattern}: {error}") from None

    def list(self) -> list[Found]:
        """What is there now, the oldest first."""
        with understood(self._pattern):
            self._fs.invalidate_cache()
            listed: Mapping[str, dict[str, Any]] = self._fs.glob(self._pattern, detail=True)
        found = [_found(path, info) for path, info in listed.items() if info.get("type") != "directory"]
        return sorted(found, key=lambda file: file.order)

    def require_readable(self, file: Found) -> None:
        """Raises OutageError where its content cannot be had."""
        with understood(file.path), self._fs.open(file.path, "rb") as opened:
            opened.read(1)

    def require_folder(self) -> None:
        """Raises OutageError where the folder that the pattern begins with is not there, as when nothing is mounted.

        Of an object store nothing is asked: it has no folders.
        """
        folder = self._pattern[: _first_wildcard(self._pattern)].rpartition("/")[0]
        if self.whole or not folder:
            return
        with understood(folder):
            there = self._fs.isdir(folder)
        if not there:
            raise OutageError(f"the folder {folder} is not there; is it mounted, and the path right?")

    def entries(self, most: int) -> tuple[Sequence[Found], Sequence[str]]:
        """Of a path without wildcards: the files of the folder, and the names of the folders in it; of a file itself.

        The first ``most`` files by name. Raises OutageError also where there is no such folder.
        """
        with understood(self._pattern):
            self._fs.invalidate_cache()
            listed: Sequence[dict[str, Any]] = self._fs.ls(self._pattern, detail=True)
        folder = self._pattern.rstrip("/")
        folders: Any = []
        files: Any = []
        for info in sorted(listed, key=lambda each: str(each["name"])):
            name = str(info["name"]).rstrip("/")
            if info.get("type") == "directory":
                if name != folder:
                    folders.append(name.rpartition("/")[2])
            elif len(files) < most:
                files.append(_found(name, info))
        return files, folders

    def find(self, path: str) -> Found | None:
        """The file that has this path now; None where there is none."""
        with understood(path):
            self._fs.invalidate_cache()
            try:
                return _found(path, self._fs.info(path))
            except FileNotFoundError:
                return None

    @contextmanager
    def open(self, file: Found) -> Iterator[Any]:
        """Its content, decompressed where its name ends in .gz, .bz2, .xz or .zst."""
        from fsspec.utils import infer_compression

        how = infer_compression(file.path)
        if how == "zip":  # fsspec takes the first file of several; the reader takes those that the route names
            how = None
        with understood(file.path), self._fs.open(file.path, "rb", compression=how) as opened:
            yield opened

    def delete(self, file: Found) -> None:
        """Nothing where it is gone, or has changed: then it is another file, which nobody has read."""
        with understood(file.path):
            if self._unchanged(file):
                self._fs.rm_file(file.path)

    def move(self, file: Found, folder: str) -> None:
        """Into a folder, absolute or beside the file. Where one of its name is there, it gets another.

        Nothing where it is gone, or has changed.
        """
        name = file.path.rpartition("/")[2]
        absolute = folder.startswith("/") or "://" in folder
        base = self._fs._strip_protocol(folder) if absolute else f"{self._fs._parent(file.path)}/{folder.strip('/')}"
        with understood(file.path):
            if not self._unchanged(file):
                return
            self._fs.makedirs(base, exist_ok=True)
            target = f"{base}/{name}"
            if self._fs.exists(target):
                target = f"{base}/{hashlib.sha256(file.mark.encode()).hexdigest()[:12]}-{name}"
            self._fs.mv(file.path, target)

    def _unchanged(self, file: Found) -> bool:
        now = self.find(file.path)
        return now is not None and now.mark == file.mark


def _first_wildcard(pattern: str) -> int:
    places = [pattern.find(wildcard) for wildcard in "*?["]
    return min((place for place in places if place >= 0), default=len(pattern))


def _found(path: str, info: Mapping[str, Any]) -> Found:
    stamp = next((info[name] for name in _STAMPS if info.get(name) is not None), "")
    seconds = seconds_of(info)
    moment = _seconds(stamp)
    shown = str(stamp).strip('"') if moment is None else f"{moment:.6f}"
    size = info.get("size")
    return Found(path, f"{path}?{size}-{shown}", (seconds or 0.0, path), size, seconds)


def seconds_of(info: Mapping[str, Any]) -> float | None:
    """When a file was last changed, in seconds since 1970; None where its file system tells no time."""
    return next((time for name in _TIMES if (time := _seconds(info.get(name))) is not None), None)


def _seconds(time: Any) -> float | None:
    """Some file systems tell one time as a number and as a datetime; FTP as digits."""
    if isinstance(time, datetime):
        return time.timestamp()
    if isinstance(time, str) and len(time.partition(".")[0]) == 14 and time[:14].isdigit():
        return datetime.strptime(time[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp()
    return float(time) if isinstance(time, (int, float)) else None


@contextmanager
def understood(what: str) -> Iterator[None]:
    """What a file system raises becomes an OutageError. Raises others as they are."""
    try:
        yield
    except Exception as error:
        if not isinstance(error, (OSError, EOFError)) and type(error).__module__.partition(".")[0] not in _CLIENTS:
            raise
        raise OutageError(f"{what}: {error}") from None

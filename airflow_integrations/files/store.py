"""Files where fsspec finds them: a folder, a bucket, a server."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from stat import S_ISREG
from typing import Any

from airflow_integrations.errors import OutageError
from airflow_integrations.files.counted import Counted
from airflow_integrations.files.errors import understood
from airflow_integrations.files.listing import first_wildcard, listed
from airflow_integrations.files.names import LINK_OUT, LINK_TO_NOTHING, UNWRITABLE, told_name
from airflow_integrations.files.opening import opened
from airflow_integrations.files.place import Place, is_object_store

__all__ = ["FileStore", "Found", "seconds_of"]

_TIMES = ("mtime", "LastModified", "last_modified", "updated", "modified", "modify", "created", "day")
_STAMPS = ("ETag", "etag", *_TIMES)
"""What file systems tell of a file that changes with its content, the best first."""


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
    fault: str = ""
    """Why it must not be read; empty for a file as it should be."""


class FileStore:
    """The files that ``pattern`` names. Every method blocks, and raises OutageError where the place is away."""

    def __init__(self, pattern: str, place: Place | None = None) -> None:
        """Raises SetupError for a protocol that is not known, or whose package is not installed, for a Connection that
        does not fit, and for a login that is refused."""
        self._fs, self._pattern, protocol = opened(pattern, place)
        self.whole = is_object_store(protocol)
        """Whether a file appears only when it is complete."""
        self._local = protocol in ("", "file", "local")
        self._root = self._pattern[: first_wildcard(self._pattern)].rpartition("/")[0]
        """The folder that the pattern begins with."""

    def list(self) -> list[Found]:
        """What is there now, the oldest first. What cannot be listed is an outage, and not nothing."""
        with understood(self._pattern):
            self._fs.invalidate_cache()
            infos = listed(self._fs, self._pattern, flat=self.whole)
            found = [file for path, info in infos if (file := self._seen(path, info)) is not None]
        return sorted(found, key=lambda file: file.order)

    def require_readable(self, file: Found) -> None:
        """Raises OutageError where its content cannot be had."""
        with understood(file.path), self._fs.open(file.path, "rb") as content:
            content.read(1)

    def _seen(self, path: str, info: Mapping[str, Any]) -> Found | None:
        """None for anything but a file."""
        try:
            if hasattr(self._fs, "details"):
                info = self._fs.details(info, self._root)
            elif self._local and info.get("islink"):
                info = _behind(path, info, self._root)
        except FileNotFoundError:
            return None
        return _found(path, info) if info.get("type", "file") == "file" else None

    def require_folder(self) -> None:
        """Raises OutageError where the folder that the pattern begins with is not there, as when nothing is mounted.

        Of an object store nothing is asked: it has no folders.
        """
        if self.whole or not self._root:
            return
        with understood(self._root):
            there = self._fs.isdir(self._root)
        if not there:
            raise OutageError(f"the folder {self._root} is not there; is it mounted, and the path right?")

    def entries(self, most: int) -> tuple[Sequence[Found], Sequence[str]]:
        """Of a path without wildcards: the files of the folder, and the names of the folders in it; of a file itself.

        At most ``most`` files, the first by name. A missing folder is an OutageError, too.
        """
        folder = self._pattern.rstrip("/")
        folders: list[str] = []
        files: list[Found] = []
        with understood(self._pattern):
            self._fs.invalidate_cache()
            for info in sorted(self._fs.ls(self._pattern, detail=True), key=lambda each: str(each["name"])):
                name = str(info["name"]).rstrip("/")
                if info.get("type") == "directory":
                    if name != folder:
                        folders.append(name.rpartition("/")[2])
                elif len(files) < most and (file := self._seen(name, info)) is not None:
                    files.append(file)
        return files, folders

    def find(self, path: str) -> Found | None:
        """The file that has this path now; None where there is none."""
        with understood(path):
            self._fs.invalidate_cache()
            try:
                return self._seen(path, self._fs.info(path))
            except FileNotFoundError:
                return None

    @contextmanager
    def open(self, file: Found) -> Iterator[Any]:
        """Its content, decompressed where its name ends in .gz, .bz2, .xz or .zst. Raises OutageError where it ends
        before all of it was read."""
        from fsspec.compression import compr
        from fsspec.utils import infer_compression

        how = infer_compression(file.path)
        if how == "zip":  # fsspec takes the first file of several; the reader takes those that the route names
            how = None
        with understood(file.path), self._fs.open(file.path, "rb") as content:
            counted = Counted(content, file.path, file.size)
            if how is None:
                yield counted
            else:
                with compr[how](counted, mode="rb") as unpacked:
                    yield unpacked

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
            if not self.whole:
                self._fs.makedirs(base, exist_ok=True)
            target = f"{base.rstrip('/')}/{name}"
            if self._is_there(target):
                target = f"{base.rstrip('/')}/{hashlib.sha256(file.mark.encode()).hexdigest()[:12]}-{name}"
            self._rename(file, target)

    def _is_there(self, path: str) -> bool:
        """Where that cannot be told, what ``info`` raises."""
        self._fs.invalidate_cache()
        try:
            self._fs.info(path)
        except FileNotFoundError:
            return False
        return True

    def _rename(self, file: Found, target: str) -> None:
        if not self.whole:
            self._fs.mv(file.path, target)
            return
        # mv of object stores takes a name with wildcards for a pattern
        self._fs.cp_file(file.path, target)
        copied = self.find(target)
        if copied is None or copied.size != file.size:
            raise OutageError(f"{file.path} was copied to {target}, and does not stand there with its size")
        self._fs.rm_file(file.path)

    def _unchanged(self, file: Found) -> bool:
        now = self.find(file.path)
        return now is not None and now.mark == file.mark


def _behind(path: str, link: Mapping[str, Any], root: str) -> Mapping[str, Any]:
    """What is behind a link of this machine. Whoever may put links into a folder has other rights than we have: one
    that leads out of it, or to nothing, has a ``fault``. Raises FileNotFoundError where it is gone."""
    real, itself = os.path.realpath(path), os.lstat(path)
    told = {**link, "type": "file", "size": itself.st_size, "mtime": itself.st_mtime}
    if not Path(real).exists():
        return {**told, "fault": LINK_TO_NOTHING}
    if not real.startswith(f"{os.path.realpath(root).rstrip('/')}/"):
        return {**told, "fault": LINK_OUT}
    there = Path(real).stat()
    kind = "file" if S_ISREG(there.st_mode) else "other"
    return {**link, "type": kind, "size": there.st_size, "mtime": there.st_mtime}


def _found(path: str, info: Mapping[str, Any]) -> Found:
    fault = str(info.get("fault", ""))
    stamp = next((info[name] for name in _STAMPS if info.get(name) is not None), "")
    seconds = seconds_of(info)
    moment = _seconds(stamp)
    shown = str(stamp).strip('"') if moment is None else f"{moment:.6f}"
    size = info.get("size")
    if told_name(path) != path:
        path, fault = told_name(path), fault or UNWRITABLE
    return Found(path, f"{path}?{size}-{shown}", (seconds or 0.0, path), size, seconds, fault)


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

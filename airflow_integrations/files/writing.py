"""Files are written where fsspec puts them, aside first where a file system can rename, and appear as a whole."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from airflow_integrations.errors import OutageError
from airflow_integrations.files.errors import understood
from airflow_integrations.files.opening import opened
from airflow_integrations.files.place import Place, located
from airflow_integrations.files.store import seconds_of

__all__ = ["FileWriter"]

_OURS = frozenset({"sftp", "ssh", "ftp", "ftps", "smb"})
_RENAMES = frozenset({"", "file", "local", *_OURS})
"""Protocols whose rename shows a file under its name as a whole, or not at all."""


class FileWriter:
    """Every method blocks, and raises OutageError where the place is away. ``path`` says which place it is."""

    def __init__(self, path: str, place: Place | None = None) -> None:
        """Raises SetupError for a protocol that is not known, or whose package is not installed, for a Connection that
        does not fit, and for a login that is refused."""
        self._place = place
        self._fs, _, protocol = opened(path, place)
        self.renames = protocol in _RENAMES
        """Whether a file is written aside. Elsewhere, as in object storage, one appears when it is complete."""
        self._local = protocol in ("", "file", "local")
        self._ours = protocol in _OURS

    def path(self, written: str) -> str:
        """A path of a route as this place has it."""
        return str(self._fs._strip_protocol(located(written, self._place)))

    def fault(self, path: str) -> str | None:
        """Why no file of this place can have this path, which :meth:`path` gave; None where one can."""
        why: str | None = self._fs.fault(path) if hasattr(self._fs, "fault") else None
        return why

    def same(self, path: str) -> str:
        """Equal for paths that are one file here."""
        return path.lower() if getattr(self._fs, "ignores_case", False) else path

    def size(self, path: str) -> int | None:
        """In bytes; None where there is no such file."""
        with understood(path):
            self._fs.invalidate_cache()
            try:
                return int(self._fs.info(path)["size"])
            except FileNotFoundError:
                return None

    def is_folder(self, path: str) -> bool:
        """Whether a folder has this name, which a file then cannot have. Where folders are only parts of names: no."""
        with understood(path):
            return self.renames and bool(self._fs.isdir(path))

    def names(self, folder: str) -> list[tuple[str, float | None]]:
        """The files in a folder, each with the time of its last change; none where there is no such folder."""
        with understood(folder):
            self._fs.invalidate_cache()
            try:
                listed = self._fs.ls(folder, detail=True)
            except FileNotFoundError:
                return []
        return sorted((str(info["name"]), seconds_of(info)) for info in listed if info.get("type") != "directory")

    def read(self, path: str) -> bytes | None:
        """None where there is no such file."""
        with understood(path):
            try:
                return bytes(self._fs.cat_file(path))
            except FileNotFoundError:
                return None

    def write(self, path: str, content: bytes | Callable[[IO[bytes]], None]) -> None:
        """The whole of a file, on the place's disk when this returns, as far as the place lets us say so."""
        with understood(path):
            if self.renames:  # elsewhere it could make a bucket
                self._fs.makedirs(self._fs._parent(path), exist_ok=True)
            if self._local:
                with Path(path).open("wb") as file:
                    _fill(file, content)
                    file.flush()
                    os.fsync(file.fileno())
                _sync_folder(path)
            elif self._ours:
                with self._fs.open(path, "wb") as file:
                    _fill(file, content)
            else:
                self._upload(path, content)

    def probe(self, folder: str) -> None:
        """Write a small file and remove it again; nothing where a run would first make the folder."""
        with understood(folder):
            if self.renames and not self._fs.isdir(folder):
                return
        path = f"{folder}/.airflow-integrations-probe-{secrets.token_hex(8)}"
        self.write(path, b"probe")
        self.remove(path)

    def _upload(self, path: str, content: bytes | Callable[[IO[bytes]], None]) -> None:
        """fsspec's files complete an upload when they are closed, also behind an error."""
        file = self._fs.open(path, "wb")
        try:
            _fill(file, content)
        except BaseException:
            with suppress(Exception):
                file.discard()
            file.closed = True
            raise
        file.close()

    def rename(self, path: str, to: str, *, replace: bool = True) -> bool:
        """False where ``path`` is not there any more. Without ``replace`` a server that can tell refuses where ``to``
        is there: an OutageError."""
        with understood(path):
            self._fs.makedirs(self._fs._parent(to), exist_ok=True)
            try:
                if self._local:
                    Path(path).rename(to)
                    _sync_folder(to)
                elif self._ours:
                    self._fs.mv(path, to, replace=replace)
                else:
                    self._fs.mv(path, to)
            except FileNotFoundError:
                return False
        return True

    def remove(self, path: str) -> None:
        """Nothing where it is gone."""
        with understood(path):
            try:
                self._fs.rm_file(path)
            except FileNotFoundError:
                return

    def require(self, path: str, size: int) -> None:
        """Raises OutageError where a file that was written does not stand there with its size."""
        found = self.size(path)
        if found != size:
            what = "it is not there" if found is None else f"it has {found:,} bytes"
            raise OutageError(f"{path} was written with {size:,} bytes, and {what}")


def _fill(file: IO[bytes], content: bytes | Callable[[IO[bytes]], None]) -> None:
    if callable(content):
        content(file)
    else:
        file.write(content)


def _sync_folder(path: str) -> None:
    """A name that appeared outlives a loss of power."""
    folder = os.open(os.path.dirname(path), os.O_RDONLY)  # noqa: PTH120 - paths of fsspec are texts
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

"""Files where fsspec finds them: a folder, a bucket, a server."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.listen.broker import Broker

__all__ = ["FileStore", "Found"]

_TIMES = ("mtime", "LastModified", "last_modified", "updated", "modified", "created")
_STAMPS = ("ETag", "etag", *_TIMES)
"""What file systems tell of a file that changes with its content, the best first."""
_CLIENTS = frozenset({"aiobotocore", "aiohttp", "azure", "botocore", "gcsfs", "google", "paramiko"})
"""Libraries below file systems of fsspec, some of whose errors come through as they are."""
_OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oss"})


@dataclass(frozen=True, slots=True)
class Found:
    path: str
    mark: str
    """Its name, size and time: another one as soon as it changes."""
    order: tuple[float, str]
    """Older ones first."""


class FileStore:
    """The files that ``pattern`` names. Every method blocks, and raises OutageError where the place is away."""

    def __init__(self, pattern: str, broker: Broker | None = None) -> None:
        """Raises SetupError for a protocol that fsspec does not know, or whose package is not installed."""
        from fsspec.core import url_to_fs

        try:
            self._fs, self._pattern = url_to_fs(pattern, **_options(pattern, broker))
        except (ImportError, ValueError, TypeError) as error:
            raise SetupError(f"{pattern}: {error}") from None

    def list(self) -> list[Found]:
        """What is there now, the oldest first."""
        with _understood(self._pattern):
            self._fs.invalidate_cache()
            listed: Mapping[str, dict[str, Any]] = self._fs.glob(self._pattern, detail=True)
        found = [_found(path, info) for path, info in listed.items() if info.get("type") != "directory"]
        return sorted(found, key=lambda file: file.order)

    @contextmanager
    def open(self, file: Found) -> Iterator[Any]:
        """Its content, decompressed where its name ends in .gz, .bz2, .xz or .zst."""
        from fsspec.utils import infer_compression

        how = infer_compression(file.path)
        if how == "zip":  # fsspec takes the first file of several; the reader takes those that the route names
            how = None
        with _understood(file.path), self._fs.open(file.path, "rb", compression=how) as opened:
            yield opened

    def delete(self, file: Found) -> None:
        """Nothing where it is gone, or has changed: then it is another file, which nobody has read."""
        with _understood(file.path):
            if self._unchanged(file):
                self._fs.rm_file(file.path)

    def move(self, file: Found, folder: str) -> None:
        """Into a folder, absolute or beside the file. Where one of its name is there, it gets another.

        Nothing where it is gone, or has changed.
        """
        name = file.path.rpartition("/")[2]
        absolute = folder.startswith("/") or "://" in folder
        base = self._fs._strip_protocol(folder) if absolute else f"{self._fs._parent(file.path)}/{folder.strip('/')}"
        with _understood(file.path):
            if not self._unchanged(file):
                return
            self._fs.makedirs(base, exist_ok=True)
            target = f"{base}/{name}"
            if self._fs.exists(target):
                target = f"{base}/{hashlib.sha256(file.mark.encode()).hexdigest()[:12]}-{name}"
            self._fs.mv(file.path, target)

    def _unchanged(self, file: Found) -> bool:
        self._fs.invalidate_cache()
        try:
            return _found(file.path, self._fs.info(file.path)).mark == file.mark
        except FileNotFoundError:
            return False


def _options(pattern: str, broker: Broker | None) -> dict[str, Any]:
    if broker is None:
        return {}
    if urlsplit(pattern).scheme in _OBJECT_STORES:
        given: dict[str, Any] = {"key": broker.login, "secret": broker.password}
    else:
        given = {"host": broker.host, "port": broker.port, "username": broker.login, "password": broker.password}
    return {name: value for name, value in given.items() if value} | dict(broker.extra)


def _found(path: str, info: Mapping[str, Any]) -> Found:
    stamp = next((info[name] for name in _STAMPS if info.get(name) is not None), "")
    seconds = next((time for name in _TIMES if (time := _seconds(info.get(name))) is not None), 0.0)
    moment = _seconds(stamp)
    shown = str(stamp).strip('"') if moment is None else f"{moment:.6f}"
    return Found(path, f"{path}?{info.get('size')}-{shown}", (seconds, path))


def _seconds(time: Any) -> float | None:
    """Some file systems tell one time as a number and as a datetime."""
    if isinstance(time, datetime):
        return time.timestamp()
    return float(time) if isinstance(time, (int, float)) else None


@contextmanager
def _understood(what: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if not isinstance(error, (OSError, EOFError)) and type(error).__module__.partition(".")[0] not in _CLIENTS:
            raise
        raise OutageError(f"{what}: {error}") from None

"""Files over SFTP, by paramiko."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from io import BufferedReader, RawIOBase
from stat import S_ISDIR, S_ISLNK, S_ISREG
from typing import Any

from airflow_integrations.files.names import LINK_OUT, LINK_TO_NOTHING, named
from airflow_integrations.files.server import ServerFiles, Whole
from airflow_integrations.files.sftp_login import SftpLogin, connected

__all__ = ["SftpFiles"]

ANSWER_SECONDS = 120.0
"""A server that says nothing for so long is away."""
READ_AHEAD = 256 * 1024


class SftpFiles(ServerFiles):
    """See :class:`ServerFiles`. It raises paramiko's own errors, too."""

    def __init__(self, login: SftpLogin) -> None:
        """Raises SetupError for a host key or a login that is refused."""
        self._login = login
        self._client = connected(login)
        try:
            self._sftp: Any = self._client.open_sftp()
            self._sftp.get_channel().settimeout(ANSWER_SECONDS)
        except BaseException:
            self._client.close()
            raise
        self._syncs = True

    def ls(self, path: str, detail: bool = True) -> list[dict[str, Any]]:
        """What is in a folder; links as links. Raises FileNotFoundError."""
        return [each for name, found in self._entries(path) if (each := named(path, name, _info(found))) is not None]

    def _entries(self, path: str) -> Iterator[tuple[bytes, Any]]:
        """Names as the server sends them: paramiko's own listing ends at one that is not in UTF-8."""
        from paramiko.sftp import CMD_CLOSE, CMD_OPENDIR, CMD_READDIR

        handle = self._sftp._request(CMD_OPENDIR, path)[1].get_binary()
        try:
            while True:
                try:
                    message = self._sftp._request(CMD_READDIR, handle)[1]
                except EOFError:
                    return
                for _ in range(message.get_int()):
                    name, _long = message.get_binary(), message.get_binary()
                    yield name, self._attributes(message)
        finally:
            with suppress(OSError):
                self._sftp._request(CMD_CLOSE, handle)

    @staticmethod
    def _attributes(message: Any) -> Any:
        from paramiko import SFTPAttributes

        return SFTPAttributes._from_msg(message)

    def info(self, path: str) -> dict[str, Any]:
        """A link as a link. Raises FileNotFoundError."""
        return {**_info(self._sftp.lstat(path)), "name": path}

    def details(self, info: dict[str, Any], root: str) -> dict[str, Any]:
        """What is behind a link. One that leads out of ``root``, or to nothing, has a ``fault``.

        Raises FileNotFoundError where it is gone.
        """
        if info["type"] != "link":
            return info
        path = info["name"]
        try:
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), self._sftp.readlink(path) or ""))
            behind = self._sftp.lstat(target)
        except FileNotFoundError:
            self._sftp.lstat(path)
            return {**info, "type": "file", "fault": LINK_TO_NOTHING}
        inside = any(target.startswith(f"{base.rstrip('/')}/") for base in (root, self._sftp.normalize(root)))
        if not inside or S_ISLNK(behind.st_mode or 0):
            return {**info, "type": "file", "fault": LINK_OUT}
        return {**_info(behind), "name": path}

    def isdir(self, path: str) -> bool:
        """Also of a link to a folder."""
        try:
            return S_ISDIR(self._sftp.stat(path).st_mode or 0)
        except FileNotFoundError:
            return False

    def _mkdir(self, path: str) -> None:
        self._sftp.mkdir(path)

    def open(self, path: str, mode: str = "rb") -> Any:
        """For reading, or for writing: then closing it raises OSError where the server could not keep the content."""
        if mode == "wb":
            return self._writing(path)
        return BufferedReader(_Reading(self._sftp.open(path, "rb", bufsize=0)), READ_AHEAD)

    @contextmanager
    def _writing(self, path: str) -> Iterator[Whole]:
        from paramiko.sftp import CMD_CLOSE

        file = self._sftp.open(path, "wb", bufsize=0)
        try:
            yield Whole(file.write)
            self._sync(file)
            # paramiko's own close passes over what the server says, such as that its disk is full
            self._sftp._request(CMD_CLOSE, file.handle)
            file._closed = True
        finally:
            with suppress(OSError, EOFError):
                file.close()

    def _sync(self, file: Any) -> None:
        """On the server's disk, where it has OpenSSH's extension for that."""
        from paramiko.sftp import CMD_EXTENDED

        if not self._syncs:
            return
        try:
            self._sftp._request(CMD_EXTENDED, "fsync@openssh.com", file.handle)
        except OSError as error:
            if "unsupported" not in str(error).lower():
                raise
            self._syncs = False

    def mv(self, old: str, new: str, *, replace: bool = False) -> None:
        """Raises FileNotFoundError where ``old`` is not there, OSError where ``new`` is and must not be replaced."""
        if not replace:
            self._sftp.rename(old, new)
            return
        try:
            self._sftp.posix_rename(old, new)
        except FileNotFoundError:
            raise
        except OSError:
            self._sftp.lstat(old)
            with suppress(FileNotFoundError):
                self._sftp.remove(new)  # this server cannot rename over a file
            self._sftp.rename(old, new)

    def rm_file(self, path: str) -> None:
        """Raises FileNotFoundError."""
        self._sftp.remove(path)

    def close(self) -> None:
        self._client.close()

    def __del__(self) -> None:
        if hasattr(self, "_client"):
            self.close()


class _Reading(RawIOBase):
    def __init__(self, file: Any) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        some: bytes = self._file.read(len(buffer))
        buffer[: len(some)] = some
        return len(some)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def _info(found: Any) -> dict[str, Any]:
    mode = found.st_mode
    kind = "other"
    if mode is None or S_ISREG(mode):
        kind = "file"
    elif S_ISDIR(mode):
        kind = "directory"
    elif S_ISLNK(mode):
        kind = "link"
    time = found.st_mtime
    return {"type": kind, "size": found.st_size, "mtime": None if time is None else datetime.fromtimestamp(time, UTC)}

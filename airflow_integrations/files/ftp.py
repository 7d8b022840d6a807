"""Files over FTP and FTPS: a transfer is one stream, and what the server says of its end counts."""

from __future__ import annotations

import ftplib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from io import BufferedReader, RawIOBase
from typing import Any, TypeVar

from airflow_integrations.files.ftp_lists import facts, list_lines
from airflow_integrations.files.ftp_login import FtpLogin, connected
from airflow_integrations.files.names import named
from airflow_integrations.files.server import ServerFiles, Whole

__all__ = ["FtpFiles"]

IDLE = 20.0
"""Seconds after which a connection is asked whether it is still there: servers end those that rest."""
READ_AHEAD = 256 * 1024
T = TypeVar("T")


class FtpFiles(ServerFiles):
    """See :class:`ServerFiles`. It raises ftplib's errors, too. Commands have one connection, each transfer that is
    under way one of its own."""

    def __init__(self, login: FtpLogin) -> None:
        """Raises SetupError, OutageError."""
        self._login = login
        self._lock = threading.RLock()
        self._control = connected(login)
        self._used = time.monotonic()
        self._spare: list[tuple[ftplib.FTP, float]] = []
        """Connections for transfers, each with when it was last used."""
        self._able = self._features()

    def _features(self) -> frozenset[str]:
        try:
            told = self._control.sendcmd("FEAT")
        except ftplib.error_perm:
            return frozenset({"MDTM", "SIZE"})  # older than FEAT: they are tried
        return frozenset(line.strip().upper().split(" ")[0] for line in told.splitlines()[1:-1] if line.strip())

    def _ask(self, what: Callable[[ftplib.FTP], T]) -> T:
        with self._lock:
            if time.monotonic() - self._used > IDLE and not _alive(self._control):
                self._control = connected(self._login)
            try:
                return what(self._control)
            finally:
                self._used = time.monotonic()

    def _found(self, what: Callable[[ftplib.FTP], T], path: str) -> T:
        """Raises FileNotFoundError for 550, which is all that servers say of a file that is not there."""
        try:
            return self._ask(what)
        except ftplib.error_perm as error:
            if str(error).startswith("550"):
                raise FileNotFoundError(f"{path}: {error}") from None
            raise

    def ls(self, path: str, detail: bool = True) -> list[dict[str, Any]]:
        """What is in a folder. Raises FileNotFoundError."""

        def listed(ftp: ftplib.FTP) -> list[bytes]:
            ftp.cwd(path)  # as an argument of LIST, names with spaces or dashes would be options
            with ftp.transfercmd("MLSD" if "MLST" in self._able else "LIST") as conn, conn.makefile("rb") as told:
                lines = [line.rstrip(b"\r\n") for line in told]
            ftp.voidresp()
            return lines

        lines = self._found(listed, path)
        found = [facts(line) for line in lines] if "MLST" in self._able else list_lines(lines, datetime.now(UTC))
        encoding = self._login.encoding
        named_ones = (named(path, name, info, encoding) for name, info in found if info["type"])
        return [each for each in named_ones if each is not None]

    def info(self, path: str) -> dict[str, Any]:
        """Raises FileNotFoundError."""
        if path == "/":
            return {"name": path, "type": "directory", "size": 0}
        if "MLST" in self._able:
            told = self._found(lambda ftp: ftp.sendcmd(f"MLST {path}"), path)
            lines = told.splitlines()
            fact = (lines[1] if len(lines) > 1 else "").strip()
            return {**facts(fact.encode("utf-8", "replace"))[1], "name": path}
        if self.isdir(path):
            return {"name": path, "type": "directory", "size": 0}
        for each in self.ls(self._parent(path)):
            if each["name"] == path:
                return self.details(each, "")
        raise FileNotFoundError(path)

    def details(self, info: dict[str, Any], root: str) -> dict[str, Any]:
        """With the time of its last change, where a list tells only the day. Raises FileNotFoundError."""
        if info["type"] == "link":
            return {**info, "type": "file", "fault": "it is a link; it was not read"}
        if "modify" in info or info["type"] != "file" or "MDTM" not in self._able or info.get("fault"):
            return info
        try:
            told = self._ask(lambda ftp: ftp.sendcmd(f"MDTM {info['name']}"))
        except ftplib.error_perm as error:
            if str(error).startswith("550"):
                raise FileNotFoundError(f"{info['name']}: {error}") from None
            self._able -= {"MDTM"}
            return info
        return {**info, "modify": told[4:].strip()}

    def isdir(self, path: str) -> bool:
        try:
            self._found(lambda ftp: ftp.cwd(path), path)
        except FileNotFoundError:
            return False
        return True

    def _mkdir(self, path: str) -> None:
        self._ask(lambda ftp: ftp.mkd(path))

    def open(self, path: str, mode: str = "rb") -> Any:
        """For reading, or for writing: then closing it raises what the server says of the end of the transfer."""
        if mode == "wb":
            return self._writing(path)
        return BufferedReader(_Reading(self, path), READ_AHEAD)

    def _taken(self) -> ftplib.FTP:
        while self._spare:
            ftp, used = self._spare.pop()
            if time.monotonic() - used <= IDLE or _alive(ftp):
                return ftp
        return connected(self._login)

    def _given_back(self, ftp: ftplib.FTP) -> None:
        self._spare.append((ftp, time.monotonic()))

    @contextmanager
    def _writing(self, path: str) -> Iterator[Whole]:
        ftp = self._taken()
        try:
            conn = ftp.transfercmd(f"STOR {path}")
            with conn:
                yield Whole(conn.sendall)
                _ended(conn)
            ftp.voidresp()
        except BaseException:
            ftp.close()
            raise
        self._given_back(ftp)

    def mv(self, old: str, new: str, *, replace: bool = False) -> None:
        """Raises FileNotFoundError where ``old`` is not there."""

        def renamed(ftp: ftplib.FTP) -> None:
            ftp.sendcmd(f"RNFR {old}")
            ftp.voidcmd(f"RNTO {new}")

        try:
            self._ask(renamed)
        except ftplib.error_perm as error:
            if not str(error).startswith("55"):
                raise
            self.info(old)
            if not replace:
                raise
            with suppress(FileNotFoundError):
                self.rm_file(new)  # this server cannot rename over a file
            self._ask(renamed)

    def rm_file(self, path: str) -> None:
        """Raises FileNotFoundError."""
        try:
            self._ask(lambda ftp: ftp.delete(path))
        except ftplib.error_perm:
            self.info(path)
            raise

    def close(self) -> None:
        for ftp in (self._control, *(ftp for ftp, _ in self._spare)):
            ftp.close()

    def __del__(self) -> None:
        if hasattr(self, "_control"):
            self.close()


class _Reading(RawIOBase):
    """A file that is being transferred. Its end is one only when the server has said so."""

    def __init__(self, files: FtpFiles, path: str) -> None:
        self._files, self._ftp = files, files._taken()
        self._whole = False
        try:
            self._conn = self._ftp.transfercmd(f"RETR {path}")
        except ftplib.error_perm as error:
            self._ftp.close()
            if str(error).startswith("550"):
                raise FileNotFoundError(f"{path}: {error}") from None
            raise
        except BaseException:
            self._ftp.close()
            raise

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._whole:
            return 0
        count = self._conn.recv_into(buffer)
        if not count:
            self._conn.close()
            self._ftp.voidresp()
            self._whole = True
        return count

    def close(self) -> None:
        if not self.closed:
            if self._whole:
                self._files._given_back(self._ftp)
            else:
                with suppress(OSError):
                    self._conn.close()
                self._ftp.close()
        super().close()


def _ended(conn: Any) -> None:
    """With TLS a stream ends with a word, so that nobody can cut it."""
    if hasattr(conn, "unwrap"):
        with suppress(OSError):  # servers that do not answer it
            conn.unwrap()


def _alive(ftp: ftplib.FTP) -> bool:
    try:
        ftp.voidcmd("NOOP")
    except (OSError, EOFError, ftplib.Error):
        ftp.close()
        return False
    return True

"""Files over SMB, by smbprotocol: the first folder of a path is the share."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from io import BufferedReader, RawIOBase
from stat import S_ISDIR, S_ISLNK
from typing import Any, TypeVar

from airflow_integrations.errors import SetupError
from airflow_integrations.files.names import named
from airflow_integrations.files.server import ServerFiles, Whole
from airflow_integrations.files.smb_login import SmbLogin, connected, hung_up

__all__ = ["SmbFiles"]

READ_AHEAD = 1024 * 1024
OTHERS = "rwd"
"""What others may do with a file while we read it: all, as on other systems."""
NOT_IN_NAMES = frozenset('\\:*?"<>|')
"""Windows takes a colon for the name of a stream in a file, a backslash for a folder, others for wildcards."""
T = TypeVar("T")


class SmbFiles(ServerFiles):
    """See :class:`ServerFiles`. It raises smbprotocol's own errors, too."""

    ignores_case = True

    def __init__(self, login: SmbLogin) -> None:
        """Raises SetupError, OutageError."""
        self._login = login
        self._lock = threading.Lock()
        self._connection, self._arguments = connected(login)

    def fault(self, path: str) -> str | None:
        """Why no file can be called so; None where one can."""
        odd = sorted(NOT_IN_NAMES & set(path))
        if odd:
            return f"a name on an SMB share has no {odd[0]}"
        return "a name on an SMB share ends in no dot or space" if _ends_badly(path) else None

    def _unc(self, path: str) -> str:
        """``/share/in/a.csv`` as SMB writes it. Raises SetupError without a share, OSError for what is not a name."""
        why = self.fault(path)
        if why is not None:
            raise OSError(errno.EINVAL, why, path)
        parts = [part for part in path.split("/") if part]
        if not parts:
            raise SetupError(
                f"{self._login.told}: {path} names no share; a path begins with it, such as /share/in/*.csv"
            )
        return "\\".join(("", "", self._login.host, *parts))

    def _ask(self, what: Callable[..., T], *paths: str, **more: Any) -> T:
        """smbclient's errors as Python's own: it does not make them of their usual types."""
        with self._lock:
            if not self._connection.transport.connected:
                self._connection, self._arguments = connected(self._login)
            arguments = self._arguments
        try:
            return what(*map(self._unc, paths), **arguments, **more)
        except OSError as error:
            raise _plain(error, paths[-1]) from None
        except UnicodeError:
            raise OSError(errno.EILSEQ, "a name in it is not in UTF-16", paths[0]) from None

    def ls(self, path: str, detail: bool = True) -> list[dict[str, Any]]:
        """What is in a folder; links as links. Raises FileNotFoundError."""
        import smbclient

        def entries(unc: str, **arguments: Any) -> list[dict[str, Any] | None]:
            with smbclient.scandir(unc, **arguments) as found:
                return [named(path, each.name.encode("utf-8", "surrogatepass"), _kind(each)) for each in found]

        return [each for each in self._ask(entries, path) if each is not None]

    def info(self, path: str) -> dict[str, Any]:
        """A link as a link. Raises FileNotFoundError."""
        import smbclient

        found = self._ask(smbclient.stat, path, follow_symlinks=False)
        kind = "directory" if S_ISDIR(found.st_mode) else "link" if S_ISLNK(found.st_mode) else "file"
        seconds, rest = divmod(found.st_mtime_ns // 1000, 1_000_000)
        time = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)
        return {"name": path, "type": kind, "size": found.st_size, "mtime": time}

    def details(self, info: dict[str, Any], root: str) -> dict[str, Any]:
        """Size and time as the file has them: Windows lists those of a file that is being written late.

        Raises FileNotFoundError where it is gone.
        """
        if info["type"] == "link":
            return {**info, "type": "file", "fault": "it is a link; it was not read"}
        if info["type"] != "file" or info.get("fault"):
            return info
        return self.info(info["name"])

    def isdir(self, path: str) -> bool:
        try:
            return bool(self.info(path)["type"] == "directory")
        except FileNotFoundError:
            return False

    def _mkdir(self, path: str) -> None:
        import smbclient

        self._ask(smbclient.mkdir, path)

    def open(self, path: str, mode: str = "rb") -> Any:
        """For reading, or for writing: then leaving it raises what the server says of the end of the content."""
        import smbclient

        if mode == "wb":
            return self._writing(path)
        raw = self._ask(smbclient.open_file, path, mode="rb", buffering=0, share_access=OTHERS)
        return BufferedReader(_Reading(raw, path), READ_AHEAD)

    @contextmanager
    def _writing(self, path: str) -> Iterator[Whole]:
        import smbclient

        file = self._ask(smbclient.open_file, path, mode="wb", buffering=0)

        def send(content: bytes) -> None:
            rest = memoryview(content)
            while rest:
                rest = rest[file.write(rest[:READ_AHEAD]) :]

        try:
            yield Whole(send)
            file.flush()  # on the server's disk
            file.close()
        except OSError as error:
            raise _plain(error, path) from None
        finally:
            with suppress(Exception):
                file.close()

    def mv(self, old: str, new: str, *, replace: bool = False) -> None:
        """Raises FileNotFoundError where ``old`` is not there, FileExistsError where ``new`` is and must not be
        replaced."""
        import smbclient

        self._ask(smbclient.replace if replace else smbclient.rename, old, new)

    def rm_file(self, path: str) -> None:
        """Raises FileNotFoundError."""
        import smbclient

        self._ask(smbclient.remove, path)

    def close(self) -> None:
        hung_up(self._connection)

    def __del__(self) -> None:
        if hasattr(self, "_connection"):
            self.close()


class _Reading(RawIOBase):
    def __init__(self, file: Any, path: str) -> None:
        self._file, self._path = file, path

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            return int(self._file.readinto(buffer))
        except OSError as error:
            raise _plain(error, self._path) from None

    def close(self) -> None:
        if not self.closed:
            with suppress(Exception):  # all that was read was read
                self._file.close()
        super().close()


def _ends_badly(path: str) -> bool:
    """Windows leaves such an end away: another name than ours would stand there."""
    return any(part.endswith((".", " ")) for part in path.split("/") if part not in (".", ".."))


def _kind(entry: Any) -> dict[str, Any]:
    from smbprotocol.file_info import FileAttributes

    found = entry.smb_info
    if found.file_attributes & FileAttributes.FILE_ATTRIBUTE_REPARSE_POINT and entry.is_symlink():
        kind = "link"
    else:
        kind = "directory" if found.file_attributes & FileAttributes.FILE_ATTRIBUTE_DIRECTORY else "file"
    return {"type": kind, "size": found.end_of_file, "mtime": found.last_write_time}


def _plain(error: OSError, path: str) -> OSError:
    """Of the type that Python gives its number. A share that is not there is like a folder that is not."""
    from smbprotocol.header import NtStatus

    status = getattr(error, "ntstatus", None)
    if status is None:
        return error
    missing = (NtStatus.STATUS_BAD_NETWORK_NAME, NtStatus.STATUS_NO_SUCH_FILE, NtStatus.STATUS_DELETE_PENDING)
    number = errno.ENOENT if status in missing else error.errno
    if status == NtStatus.STATUS_ACCESS_DENIED:
        number = errno.EACCES
    return OSError(number or errno.EIO, str(error.strerror or error), path)

"""Files over SFTP, by paramiko: the server's key is checked, and only the Connection's credentials are offered."""

from __future__ import annotations

import posixpath
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BufferedReader, RawIOBase, StringIO
from stat import S_ISDIR, S_ISLNK, S_ISREG
from typing import IO, Any, Self

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.files.names import LINK_OUT, LINK_TO_NOTHING, named
from airflow_integrations.files.place import Place

__all__ = ["SftpFiles", "SftpLogin"]

SECONDS = 30.0
ANSWER_SECONDS = 120.0
"""A server that says nothing for so long is away."""
KEPT_ALIVE = 30
"""Seconds between signs of life: a connection may rest while a file's records are sent elsewhere."""
READ_AHEAD = 256 * 1024
_CONNECT = (
    *("timeout", "banner_timeout", "auth_timeout", "compress", "disabled_algorithms", "allow_agent", "look_for_keys"),
    *("key_filename", "passphrase"),
)
"""Arguments of paramiko's connect that may stand in extra."""
_OF_AIRFLOW = (
    *("key_file", "private_key", "private_key_passphrase", "host_key", "no_host_key_check", "conn_timeout"),
    *("keepalive_interval", "cmd_timeout", "allow_host_key_change", "ciphers", "integrations"),
)
"""Fields of Airflow's own Connections to SSH; the last five have no meaning here."""


@dataclass(frozen=True, slots=True)
class SftpLogin:
    """A server, its keys, and how to get in. Its ``repr`` has no secret."""

    host: str
    port: int
    connect: Mapping[str, Any] = field(repr=False)
    """Arguments of paramiko's connect."""
    name: str = ""
    """The Connection's; empty without one."""
    private_key: str = field(default="", repr=False)
    host_keys: tuple[str, ...] = ()
    """As they stand in known_hosts, without the host; none: those of ``known_hosts`` count."""
    known_hosts: str | None = None
    """A file; None: that of the user whose process this is."""
    unchecked: bool = False

    @classmethod
    def of(cls, host: str, port: int | None, place: Place | None) -> Self:
        """Raises SetupError for what the extra of a Connection must not say."""
        if place is None:
            return cls(host, port or 22, {"timeout": SECONDS})
        extra = dict(place.extra)
        unknown = extra.keys() - {*_CONNECT, *_OF_AIRFLOW, "known_hosts"}
        if unknown:
            known = ", ".join(sorted({"known_hosts", "key_file", "private_key", "host_key", *_CONNECT}))
            raise SetupError(
                f"Connection {place.name!r}: {min(unknown)} in extra is not known for SFTP; allowed: {known}"
            )
        connect = {"timeout": extra.get("conn_timeout") or SECONDS, "allow_agent": False, "look_for_keys": False}
        connect |= {name: extra[name] for name in _CONNECT if extra.get(name) is not None}
        connect |= {"username": place.login, "password": place.password}
        if extra.get("key_file"):
            connect["key_filename"] = extra["key_file"]
        if extra.get("private_key_passphrase"):
            connect["passphrase"] = extra["private_key_passphrase"]
        keys = extra.get("host_key") or ()
        return cls(
            host,
            port or 22,
            {key: value for key, value in connect.items() if value is not None},
            place.name,
            str(extra.get("private_key") or ""),
            tuple(map(str, [keys] if isinstance(keys, str) else keys)),
            extra.get("known_hosts"),
            str(extra.get("no_host_key_check", "")).lower() == "true",
        )

    @property
    def told(self) -> str:
        return f"Connection {self.name!r}" if self.name else f"sftp://{self.host}"


class SftpFiles:
    """The part of fsspec's interface that this package uses. Every method blocks, and raises OSError, EOFError and
    paramiko's own errors."""

    def __init__(self, login: SftpLogin) -> None:
        """Raises SetupError for a host key or a login that is refused."""
        self._login = login
        self._client = _connected(login)
        try:
            self._sftp: Any = self._client.open_sftp()
            self._sftp.get_channel().settimeout(ANSWER_SECONDS)
        except BaseException:
            self._client.close()
            raise
        self._syncs = True

    @staticmethod
    def _strip_protocol(path: str) -> str:
        if path.startswith(("sftp://", "ssh://")):
            path = "/" + path.partition("://")[2].partition("/")[2]
        return path.rstrip("/") or "/"

    @staticmethod
    def _parent(path: str) -> str:
        return path.rstrip("/").rpartition("/")[0] or "/"

    def invalidate_cache(self) -> None:
        """Nothing is kept."""

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

    def makedirs(self, path: str, exist_ok: bool = True) -> None:
        if self.isdir(path):
            return
        if self._parent(path) != path:
            self.makedirs(self._parent(path))
        try:
            self._sftp.mkdir(path)
        except OSError:
            if not self.isdir(path):  # else somebody else was as fast
                raise

    def open(self, path: str, mode: str = "rb") -> Any:
        """For reading, or for writing: then closing it raises OSError where the server could not keep the content."""
        if mode == "wb":
            return self._writing(path)
        return BufferedReader(_Reading(self._sftp.open(path, "rb", bufsize=0)), READ_AHEAD)

    @contextmanager
    def _writing(self, path: str) -> Iterator[IO[bytes]]:
        from paramiko.sftp import CMD_CLOSE

        file = self._sftp.open(path, "wb", bufsize=0)
        try:
            yield _Whole(file)
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

    def cat_file(self, path: str) -> bytes:
        """All of it. Raises FileNotFoundError."""
        with self.open(path) as file:
            return bytes(file.read())

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


class _Whole:
    """Writes all that it is given."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, content: bytes) -> int:
        self._file.write(content)
        return len(content)


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


def _connected(login: SftpLogin) -> Any:
    try:
        import paramiko
    except ImportError:
        raise SetupError(
            "SFTP needs paramiko, which is not installed: pip install 'airflow-integrations[sftp]'"
        ) from None

    client = paramiko.SSHClient()
    entry = login.host if login.port == 22 else f"[{login.host}]:{login.port}"
    for line in login.host_keys:
        known = _host_key(line)
        if known is None:
            raise SetupError(
                f"{login.told}: host_key in extra is not a key as it stands in known_hosts, such as ssh-ed25519 AAAA…"
            )
        client.get_host_keys().add(entry, known.get_name(), known)
    if not login.host_keys and not login.unchecked:
        try:
            client.load_system_host_keys(login.known_hosts)
        except OSError as error:
            raise SetupError(f"{login.told}: known_hosts in extra cannot be read: {error}") from None

    class Unknown(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]
        def missing_host_key(self, _client: Any, _host: str, key: Any) -> None:
            if not login.unchecked:
                raise SetupError(
                    f"{login.told}: the host key of {entry} is not known. Compare it with what the server's operator "
                    f'says, and write it into the extra of the Connection: "host_key": "{_shown(key)}", or into the '
                    'file that "known_hosts" there names'
                )

    client.set_missing_host_key_policy(Unknown())
    arguments = dict(login.connect)
    if login.private_key:
        arguments["pkey"] = _private_key(login, arguments.get("passphrase"))
    try:
        client.connect(login.host, login.port, **arguments)
        transport: Any = client.get_transport()
        transport.set_keepalive(KEPT_ALIVE)
    except BaseException as error:
        client.close()
        _refused(login, entry, error)
        raise
    return client


def _refused(login: SftpLogin, entry: str, error: BaseException) -> None:
    """Raises SetupError for what only a person can mend."""
    import paramiko

    if isinstance(error, paramiko.BadHostKeyException):
        raise SetupError(
            f"{login.told}: the host key of {entry} is another one than the known one: it may be another server. It is "
            f"now {_shown(error.key)}; ask the server's operator, and only then change host_key in extra, or known_hosts"
        ) from None
    if isinstance(error, paramiko.PasswordRequiredException):
        raise SetupError(f"{login.told}: the private key needs private_key_passphrase in extra") from None
    if isinstance(error, paramiko.AuthenticationException):
        raise SetupError(
            f"{login.told}: {entry} refuses the login; check login and password, or key_file or private_key in extra: "
            f"{error}"
        ) from None
    if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
        raise SetupError(f"{login.told}: {entry} and paramiko have no algorithm in common: {error}") from None
    if isinstance(error, (TypeError, ValueError)):
        raise SetupError(f"{login.told}: extra: {error}") from None
    if isinstance(error, FileNotFoundError):
        raise SetupError(f"{login.told}: key_file in extra: {error}") from None
    if isinstance(error, (OSError, EOFError, paramiko.SSHException)):
        raise OutageError(f"{login.told}: {entry} cannot be reached: {str(error) or type(error).__name__}") from None


def _shown(key: Any) -> str:
    return f"{key.get_name()} {b64encode(key.asbytes()).decode()}"


def _host_key(line: str) -> Any:
    """Of a line of known_hosts without the host, or of the key alone; None for what is none."""
    import paramiko

    words = line.split()
    try:
        key = b64decode(words[0] if len(words) == 1 else words[1])
        return paramiko.PKey.from_type_string(key[4 : 4 + int.from_bytes(key[:4], "big")].decode(), key)
    except (IndexError, ValueError, paramiko.SSHException, paramiko.pkey.UnknownKeyType):
        return None


def _private_key(login: SftpLogin, passphrase: Any) -> Any:
    import paramiko

    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(StringIO(login.private_key), password=passphrase)
        except paramiko.PasswordRequiredException:
            raise SetupError(f"{login.told}: the private key needs private_key_passphrase in extra") from None
        except (paramiko.SSHException, ValueError):
            continue
    raise SetupError(f"{login.told}: private_key in extra is not a private key of OpenSSH or PEM, or not its passphrase")

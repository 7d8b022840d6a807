"""A connection to an SFTP server: its key is checked, and only the Connection's credentials are offered."""

from __future__ import annotations

import socket
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import StringIO
from typing import Any, Self

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.files.place import Place

__all__ = ["SftpLogin", "connected"]

SECONDS = 30.0
KEPT_ALIVE = 30
"""Seconds between signs of life: a connection may rest while a file's records are sent elsewhere."""
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


def connected(login: SftpLogin) -> Any:
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
        # else the end of each request waits 40 ms for an acknowledgement that the server delays: 0.7 MB a second
        transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
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
            f"now {_shown(error.key)}; ask its operator, and only then change host_key in extra, or known_hosts"
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
    """Of a line of known_hosts without the host, or of the key alone; None for any other line."""
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
    raise SetupError(
        f"{login.told}: private_key in extra is not a private key of OpenSSH or PEM, or not its passphrase"
    )

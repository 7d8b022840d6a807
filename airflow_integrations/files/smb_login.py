"""A connection to an SMB server, of version 2 or 3: signed unless the Connection says otherwise, and its own."""

from __future__ import annotations

import logging
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import uuid4

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.files.place import Place

__all__ = ["SmbLogin", "connected", "hung_up"]

PORT = 445
SECONDS = 30.0
ANSWER_SECONDS = 60
"""After so many seconds without an answer a server is asked whether it is there; after as many again it is away."""
_PROTOCOLS = ("negotiate", "ntlm", "kerberos")
_OF_LOGIN = frozenset({"LogonFailure", "PasswordExpired", "SMBAuthenticationError", "WrongPassword"})
"""Errors of signing in: the server refuses the account, or Kerberos has no ticket for it."""
_TALKS = ("smbprotocol", "smbclient", "spnego")
"""Loggers that tell each request at INFO: a task's log would have nothing else."""
_OF_AIRFLOW = ("share_type", "integrations")
"""Fields of Airflow's own Connections to Samba that have no meaning here."""


@dataclass(frozen=True, slots=True)
class SmbLogin:
    """A server, and how to get in. Its ``repr`` has no secret."""

    host: str
    port: int
    name: str = ""
    """The Connection's; empty without one."""
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    encrypt: bool | None = None
    """None: as the server wants it."""
    signed: bool = True
    protocol: str = "negotiate"
    timeout: float = SECONDS

    @classmethod
    def of(cls, host: str, port: int | None, place: Place | None) -> Self:
        """Raises SetupError for what the extra of a Connection must not say."""
        if place is None:
            return cls(host, port or PORT)
        extra: Mapping[str, Any] = {key: value for key, value in place.extra.items() if key not in _OF_AIRFLOW}
        known = {"domain", "encrypt", "require_signing", "auth_protocol", "timeout"}
        unknown = extra.keys() - known
        if unknown:
            raise SetupError(
                f"Connection {place.name!r}: {min(unknown)} in extra is not known for SMB; allowed: "
                f"{', '.join(sorted(known))}"
            )
        for key in ("encrypt", "require_signing"):
            if not isinstance(extra.get(key), bool | None):
                raise SetupError(f"Connection {place.name!r}: {key} in extra is true or false")
        protocol, timeout = extra.get("auth_protocol", "negotiate"), extra.get("timeout", SECONDS)
        if protocol not in _PROTOCOLS:
            raise SetupError(f"Connection {place.name!r}: auth_protocol in extra is one of {', '.join(_PROTOCOLS)}")
        if isinstance(timeout, bool) or not isinstance(timeout, int | float) or timeout <= 0:
            raise SetupError(f"Connection {place.name!r}: timeout in extra is a number of seconds above 0")
        username, domain = place.login or None, extra.get("domain")
        if domain and username:
            username = f"{domain}\\{username}"
        return cls(
            host,
            port or PORT,
            place.name,
            username,
            place.password or None,
            extra.get("encrypt"),
            extra.get("require_signing") is not False,
            protocol,
            float(timeout),
        )

    @property
    def told(self) -> str:
        return f"Connection {self.name!r}" if self.name else f"smb://{self.host}"


def connected(login: SmbLogin) -> tuple[Any, dict[str, Any]]:
    """The connection, and what smbclient's functions are called with to use it.

    smbclient's own cache is one for the process: another Connection to the same server would go in as this user.
    Raises SetupError for a login that is refused, OutageError where nobody answers.
    """
    try:
        import smbclient
        from smbprotocol.connection import Connection
        from smbprotocol.exceptions import SMBException
    except ImportError:
        raise SetupError(
            "SMB needs smbprotocol, which is not installed: pip install 'airflow-integrations[smb]'"
        ) from None
    for name in _TALKS:
        if logging.getLogger(name).level == logging.NOTSET:
            logging.getLogger(name).setLevel(logging.WARNING)
    connection: Any = Connection(uuid4(), login.host, login.port, require_signing=login.signed)
    connection._receive_timeout = ANSWER_SECONDS  # its own is ten minutes, and as long again for one that is silent
    arguments: dict[str, Any] = {
        "username": login.username,
        "password": login.password,
        "port": login.port,
        "encrypt": login.encrypt,
        "auth_protocol": login.protocol,
        "require_signing": login.signed,
        "connection_timeout": login.timeout,
        "connection_cache": _OneServer(login, connection),
    }
    try:
        connection.connect(timeout=login.timeout)
        smbclient.register_session(login.host, **arguments)
    except (SMBException, OSError, ValueError) as error:
        hung_up(connection)
        raise _told(login, error) from None
    except BaseException:
        hung_up(connection)
        raise
    return connection, arguments


class _OneServer(dict[str, Any]):
    """smbclient's cache of connections, with one: a share of DFS would lead it to other servers, with our login."""

    def __init__(self, login: SmbLogin, connection: Any) -> None:
        self._login, self._own = login, f"{login.host.lower()}:{login.port}"
        super().__init__({self._own: connection})

    def get(self, key: str, default: Any = None) -> Any:
        if key != self._own:
            raise SetupError(
                f"{self._login.told}: {self._login.host} sends us on to {key[:200]} (DFS), which gets no login from "
                "us; name that server in a Connection of its own"
            )
        connection = self[key]
        if not connection.transport.connected:
            raise ConnectionResetError(f"{self._own} has ended the connection")
        return connection


def _told(login: SmbLogin, error: BaseException) -> SetupError | OutageError:
    """A SetupError for what only a person can mend."""
    server = f"{login.host}:{login.port}"
    if isinstance(error, (SetupError, OutageError)):
        return error
    if type(error).__name__ in _OF_LOGIN:
        return SetupError(
            f"{login.told}: {server} refuses the login; check login and password, and domain in extra: {_said(error)}"
        )
    if "sign" in str(error).lower() or "encrypt" in str(error).lower():
        return SetupError(
            f"{login.told}: {server} and this Connection do not agree on signing and encryption (require_signing and "
            f"encrypt in extra): {_said(error)}"
        )
    return OutageError(f"{login.told}: {server} cannot be reached: {_said(error)}")


def _said(error: BaseException) -> str:
    return str(error).replace("\n", " ")[:300] or type(error).__name__


def hung_up(connection: Any) -> None:
    """Shut the socket down, whatever state the connection is in: the library's thread, which reads from it, then ends.

    The library's own way waits for that thread. It would wait for ever where the process ends, and where the garbage
    collector calls this within the thread.
    """
    with suppress(Exception):
        connection.transport._sock.shutdown(socket.SHUT_RDWR)

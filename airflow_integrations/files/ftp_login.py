"""A connection to an FTP server, with TLS that is checked where the Connection wants TLS."""

from __future__ import annotations

import ftplib
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from airflow_integrations.config.tls import is_refused, tls_context
from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.files.place import Place

__all__ = ["FtpLogin", "connected"]

SECONDS = 60.0
IMPLICIT = 990
"""The port on which TLS comes before the first word."""
_EXTRA = ("tls", "ca", "cert", "key", "verify", "passive", "encoding", "timeout", "integrations")


@dataclass(frozen=True, slots=True)
class FtpLogin:
    """A server and how to get in. Its ``repr`` has no secret."""

    host: str
    port: int
    login: str = ""
    password: str = field(default="", repr=False)
    name: str = ""
    """The Connection's; empty without one."""
    tls: ssl.SSLContext | None = None
    implicit: bool = False
    passive: bool = True
    encoding: str = "utf-8"
    timeout: float = SECONDS

    @classmethod
    def of(cls, host: str, port: int | None, place: Place | None, *, secure: bool) -> Self:
        """Raises SetupError for what the extra of a Connection must not say."""
        if place is None:
            return cls(host, port or 21, tls=tls_context(host, {}) if secure else None)
        extra = place.extra
        if unknown := extra.keys() - {*_EXTRA}:
            raise SetupError(
                f"Connection {place.name!r}: {min(unknown)} in extra is not known for FTP; allowed: "
                f"{', '.join(_EXTRA[:-1])}"
            )
        wanted = extra.get("tls")
        if wanted not in (None, True, False, "implicit"):
            raise SetupError(f'Connection {place.name!r}: tls in extra is true, false or "implicit", not {wanted!r}')
        secure = secure or place.kind.lower() == "ftps"
        encrypted = bool(wanted) or (wanted is None and (secure or port == IMPLICIT or _asks_for_tls(extra)))
        if secure and not encrypted:
            raise SetupError(f"Connection {place.name!r}: ftps is FTP with TLS, and its extra says tls: false")
        implicit = encrypted and (wanted == "implicit" or port == IMPLICIT)
        return cls(
            host,
            port or (IMPLICIT if implicit else 21),
            place.login or "",
            place.password or "",
            place.name,
            tls_context(place.name, extra) if encrypted else None,
            implicit,
            extra.get("passive") is not False,
            str(extra.get("encoding") or "utf-8"),
            float(extra.get("timeout") or SECONDS),
        )

    @property
    def told(self) -> str:
        return f"Connection {self.name!r}" if self.name else f"ftp://{self.host}"


def _asks_for_tls(extra: Mapping[str, Any]) -> bool:
    return any(extra.get(option) for option in ("ca", "cert", "key"))


class _Plain(ftplib.FTP):
    pass


class _Secure(ftplib.FTP_TLS):
    """Its transfers resume the session of the commands, which many servers demand: it shows that both are ours."""

    def __init__(self, login: FtpLogin) -> None:
        super().__init__(context=login.tls, timeout=login.timeout, encoding=login.encoding)
        self._implicit = login.implicit

    def connect(self, host: str = "", port: int = 0, timeout: float = -999, source_address: Any = None) -> str:
        if not self._implicit:
            return super().connect(host, port)
        self.host, self.port = host, port
        plain = socket.create_connection((host, port), self.timeout)
        try:
            self.sock = self.context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise
        self.af = self.sock.family
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()
        return self.welcome

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        conn, size = ftplib.FTP.ntransfercmd(self, cmd, rest)  # noqa: S321 - its own base
        try:
            session = getattr(self.sock, "session", None)
            return self.context.wrap_socket(conn, server_hostname=self.host, session=session), size
        except BaseException:
            conn.close()
            raise


def connected(login: FtpLogin) -> ftplib.FTP:
    """A connection that is logged in. Raises OutageError; SetupError for a login or a certificate that is refused, and
    for a server without the TLS that the Connection wants."""
    ftp = _Plain(timeout=login.timeout, encoding=login.encoding) if login.tls is None else _Secure(login)
    ftp.set_pasv(login.passive)
    where = f"{login.told}: {login.host}:{login.port}"
    try:
        ftp.connect(login.host, login.port)
        _lenient(ftp)
        if isinstance(ftp, _Secure) and not login.implicit:
            _secured(ftp, where)
            _lenient(ftp)
        _logged_in(ftp, login, where)
        if isinstance(ftp, _Secure):
            ftp.prot_p()
        ftp.voidcmd("TYPE I")
    except BaseException as error:
        ftp.close()
        if isinstance(error, ssl.SSLCertVerificationError):
            raise SetupError(f"{where}: its certificate is refused: {error.verify_message or error}") from None
        if isinstance(error, ssl.SSLError) and is_refused(error):
            raise SetupError(f"{where}: TLS: {error}") from None
        if isinstance(error, ftplib.error_perm):
            raise SetupError(f"{where}: the server refuses us: {error}") from None
        if isinstance(error, UnicodeError):
            raise SetupError(f"{where}: its answers are not in {login.encoding}; write encoding into extra") from None
        if isinstance(error, (OSError, EOFError, ftplib.Error)):
            raise OutageError(f"{where} cannot be reached: {str(error) or type(error).__name__}") from None
        raise
    return ftp


def _lenient(ftp: ftplib.FTP) -> None:
    """An answer that is not in the encoding of the names is still an answer."""
    assert ftp.sock is not None
    ftp.file = ftp.sock.makefile("r", encoding=ftp.encoding, errors="backslashreplace")


def _secured(ftp: _Secure, where: str) -> None:
    try:
        ftp.auth()
    except ftplib.error_perm as error:
        raise SetupError(
            f"{where}: the server offers no TLS, and nothing was sent, no password either: {error}; one without TLS "
            'needs {"tls": false} in the extra of the Connection'
        ) from None


def _logged_in(ftp: ftplib.FTP, login: FtpLogin, where: str) -> None:
    try:
        ftp.login(login.login, login.password)
    except ftplib.error_perm as error:
        said = str(error).replace(login.password, "***") if login.password else str(error)
        raise SetupError(f"{where}: the server refuses the login; check login and password: {said}") from None

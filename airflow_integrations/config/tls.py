"""TLS to whatever a Connection names: which certificates count there, by the Connection's extra."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

from airflow_integrations.errors import SetupError

__all__ = ["certificate_refused", "is_refused", "tls_context"]


def tls_context(connection: str, extra: Mapping[str, Any]) -> ssl.SSLContext:
    """By ``ca``, ``cert``, ``key`` (files on this machine) and ``verify`` in the extra of ``connection``.

    The server's certificate and its host name are checked unless ``verify`` is ``false`` itself. Raises SetupError
    where a file that it names cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=extra.get("ca") or None)
        if extra.get("cert"):
            context.load_cert_chain(extra["cert"], extra.get("key") or None)
    except (OSError, TypeError, ValueError) as error:
        raise SetupError(f"Connection {connection!r}: ca, cert or key in extra: {error}") from None
    if extra.get("verify") is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def is_refused(error: ssl.SSLError) -> bool:
    """Whether a handshake came to a verdict, such as of a certificate; else the connection broke on the way."""
    return not isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError))


def certificate_refused(error: BaseException | None) -> bool:
    """Whether this came of a certificate that is not the right one: only a person can mend that."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        if isinstance(error, ssl.SSLCertVerificationError) or type(error).__name__ == "ClientConnectorCertificateError":
            return True
        error = error.__cause__ or error.__context__
    return False

"""What file systems and their clients raise, in this package's errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow_integrations.errors import OutageError, SetupError

__all__ = ["understood"]

_CLIENTS = frozenset(
    {"aiobotocore", "aiohttp", "azure", "botocore", "ftplib", "gcsfs", "google", "paramiko", "smbprotocol"}
)
"""Libraries below file systems of fsspec, some of whose errors come through as they are."""
_REFUSED = (
    *("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "NoCredentialsError"),
    *(
        "AuthenticationFailed",
        "AuthorizationFailure",
        "ClientAuthenticationError",
        "RefreshError",
        "DefaultCredentialsError",
    ),
    *("LogonFailure", "CERTIFICATE_VERIFY_FAILED"),
)
"""Names of errors, or codes in their texts, that say that the login or the server's certificate is not the right one:
S3's error codes, Azure's, google-auth's, smbprotocol's and OpenSSL's."""


@contextmanager
def understood(what: str) -> Iterator[None]:
    """What a file system raises becomes an OutageError, or a SetupError where credentials or a certificate are
    refused. Raises others as they are."""
    try:
        yield
    except Exception as error:
        if not isinstance(error, (OSError, EOFError)) and type(error).__module__.partition(".")[0] not in _CLIENTS:
            raise
        if _is_refused(error):
            raise SetupError(
                f"{what}: the credentials or the certificate are refused; check the Connection: {error}"
            ) from None
        said = str(error) or type(error).__name__
        raise OutageError(f"{what}: {said}") from None


def _is_refused(error: BaseException | None) -> bool:
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        told = f"{type(error).__name__} {error} {getattr(error, 'response', '')}"
        if any(name in told for name in _REFUSED):
            return True
        error = error.__cause__
    return False

"""What file systems and their clients raise, in this package's errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow_integrations.config.tls import certificate_refused
from airflow_integrations.errors import OutageError, SetupError

__all__ = ["understood"]

_CLIENTS = frozenset(
    {"aiobotocore", "aiohttp", "azure", "botocore", "ftplib", "gcsfs", "google", "paramiko", "smbprotocol"}
)
"""Libraries below file systems of fsspec, some of whose errors come through as they are."""
_REFUSED = frozenset(
    {
        *("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "NoCredentialsError"),
        *("AuthenticationFailed", "AuthorizationFailure", "ClientAuthenticationError"),
        *("RefreshError", "DefaultCredentialsError", "LogonFailure"),
    }
)
"""Codes and types of errors that say that the login is not the right one: of S3, Azure, google-auth and smbprotocol."""


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
    """By types and codes, not by texts: they hold names of files, and those are hostile."""
    if certificate_refused(error):
        return True
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        response = getattr(error, "response", None)
        code = response.get("Error", {}).get("Code") if isinstance(response, dict) else getattr(error, "error_code", "")
        if type(error).__name__ in _REFUSED or str(getattr(code, "value", code)) in _REFUSED:
            return True
        error = error.__cause__
    return False

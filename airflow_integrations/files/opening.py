"""The file system of a path: our own for SFTP, FTP and SMB, fsspec's for all others."""

from __future__ import annotations

from typing import Any

from airflow_integrations.errors import SetupError
from airflow_integrations.files.errors import understood
from airflow_integrations.files.place import Place, is_object_store, located, storage_options

__all__ = ["opened"]

_PACKAGES = {"s3fs": "'airflow-integrations[s3]'", "gcsfs": "gcsfs", "adlfs": "adlfs"}
"""What installs a package of a file system."""


def opened(path: str, place: Place | None) -> tuple[Any, str, str]:
    """The file system, the path there, which may have wildcards, and the protocol; ``""`` for this machine's disks.

    Raises SetupError for a protocol that is not known, or whose package is not installed, for a Connection that does
    not fit, and for a login or certificate that is refused; OutageError where the place is away.
    """
    path = located(path, place)
    protocol = path.partition("://")[0] if "://" in path else ""
    with understood(path):
        if protocol in ("sftp", "ssh", "ftp", "ftps", "smb"):
            return *_server(path, protocol, place), protocol
        return *_other(path, protocol, place), protocol


def _server(path: str, protocol: str, place: Place | None) -> tuple[Any, str]:
    authority, _, inside = path.partition("://")[2].partition("/")
    host, port = _address(authority)
    if place is not None:
        if not place.host:
            raise SetupError(f"Connection {place.name!r} has no host")
        if authority and (host != place.host.strip("[]") or port not in (None, place.port)):
            raise SetupError(
                f"{path}: the host is that of Connection {place.name!r}, which is {place.host}; write the path alone, "
                f"such as /{inside}"
            )
        host, port = place.host.strip("[]"), place.port
    if protocol in ("sftp", "ssh"):
        from airflow_integrations.files.sftp import SftpFiles
        from airflow_integrations.files.sftp_login import SftpLogin

        return SftpFiles(SftpLogin.of(host, port, place)), f"/{inside}"
    if protocol == "smb":
        from airflow_integrations.files.smb import SmbFiles
        from airflow_integrations.files.smb_login import SmbLogin

        return SmbFiles(SmbLogin.of(host, port, place)), f"/{inside}"
    from airflow_integrations.files.ftp import FtpFiles
    from airflow_integrations.files.ftp_login import FtpLogin

    return FtpFiles(FtpLogin.of(host, port, place, secure=protocol == "ftps")), f"/{inside}"


def _address(authority: str) -> tuple[str, int | None]:
    host, _, port = authority.rpartition(":") if not authority.endswith("]") else (authority, "", "")
    if not host:
        host, port = authority, ""
    if port and not port.isdigit():
        raise SetupError(f"{authority}: the port is not a number")
    return host.strip("[]"), int(port) if port else None


def _other(path: str, protocol: str, place: Place | None) -> tuple[Any, str]:
    from fsspec.core import url_to_fs

    options = storage_options(path, place)
    if protocol and not is_object_store(protocol):
        options["skip_instance_cache"] = True  # a server's: what was lost once would stay lost in this process
    try:
        fs, inside = url_to_fs(path, **options)
    except ImportError as error:
        remedy = next((f"; pip install {name}" for package, name in _PACKAGES.items() if package in str(error)), "")
        raise SetupError(f"{path}: {error}{remedy}") from None
    except (ValueError, TypeError) as error:
        raise SetupError(f"{path}: {error}") from None
    return fs, inside

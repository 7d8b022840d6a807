"""Where files are and who we are there: a path or URL, and a Connection, in fsspec's terms."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable
from urllib.parse import urlsplit

from airflow_integrations.errors import SetupError

__all__ = ["Place", "Places", "checked_path", "is_object_store", "located", "place_of", "storage_options"]

_OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss"})
"""Protocols under which a file appears as a whole, when it is complete."""
_PROTOCOLS = {
    "sftp": "sftp",
    "ssh": "sftp",
    "ftp": "ftp",
    "ftps": "ftp",
    "samba": "smb",
    "smb": "smb",
    "aws": "s3",
    "s3": "s3",
    "google_cloud_platform": "gs",
    "gcs": "gs",
    "wasb": "abfs",
    "adls": "abfs",
    "fs": "file",
}
"""What a path without a protocol means, by the type of the Connection."""
_AWS_OTHER = ("role_arn", "assume_role_method", "profile_name", "session_kwargs")


class Place(Protocol):
    """A Connection to a file system."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int | None: ...
    @property
    def login(self) -> str | None: ...
    @property
    def password(self) -> str | None: ...
    @property
    def extra(self) -> Mapping[str, Any]: ...


@runtime_checkable
class Places(Protocol):
    """Connections that know file systems, too."""

    def broker(self, connection: str) -> Place:
        """Raises SetupError where the Connection is missing. May block: call it in a thread."""
        ...


def place_of(connection: str | None, connections: object) -> Place | None:
    """Who we are at a place of files; None without a Connection. Raises SetupError where it is missing, or where
    ``connections`` know no such places. May block."""
    if connection is None:
        return None
    if not isinstance(connections, Places):
        raise SetupError(
            f"Connection {connection!r} is one of files, and there is none here; give the entities themselves, such as "
            "given.entities in a route test"
        )
    return connections.broker(connection)


def checked_path(path: str) -> str:
    """A path that an option names. Raises ValueError for one that holds a user or password."""
    if "@" in urlsplit(path).netloc and "://" in path:
        raise ValueError("it holds a user; put user and password into a Connection, and name that as connection")
    return path


def is_object_store(protocol: str) -> bool:
    """Whether a file appears there as a whole, and folders are only parts of names."""
    return protocol in _OBJECT_STORES


def located(path: str, place: Place | None) -> str:
    """The path with its protocol, which is that of the Connection's type where the path names none.

    Raises SetupError for a Connection of which that cannot be told, or of another type than the path's protocol.
    """
    if place is None:
        return path
    kind = place.kind.lower().replace("-", "_")
    protocol = _PROTOCOLS.get(kind)
    written = urlsplit(path).scheme if "://" in path else ""
    if written:
        same = {"s3a": "s3", "gcs": "gs", "abfss": "abfs", "az": "abfs", "local": "file", "ssh": "sftp", "ftps": "ftp"}
        if protocol is not None and same.get(written, written) != protocol:
            raise SetupError(f"Connection {place.name!r} is of type {place.kind!r}, and the path is one of {written}")
        return path
    if protocol is None:
        if kind in ("", "generic"):
            return path
        raise SetupError(
            f"Connection {place.name!r} is of type {place.kind!r}, which says nothing of a file system; write the path "
            f"with its protocol, such as s3://bucket/in/*.csv, or use a Connection of type {', '.join(_PROTOCOLS)}"
        )
    if protocol == "file":
        base = str(place.extra.get("path") or "")
        return f"{base.rstrip('/')}/{path.lstrip('/')}" if base else path
    if is_object_store(protocol):
        return f"{protocol}://{path.lstrip('/')}"
    return f"{protocol}://{place.host}/{path.lstrip('/')}"


def storage_options(path: str, place: Place | None) -> dict[str, Any]:
    """The arguments of fsspec's file system for a path with its protocol. Raises SetupError for what is not known."""
    if place is None:
        return {}
    protocol = urlsplit(path).scheme if "://" in path else ""
    if protocol in ("", "file", "local"):
        return {}
    extra = dict(place.extra)
    if protocol in ("s3", "s3a") and place.kind.lower() == "aws":
        return _aws(place, extra)
    kind = place.kind.lower().replace("-", "_")
    if protocol in ("gs", "gcs") and kind == "google_cloud_platform":
        return _google(place, extra)
    if protocol in ("abfs", "abfss", "az", "adl") and kind in ("wasb", "adls"):
        return _azure(place, extra)
    if is_object_store(protocol):
        given: dict[str, Any] = {"key": place.login, "secret": place.password}
    else:
        given = {"host": place.host, "port": place.port, "username": place.login, "password": place.password}
    return {name: value for name, value in given.items() if value} | extra


def _aws(place: Place, extra: dict[str, Any]) -> dict[str, Any]:
    """Airflow's own fields of a Connection to AWS, in the words of s3fs."""
    for name in _AWS_OTHER:
        if extra.get(name):
            raise SetupError(
                f"Connection {place.name!r}: {name} in extra is not supported for files; give login and password, "
                "or leave them out and let the machine's own role count"
            )
    client = {name: extra.pop(name, None) for name in ("region_name", "endpoint_url")}
    verify, authority = extra.pop("verify", None), extra.pop("ca", None)
    if verify is False or authority:
        extra["client_kwargs"] = {"verify": verify is not False and authority, **extra.get("client_kwargs", {})}
    given = {"key": place.login, "secret": place.password, "token": extra.pop("aws_session_token", None)}
    kwargs = {**extra.pop("client_kwargs", {}), **{name: value for name, value in client.items() if value}}
    found = {name: value for name, value in given.items() if value} | extra
    return {**found, "client_kwargs": kwargs} if kwargs else found


def _google(place: Place, extra: dict[str, Any]) -> dict[str, Any]:
    """Airflow's own fields of a Connection to Google, in the words of gcsfs. Without a key the machine's own role."""
    path, content = extra.pop("key_path", None), extra.pop("keyfile_dict", None)
    extra.pop("scope", None), extra.pop("num_retries", None)
    for name in ("key_secret_name", "credential_config_file", "impersonation_chain"):
        if extra.get(name):
            raise SetupError(
                f"Connection {place.name!r}: {name} in extra is not supported for files; give key_path or "
                "keyfile_dict, or neither and let the machine's own role count"
            )
    if isinstance(content, str) and content:
        try:
            content = json.loads(content)
        except ValueError:
            raise SetupError(f"Connection {place.name!r}: keyfile_dict in extra is not JSON") from None
    token = content or path
    return ({"token": token} if token else {}) | extra


def _azure(place: Place, extra: dict[str, Any]) -> dict[str, Any]:
    """Airflow's own fields of a Connection to Azure's storage, in the words of adlfs."""
    tenant = extra.pop("tenant_id", None)
    account = extra.pop("account_name", None)
    if tenant:
        account = account or place.host.removeprefix("https://").partition(".")[0]
        given = {"tenant_id": tenant, "client_id": place.login, "client_secret": place.password}
    else:
        account = account or place.login
        given = {"account_key": place.password or extra.pop("shared_access_key", None)}
    found = {name: value for name, value in {"account_name": account, **given}.items() if value} | extra
    if not {"account_name", "connection_string"} & found.keys():
        raise SetupError(
            f"Connection {place.name!r} names no storage account: give it as login, or connection_string in extra"
        )
    return found

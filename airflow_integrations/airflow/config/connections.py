"""Airflow's Connections and Variables, read when a task needs them. Nothing else in this package reads them.

A Connection is one of providers-http's type, and its fields mean what they mean there: host (with or without scheme),
schema (the scheme), port, login and password (basic authentication), and in extra timeout, verify, cert, proxies. Our
own options stand in extra under one key, ``integrations`` (:class:`ConnectionOptions`). Other keys of extra, which
providers-http sends as headers, are not sent.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import logging
import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from airflow_integrations.airflow.config.connection_options import ConnectionOptions
from airflow_integrations.airflow.config.sign_in import auth_of, csrf_of
from airflow_integrations.errors import SetupError

if TYPE_CHECKING:
    from airflow_integrations.http import Endpoint
    from airflow_integrations.queues.broker import Broker
    from airflow_integrations.sql.database import Database

__all__ = ["AirflowConnections"]

log = logging.getLogger("airflow_integrations")

_KNOWN_EXTRA = {
    *("timeout", "verify", "verify_ssl", "cert", "proxy", "proxies", "integrations"),
    # of providers-http, and without a meaning here: redirects, streaming and statuses are the route's matter
    *("allow_redirects", "max_redirects", "stream", "check_response", "trust_env", "srv_lookup"),
}

_HTTP_EXAMPLE = "--conn-type http --conn-host https://… --conn-login … --conn-password …"
_DATABASE_EXAMPLE = "--conn-type postgres --conn-host … --conn-schema … --conn-login … --conn-password …"
_BROKER_EXAMPLE = "--conn-type … --conn-host … --conn-port … --conn-login … --conn-password …"


class AirflowConnections:
    """Endpoints and Variables for a run, by Airflow's own search: secrets backend, environment, metadata database."""

    @classmethod
    def for_command_line(cls) -> AirflowConnections:
        """As ``airflow connections`` sees them, and without a metadata database those of environment and backends.
        Airflow is loaded then, and its logs are configured."""
        os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")  # else the SDK leaves the database out
        from airflow.sdk import Connection, Variable  # noqa: F401

        return cls()

    def endpoint(self, connection: str) -> Endpoint:
        """Raises SetupError where the Connection is missing or cannot be used."""
        return _endpoint(connection, self.read(connection))

    def broker(self, connection: str) -> Broker:
        """Raises SetupError where the Connection is missing or its extra is not JSON object."""
        from airflow_integrations.queues.broker import Broker

        found = self.read(connection, _BROKER_EXAMPLE)
        return Broker(
            name=connection,
            kind=(found.conn_type or "").lower(),
            host=(found.host or "").strip(),
            port=found.port or None,
            login=found.login or None,
            password=found.password or None,
            schema=found.schema or "",
            extra=_json_extra(connection, found),
        )

    def database(self, connection: str) -> Database:
        """Raises SetupError where the Connection is missing or is not that of a database."""
        from airflow_integrations.airflow.config.databases import database_of

        found = self.read(connection, _DATABASE_EXAMPLE)
        return database_of(connection, found, _json_extra(connection, found))

    def read(self, connection: str, example: str = "") -> Any:
        """The Connection as Airflow has it. Raises SetupError where it is missing; ``example`` says what to
        add; that of an HTTP API where it is empty."""
        from airflow.sdk import Connection
        from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException

        try:
            return Connection.get(connection)
        except AirflowNotFoundException:
            raise SetupError(_missing(connection, example or _HTTP_EXAMPLE)) from None
        except (AirflowException, PermissionError) as error:
            raise SetupError(f"Connection {connection!r} could not be read: {error}") from None

    def variable(self, name: str) -> str | None:
        """Raises SetupError where it cannot be read."""
        from airflow.sdk import Variable
        from airflow.sdk.exceptions import AirflowException

        try:
            value = Variable.get(name, default=None)
        except (AirflowException, PermissionError) as error:
            raise SetupError(f"Variable {name!r} could not be read: {error}") from None
        return None if value is None else str(value)


def _names() -> set[str]:
    """The Connections that the environment and, where this process may ask it, the metadata database have."""
    names = {name.removeprefix("AIRFLOW_CONN_").lower() for name in os.environ if name.startswith("AIRFLOW_CONN_")}
    if os.environ.get("_AIRFLOW_PROCESS_CONTEXT") == "server":
        with contextlib.suppress(Exception):  # no database, or none that is migrated: a guess less
            from airflow.models import Connection
            from airflow.utils.session import create_session
            from sqlalchemy import select

            with create_session() as session:
                names.update(session.scalars(select(Connection.conn_id)))
    return names


def _missing(connection: str, example: str) -> str:
    from airflow.sdk.configuration import conf

    backend = conf.get("workers", "secrets_backend", fallback="") or conf.get("secrets", "backend", fallback="")
    places = [
        *([f"the secrets backend {backend.rpartition('.')[2]}"] if backend else []),
        f"the environment variable AIRFLOW_CONN_{connection.upper()}",
        "Airflow's metadata database",
    ]
    if os.environ.get(f"AIRFLOW_CONN_{connection.upper()}"):
        return (
            f"the environment variable AIRFLOW_CONN_{connection.upper()} is set and is not a Connection: it is JSON "
            'such as {"conn_type": "http", "host": "https://…", "login": "…", "password": "…"} or a URI, '
            "http://login:password@host:port, in which each part is percent-encoded"
        )
    close = difflib.get_close_matches(connection, _names(), n=1)
    meant = f", did you mean {close[0]!r}? It was looked for" if close else ": looked"
    return (
        f"there is no Connection {connection!r}{meant} in {', '.join(places)}. "
        f"Add it: airflow connections add {connection} {example}"
    )


def _endpoint(name: str, found: Any) -> Endpoint:
    from airflow_integrations.http import Endpoint

    if (found.conn_type or "http").lower() not in ("http", "https"):
        raise SetupError(f"Connection {name!r} is of type {found.conn_type!r}; a route needs one of type http")
    extra = _extra(name, found)
    options = ConnectionOptions.parse(name, extra.get("integrations", {}))
    base_url = _base_url(name, found)
    settings: dict[str, Any] = {
        field: value
        for field in ("client_cert", "max_answer_bytes", "requests_per_second", "concurrency", "retry_budget")
        if (value := getattr(options, field)) is not None
    }
    connect, read = _timeouts(name, extra.get("timeout"))
    verify = extra.get("verify", extra.get("verify_ssl"))
    both_have = {
        "connect_timeout": options.connect_timeout or connect,
        "read_timeout": options.read_timeout or read,
        "verify": verify if options.verify is None else options.verify,
        "proxy": options.proxy or _proxy(extra, base_url),
    }
    settings |= {field: value for field, value in both_have.items() if value is not None}
    if "client_cert" not in settings and (cert := extra.get("cert")):
        settings["client_cert"] = tuple(cert) if isinstance(cert, list) else cert
    auth = auth_of(name, found.login or "", found.password or "", options, time.time)
    return Endpoint(name, base_url, auth, csrf_of(options), headers=options.headers, **settings)


def _json_extra(name: str, found: Any) -> dict[str, Any]:
    if not found.extra:
        return {}
    try:
        json.loads(found.extra)
    except ValueError:
        raise SetupError(f"Connection {name!r}: extra is not JSON") from None
    extra = found.extra_dejson  # this also tells Airflow's log masker about the secrets in it
    if not isinstance(extra, dict):
        raise SetupError(f"Connection {name!r}: extra is a JSON object, not {type(extra).__name__}")
    return extra


def _extra(name: str, found: Any) -> Mapping[str, Any]:
    extra = _json_extra(name, found)
    if str(extra.get("srv_lookup", "")).lower() in ("true", "1"):
        raise SetupError(f"Connection {name!r}: srv_lookup is not supported; give the host itself")
    if others := sorted(set(extra) - _KNOWN_EXTRA):
        log.warning(
            "Connection %s: %s in extra: not sent as headers, unlike Airflow's own HTTP operators do; "
            "what is meant as a header goes under integrations.headers",
            name,
            ", ".join(others),
        )
    return extra


def _base_url(name: str, found: Any) -> str:
    host = (found.host or "").strip()
    if not host:
        raise SetupError(f"Connection {name!r} has no host")
    if "://" not in host:
        scheme = (found.schema or "").strip().lower() or ("https" if found.conn_type == "https" else "http")
        if scheme not in ("http", "https"):
            raise SetupError(
                f"Connection {name!r}: its schema is the scheme, http or https, not {scheme!r}; "
                "a path goes behind the host"
            )
        host = f"{scheme}://{host}"
    parts = urlsplit(host)
    if found.port:
        if ":" in parts.netloc.rpartition("]")[2]:
            raise SetupError(f"Connection {name!r} has a port in its host and in port; leave one of them out")
        parts = parts._replace(netloc=f"{parts.netloc}:{found.port}")
    return urlunsplit(parts)


def _timeouts(name: str, value: Any) -> tuple[float | None, float | None]:
    """As requests understands ``timeout``: one number, or one for connecting and one for reading."""
    both = value if isinstance(value, list) and len(value) == 2 else (value, value)
    try:
        connect, read = (None if each is None else float(each) for each in both)
    except (TypeError, ValueError):
        raise SetupError(f"Connection {name!r}: extra.timeout is a number of seconds, or [connect, read]") from None
    return connect, read


def _proxy(extra: Mapping[str, Any], base_url: str) -> str | None:
    proxies = extra.get("proxies", extra.get("proxy"))
    if isinstance(proxies, dict):
        proxies = proxies.get(urlsplit(base_url).scheme)
    return str(proxies) if proxies else None

"""Airflow's Connections of databases as SQLAlchemy knows them.

Of PostgreSQL, MySQL, MariaDB, SQLite, SQL Server and Oracle the fields mean what they mean to Airflow's providers, and
no provider is needed. Of every other type the provider's hook is asked for its SQLAlchemy address.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from airflow_integrations.errors import SetupError
from airflow_integrations.sql.database import Database

__all__ = ["database_of"]

_DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
    "mssql": "mssql+pymssql",
    "oracle": "oracle+oracledb",
}
_POSTGRES = frozenset(
    {
        *(
            "sslmode",
            "sslcert",
            "sslkey",
            "sslrootcert",
            "sslcrl",
            "sslpassword",
            "options",
            "connect_timeout",
            "service",
        ),
        *("application_name", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"),
        *("tcp_user_timeout", "target_session_attrs", "channel_binding", "gssencmode", "passfile", "hostaddr"),
    }
)
_MYSQL = frozenset({"charset", "unix_socket", "connect_timeout", "read_timeout", "write_timeout", "init_command"})


def database_of(name: str, found: Any, extra: Mapping[str, Any]) -> Database:
    """Raises SetupError for a Connection that is not that of a database, or that has an unknown option."""
    from sqlalchemy import URL

    kind = (found.conn_type or "").lower().replace("-", "_")
    if kind in ("http", "https", ""):
        raise SetupError(
            f"Connection {name!r} is of type {found.conn_type!r}; sql needs one of a database, such as postgres"
        )
    if kind == "sqlite":
        path = (found.host or "") + (f"/{found.schema}" if found.host and found.schema else found.schema or "")
        if not path:
            raise SetupError(f"Connection {name!r} names no file; its host is the path of the SQLite database")
        return Database(name, URL.create("sqlite", database=path).render_as_string(hide_password=False))
    driver = _DRIVERS.get(kind)
    if driver is None:
        return Database(name, _of_hook(name, found))
    if str(extra.get("iam", "")).lower() in ("true", "1"):
        raise SetupError(f"Connection {name!r}: tokens of IAM are not supported; give login and password")
    url = URL.create(
        driver,
        found.login or None,
        found.password or None,
        (found.host or "").strip() or None,
        found.port or None,
        found.schema or None,
    )
    return Database(name, url.render_as_string(hide_password=False), _options(name, driver, extra))


def _options(name: str, driver: str, extra: Mapping[str, Any]) -> dict[str, Any]:
    if driver.startswith("postgresql"):
        return {key: value for key, value in extra.items() if key in _POSTGRES}
    if driver.startswith("mysql"):
        options = {key: value for key, value in extra.items() if key in _MYSQL}
        ssl = extra.get("ssl")
        if isinstance(ssl, str):
            try:
                ssl = json.loads(ssl)
            except ValueError:
                raise SetupError(f"Connection {name!r}: extra.ssl must be an object with ca, cert and key") from None
        return {**options, "ssl": ssl} if ssl else options
    return {}


def _of_hook(name: str, found: Any) -> str:
    try:
        hook = found.get_hook()
        url = getattr(hook, "sqlalchemy_url", None) or hook.get_uri()
    except Exception as error:
        raise SetupError(
            f"Connection {name!r} is of type {found.conn_type!r}, and Airflow has no SQLAlchemy address for it: "
            f"{error}. Install the provider of that type"
        ) from None
    return url if isinstance(url, str) else str(url.render_as_string(hide_password=False))

"""Where a database is and who we are there, and connections to it that give exact values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from airflow_integrations.errors import SetupError

if TYPE_CHECKING:
    from sqlalchemy import Engine

__all__ = ["Database", "Databases"]

CONNECT_SECONDS = 10
ANSWER_SECONDS = 900
"""A MySQL server that says nothing for so long is away. PostgreSQL's side of it is done by TCP."""
_TEXTS = (
    *("timestamp", "timestamptz", "date", "time", "timetz", "interval", "uuid", "inet", "cidr"),
    *("int4range", "int8range", "numrange", "tsrange", "tstzrange", "daterange"),
)
"""PostgreSQL's types that are taken as the text it writes: all of it, also infinity, months and years before 1."""


@dataclass(frozen=True)
class Database:
    """One database. Its repr holds no password."""

    name: str
    """The Connection's id, for messages."""
    url: str = field(repr=False)
    """As SQLAlchemy writes it, with the driver: ``postgresql+psycopg://…``."""
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Further arguments of the driver's ``connect``."""

    @property
    def dialect(self) -> str:
        """``postgresql``, ``mysql``, ``mariadb``, ``sqlite``, ``mssql``, ``oracle``, …"""
        return self.url.partition(":")[0].partition("+")[0]

    @property
    def is_mysql(self) -> bool:
        return self.dialect in ("mysql", "mariadb")

    def engine(self) -> Engine:
        """An engine without a pool. Raises SetupError where the driver is not installed, the address is not one, or a
        file of SQLite is not there: SQLite would make an empty one.

        Sessions are in UTC; MySQL is told to refuse what does not fit instead of cutting it off.
        """
        from sqlalchemy import create_engine, event, make_url
        from sqlalchemy.exc import ArgumentError, NoSuchModuleError
        from sqlalchemy.pool import NullPool

        from airflow_integrations.sql.json_values import json_value

        more: dict[str, Any] = {}
        if self.dialect in ("postgresql", "sqlite") or self.is_mysql:
            more["json_deserializer"] = json_value
        try:
            engine = create_engine(
                self.url, poolclass=NullPool, connect_args={**self._defaults(), **self.options}, **more
            )
        except (ArgumentError, NoSuchModuleError) as error:
            raise SetupError(f"Connection {self.name!r}: SQLAlchemy cannot use it: {error}") from None
        except ModuleNotFoundError as error:
            raise SetupError(
                f"Connection {self.name!r} needs the Python package {error.name}; {self._install()}"
            ) from None
        file = make_url(self.url).database if self.dialect == "sqlite" else None
        if file and not file.startswith((":", "file:")) and not Path(file).exists():
            raise SetupError(f"Connection {self.name!r}: no such file: {file}; make the database, or correct the path")
        event.listen(engine, "connect", self._connected)
        return engine

    def _defaults(self) -> dict[str, Any]:
        if self.dialect == "postgresql":
            alive = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
            return {"connect_timeout": CONNECT_SECONDS, "application_name": "airflow-integrations", **alive}
        if self.is_mysql:
            return {"connect_timeout": CONNECT_SECONDS, "read_timeout": ANSWER_SECONDS, "charset": "utf8mb4"}
        if self.dialect == "sqlite":
            return {"timeout": 20.0}
        return {}

    def _connected(self, raw: Any, record: object) -> None:
        if self.dialect == "postgresql" and hasattr(raw, "adapters"):
            from psycopg.types.string import TextLoader

            for name in _TEXTS:
                raw.adapters.register_loader(name, TextLoader)
            self._told(raw, "SET TIME ZONE 'UTC'", "SET intervalstyle = 'iso_8601'", "SET datestyle = 'ISO, YMD'")
            raw.commit()
        elif self.is_mysql:
            strict = "CONCAT_WS(',', NULLIF(@@sql_mode, ''), 'STRICT_ALL_TABLES')"
            self._told(raw, "SET time_zone = '+00:00'", f"SET sql_mode = {strict}")
        elif self.dialect == "sqlite":
            raw.isolation_level = None  # transactions begin where we say so
            raw.text_factory = _text
            self._told(raw, "PRAGMA foreign_keys = ON")

    @staticmethod
    def _told(raw: Any, *statements: str) -> None:
        cursor = raw.cursor()
        for statement in statements:
            cursor.execute(statement)
        cursor.close()

    def _install(self) -> str:
        extra = {"postgresql": "postgres", "mysql": "mysql", "mariadb": "mysql"}.get(self.dialect)
        return f"pip install 'airflow-integrations[{extra}]'" if extra else "install it where tasks run"


def _text(content: bytes) -> str:
    """SQLite's texts may hold any bytes. Those that are not UTF-8 become surrogates (PEP 383), which is the matter of
    their row alone."""
    return str(content, "utf-8", "surrogateescape")


@runtime_checkable
class Databases(Protocol):
    """Connections that know databases, too."""

    def database(self, connection: str) -> Database:
        """The database of a Connection. Raises SetupError where it is missing or not usable."""
        ...

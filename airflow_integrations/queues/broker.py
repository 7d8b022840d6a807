"""A broker's address and login, from a Connection."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from airflow_integrations.config.tls import tls_context
from airflow_integrations.errors import SetupError

__all__ = ["Broker", "Brokers", "broker_of", "client_library"]


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker and how to get in. Its ``repr`` has no secret."""

    name: str
    """The Connection's."""
    kind: str = ""
    """The Connection's type."""
    host: str = ""
    port: int | None = None
    login: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    schema: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def address(self, port: int) -> tuple[str, int]:
        """Host and port. Raises SetupError where the Connection has no host."""
        if not self.host:
            raise SetupError(f"Connection {self.name!r} has no host")
        return self.host, self.port or port

    def only(self, *kinds: str) -> None:
        """Raises SetupError for a Connection of a type that belongs to something else."""
        if self.kind and self.kind not in (*kinds, "generic"):
            fitting = " or ".join((*kinds, "generic"))
            raise SetupError(f"Connection {self.name!r} is of type {self.kind!r}; this needs one of type {fitting}")

    def tls(self) -> ssl.SSLContext | None:
        """By the extra's ``tls``, ``ca``, ``cert``, ``key``, ``verify``; None where it says nothing of TLS.

        Raises SetupError where a file it names cannot be used.
        """
        if not any(self.extra.get(option) for option in ("tls", "ca", "cert", "key")):
            return None
        return tls_context(self.name, self.extra)


@runtime_checkable
class Brokers(Protocol):
    """Where Brokers come from: Airflow's Connections in production, plain dictionaries in tests."""

    def broker(self, connection: str) -> Broker:
        """Raises SetupError where the Connection is missing. May block: call it in a thread."""
        ...


def broker_of(connection: str, connections: object) -> Broker:
    """The broker of a Connection. May block: call it in a thread.

    Raises SetupError where the Connection is missing, or where ``connections`` know no brokers.
    """
    if not isinstance(connections, Brokers):
        raise SetupError(f"Connection {connection!r} is that of a queue, and there is none here")
    return connections.broker(connection)


def client_library(name: str, extra: str) -> SetupError:
    """For a client library that is not installed."""
    return SetupError(f"this needs {name}, which is not installed: pip install 'airflow-integrations[{extra}]'")

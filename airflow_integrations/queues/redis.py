"""A client of Redis (5 or later) or Valkey."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_integrations.config.tls import certificate_refused
from airflow_integrations.errors import OutageError, SetupError, why_unreachable
from airflow_integrations.queues.broker import Broker, client_library

if TYPE_CHECKING:
    from redis.asyncio import Redis

__all__ = ["client_of", "understood"]

SOCKET_SECONDS = 20
"""A server that is silent for so long, although it would have answered by then, is away."""


def client_of(broker: Broker, *, again: bool = True) -> Redis:
    """It connects when it is first used. ``again``: what meets a broken connection is sent again at once. Raises
    SetupError."""
    try:
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
    except ImportError:
        raise client_library("redis", "redis") from None
    broker.only("redis")
    host, port = broker.address(6379)
    tls = broker.tls()
    options: dict[str, Any] = {}
    if tls is not None:
        extra = broker.extra
        options = {
            "ssl": True,
            "ssl_ca_certs": extra.get("ca"),
            "ssl_certfile": extra.get("cert"),
            "ssl_keyfile": extra.get("key"),
            "ssl_cert_reqs": "none" if extra.get("verify") is False else "required",
            "ssl_check_hostname": extra.get("verify") is not False,
        }
    if not again:
        options["retry"] = Retry(NoBackoff(), 0)
    return Redis(
        host=host,
        port=port,
        db=int(broker.extra.get("db") or 0),
        username=broker.login or None,
        password=broker.password or None,
        socket_timeout=SOCKET_SECONDS,
        socket_connect_timeout=10,
        protocol=2,  # the other one gives answers of other shapes
        **options,
    )


@contextmanager
def understood(name: str) -> Iterator[None]:
    """Turn the client library's errors into SetupError and OutageError."""
    from redis import exceptions

    try:
        yield
    except (exceptions.AuthenticationError, exceptions.NoPermissionError) as error:
        raise SetupError(f"{name}: Redis refuses: {error}") from None
    except exceptions.ResponseError as error:
        if str(error).startswith("NOGROUP"):  # the server began anew with less than it had
            raise OutageError(f"{name}: {error}") from None
        raise SetupError(f"{name}: Redis refuses: {error}") from None
    except (exceptions.RedisError, OSError) as error:
        kind = SetupError if certificate_refused(error) else OutageError
        raise kind(f"{name}: Redis cannot be reached: {why_unreachable(error)}") from None

"""A connection to NATS JetStream."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_integrations.config.tls import certificate_refused
from airflow_integrations.errors import OutageError, SetupError, why_unreachable
from airflow_integrations.queues.broker import Broker, client_library

if TYPE_CHECKING:
    from nats.aio.client import Client

__all__ = ["connect", "understood"]


async def connect(broker: Broker, gone: asyncio.Event) -> Client:
    """``gone`` is set when the connection has ended: it is not made anew. Raises SetupError; what the client library
    raises is for :func:`understood`."""
    from nats.aio.client import Client
    from nats.errors import NoServersError

    broker.only("nats")
    tls = broker.tls()
    host, port = broker.address(4222)
    secret: dict[str, Any] = {}
    if broker.password:
        secret = {"user": broker.login, "password": broker.password} if broker.login else {"token": broker.password}

    async def note(*_: object) -> None:
        gone.set()

    async def keep(error: Exception) -> None:
        """What goes wrong is told where it is waited for; the client would log it besides."""
        causes.append(error)

    causes: list[Exception] = []
    client = Client()
    connecting = client.connect(
        f"{'tls' if tls else 'nats'}://{host}:{port}",
        name="airflow-integrations",
        allow_reconnect=False,
        max_reconnect_attempts=1,  # the client would try the first connection for two minutes
        reconnect_time_wait=0,
        connect_timeout=10,
        ping_interval=20,
        disconnected_cb=note,
        closed_cb=note,
        error_cb=keep,
        tls=tls,
        **secret,
    )
    try:
        await connecting
    except NoServersError:
        raise (causes[-1] if causes else ConnectionError("no server")) from None
    return client


@contextmanager
def understood(name: str, stream: str) -> Iterator[None]:
    """Turn the client library's errors into SetupError and OutageError."""
    try:
        from nats import errors
        from nats.js.errors import APIError, NotFoundError
    except ImportError:
        raise client_library("nats-py", "nats") from None
    try:
        yield
    except NotFoundError as error:
        raise SetupError(f"{name}: NATS has no stream {stream!r}, or no consumer of it: {error}") from None
    except errors.AuthorizationError as error:
        raise SetupError(f"{name}: NATS refuses the credentials: {error}") from None
    except APIError as error:
        kind = OutageError if error.code is not None and error.code >= 500 else SetupError
        raise kind(f"{name}: NATS refuses: {error}") from None
    except (TimeoutError, errors.Error, OSError) as error:
        if "authorization" in str(error).lower():  # a bare Error while it connects
            raise SetupError(f"{name}: NATS refuses the credentials: {error}") from None
        kind = SetupError if certificate_refused(error) else OutageError
        raise kind(f"{name}: NATS cannot be reached: {why_unreachable(error)}") from None

"""A connection to RabbitMQ, or to anything else that speaks AMQP 0-9-1."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow_integrations.config.tls import certificate_refused
from airflow_integrations.errors import OutageError, SetupError, why_unreachable
from airflow_integrations.queues.broker import Broker, client_library

if TYPE_CHECKING:
    from aio_pika.abc import AbstractConnection

__all__ = ["SETUP_SECONDS", "connect", "understood"]

HEARTBEAT = 20
"""Seconds: a connection whose other end vanished is noticed within twice as many."""
SETUP_SECONDS = 30
"""A broker that accepts a connection and then says nothing, as one that recovers may, is tried again after so long."""


async def connect(broker: Broker) -> AbstractConnection:
    """Raises SetupError; what the client library raises is for :func:`understood`."""
    try:
        import aio_pika
    except ImportError:
        raise client_library("aio-pika", "rabbitmq") from None
    broker.only("amqp", "rabbitmq")
    logging.getLogger("aiormq.connection").setLevel(logging.CRITICAL)  # what it raises it logs, too, with a traceback
    tls = broker.tls()
    host, port = broker.address(5671 if tls else 5672)
    return await aio_pika.connect(
        host=host,
        port=port,
        login=broker.login or "guest",
        password=broker.password or "guest",
        virtualhost=broker.schema or "/",
        ssl=tls is not None,
        ssl_context=tls,
        heartbeat=HEARTBEAT,
        timeout=15,
    )


@contextmanager
def understood(broker: Broker) -> Iterator[None]:
    """Turn the client library's errors into SetupError and OutageError."""
    from aiormq import exceptions

    try:
        yield
    except (exceptions.AuthenticationError, exceptions.ProbableAuthenticationError) as error:
        raise SetupError(f"{broker.name}: RabbitMQ refuses login or virtual host: {error}") from None
    except (
        exceptions.ChannelNotFoundEntity,
        exceptions.ChannelAccessRefused,
        exceptions.ChannelLockedResource,
    ) as error:
        there = "; a route declares none: make it at the broker" if "NOT_FOUND" in str(error) else ""
        raise SetupError(f"{broker.name}: {error}{there}") from None
    except (TimeoutError, exceptions.AMQPError, OSError) as error:
        kind = SetupError if certificate_refused(error) else OutageError
        raise kind(f"{broker.name}: RabbitMQ cannot be reached: {why_unreachable(error)}") from None

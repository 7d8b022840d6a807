"""How to get into Kafka, and what its errors mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

from pydantic import Field

from airflow_integrations.config.tls import tls_context
from airflow_integrations.errors import OutageError, SetupError, why_unreachable
from airflow_integrations.queues.broker import Broker, client_library

__all__ = ["TopicName", "access", "understood"]

TopicName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$", max_length=249)]


def access(broker: Broker) -> dict[str, Any]:
    """The arguments of aiokafka's clients. Raises SetupError."""
    broker.only("kafka")
    extra: Mapping[str, Any] = broker.extra
    servers = extra.get("bootstrap.servers")
    if not servers:
        host, port = broker.address(9092)
        servers = f"{host}:{port}"
    login, password = extra.get("sasl.username", broker.login), extra.get("sasl.password", broker.password)
    files = {"ca": "ssl.ca.location", "cert": "ssl.certificate.location", "key": "ssl.key.location"}
    given = {**extra, **{ours: extra[theirs] for ours, theirs in files.items() if extra.get(theirs)}}
    if extra.get("enable.ssl.certificate.verification") is False:
        given["verify"] = False
    tls = any(given.get(option) for option in ("tls", *files))
    protocol = str(
        extra.get("security.protocol") or f"{'SASL_' if login else ''}{'SSL' if tls else 'PLAINTEXT'}"
    ).upper()
    if tls and not protocol.endswith("SSL"):
        raise SetupError(f"Connection {broker.name!r}: its extra wants TLS, and security.protocol there is {protocol}")
    options: dict[str, Any] = {"bootstrap_servers": servers, "security_protocol": protocol}
    if protocol.endswith("SSL"):
        options["ssl_context"] = tls_context(broker.name, given)
    if protocol.startswith("SASL"):
        mechanism = extra.get("sasl.mechanism") or extra.get("sasl.mechanisms") or "PLAIN"
        options |= {"sasl_mechanism": mechanism, "sasl_plain_username": login, "sasl_plain_password": password}
    return options


@contextmanager
def understood(name: str) -> Iterator[None]:
    """Turn the client library's errors into SetupError and OutageError."""
    try:
        from aiokafka import errors
    except ImportError:
        raise client_library("aiokafka", "kafka") from None
    refusals = (
        errors.AuthenticationFailedError,
        errors.TopicAuthorizationFailedError,
        errors.GroupAuthorizationFailedError,
        errors.UnsupportedSaslMechanismError,
    )
    try:
        yield
    except refusals as error:
        raise SetupError(f"{name}: Kafka refuses: {error}") from None
    except (TimeoutError, errors.KafkaError, OSError) as error:
        raise OutageError(f"{name}: Kafka cannot be reached: {why_unreachable(error)}") from None

"""Getting in: credentials, TLS, and queues that are not there, or no longer."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import aio_pika
import feeds
import nats
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from listen_scene import bodies, ids, listening, until
from redis.asyncio import Redis
from servers import Server

from airflow_integrations.errors import IntegrationError, OutageError, SetupError
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.listen import Message
from airflow_integrations.listen.context import InboxSurroundings
from airflow_integrations.queues.broker import Broker
from airflow_integrations.testing import Feed

SECRET = "pass-word-7"
CONFIGS: dict[str, dict[str, Any]] = {
    "rabbitmq": {"connection": "broker", "queue": "no-such-queue"},
    "redis": {"connection": "broker", "stream": feeds.unique("redis")},
    "nats": {"connection": "broker", "stream": "no-such-stream"},
    "mqtt": {"connection": "broker", "topics": feeds.unique("mqtt")},
}


async def nobody(bodies: Any) -> None:
    raise NotImplementedError


def ends_in(expected: type[Exception] | None, kind: str, at: Broker) -> bool:
    """Whether a listener's beginning ends in this; None: it listens, and hears what is sent."""
    feed = Feed(kind=kind, config=CONFIGS[kind], brokers={"broker": at}, publish=nobody)

    async def scene(ledger: Ledger) -> None:
        batches: AsyncGenerator[Sequence[Message], None] = feed.make().batches(
            InboxSurroundings(feed, ledger.inbox, "suite", {})
        )
        async with aclosing(batches), asyncio.timeout(60):
            asking = asyncio.ensure_future(anext(batches))
            while expected is None and not asking.done():
                await SENDERS[kind](at)
                await asyncio.wait({asking}, timeout=0.2)
            await asking

    with Ledger.temporary() as ledger:
        if expected is None:
            asyncio.run(scene(ledger))
            return True
        with pytest.raises((TimeoutError, IntegrationError)) as caught:
            asyncio.run(scene(ledger))
    assert SECRET not in str(caught.value)
    return caught.type is expected


async def send_to_redis(at: Broker) -> None:
    unchecked: dict[str, Any] = {"ssl": True, "ssl_cert_reqs": "none", "ssl_check_hostname": False}
    tls = unchecked if at.extra.get("tls") else {}
    stream = CONFIGS["redis"]["stream"]
    async with Redis(host=at.host, port=at.port or 6379, username=at.login, password=at.password, **tls) as client:
        await client.xadd(stream, {"body": b"{}"}, maxlen=1)
        await client.expire(stream, 60)


async def send_to_mqtt(at: Broker) -> None:
    def send() -> None:
        client = feeds.mqtt_client(at, feeds.unique("mqtt"))
        client.username_pw_set(at.login, at.password)
        if at.extra.get("tls"):
            client.tls_set(cert_reqs=ssl.CERT_NONE)
            client.tls_insecure_set(True)
        client.connect(at.host, at.port or 1883)
        client.loop_start()
        client.publish(CONFIGS["mqtt"]["topics"], b"{}", qos=1).wait_for_publish(30)
        client.disconnect()
        client.loop_stop()

    await asyncio.to_thread(send)


SENDERS: dict[str, Callable[[Broker], Awaitable[None]]] = {"redis": send_to_redis, "mqtt": send_to_mqtt}
MISSING = {"rabbitmq": SetupError, "nats": SetupError, "redis": None, "mqtt": None}
"""Redis and MQTT make what they listen to."""


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_queue_that_is_not_there(kind: str) -> None:
    assert ends_in(MISSING[kind], kind, feeds.broker(kind))


@pytest.mark.e2e
@pytest.mark.parametrize("kind", CONFIGS)
def test_credentials(kind: str, tmp_path: Path) -> None:
    with Server(kind, tmp_path, login="shop", password=SECRET) as server:
        assert ends_in(MISSING[kind], kind, server.broker)
        assert ends_in(SetupError, kind, replace(server.broker, password="other"))
        assert ends_in(SetupError, kind, replace(server.broker, login=None, password=None))


@pytest.mark.e2e
@pytest.mark.parametrize("kind", CONFIGS)
def test_tls(kind: str, tmp_path: Path) -> None:
    pem = certificate(tmp_path / "server.pem")
    with Server(kind, tmp_path, pem=pem) as server:
        assert ends_in(MISSING[kind], kind, server.broker)
        assert ends_in(SetupError, kind, replace(server.broker, extra={"tls": True}))  # nobody knows its certificate
        assert ends_in(MISSING[kind], kind, replace(server.broker, extra={"tls": True, "verify": False}))
        plain = SetupError if kind == "nats" else OutageError  # NATS says that it wants TLS, and we look who it is
        assert ends_in(plain, kind, replace(server.broker, extra={}))


def certificate(path: Path) -> Path:
    """A self-signed one for 127.0.0.1, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    host = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=30))
        .add_extension(host, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    private = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    path.chmod(0o644)
    return path


async def renew_rabbitmq(feed: Feed) -> None:
    at = feed.brokers["broker"]
    async with await aio_pika.connect(f"amqp://{at.login}:{at.password}@{at.host}:{at.port}/") as connection:
        channel = await connection.channel()
        await channel.queue_delete(feed.config["queue"])
        await channel.declare_queue(feed.config["queue"], durable=True)


async def renew_redis(feed: Feed) -> None:
    at = feed.brokers["broker"]
    async with Redis(host=at.host, port=at.port or 6379) as client:
        await client.delete(feed.config["stream"])


async def renew_nats(feed: Feed) -> None:
    at, stream = feed.brokers["broker"], feed.config["stream"]
    async with await nats.connect(f"nats://{at.host}:{at.port}") as client:
        await client.jetstream().delete_stream(stream)
        await client.jetstream().add_stream(name=stream, subjects=[f"{stream}.>"])


RENEWED: dict[str, tuple[Any, Any]] = {
    "rabbitmq": (feeds.rabbitmq, renew_rabbitmq),
    "redis": (feeds.redis, renew_redis),
    "nats": (feeds.nats, renew_nats),
}


@pytest.mark.parametrize("kind", RENEWED)
def test_one_that_is_deleted_and_made_anew_is_heard_again(kind: str) -> None:
    make, renew = RENEWED[kind]

    async def scene(feed: Feed) -> None:
        with Ledger.temporary() as ledger:
            async with listening(feed, ledger):
                await feed.publish(bodies([1, 2]))
                await until(lambda: ids(ledger) == [1, 2])
                await renew(feed)
                await feed.publish(bodies([3, 4]))
                await until(lambda: ids(ledger) == [1, 2, 3, 4])

    with make(feeds.broker(kind)) as feed:
        asyncio.run(scene(feed))

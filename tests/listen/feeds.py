"""Queues, streams and folders for tests: each with a name of its own, and gone afterwards."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from airflow_integrations.queues.broker import Broker
from airflow_integrations.testing import Feed

USUAL = {
    "rabbitmq": "//guest:guest@127.0.0.1:5672",
    "redis": "//127.0.0.1:6379",
    "nats": "//127.0.0.1:4222",
    "mqtt": "//127.0.0.1:1883",
}


def broker(kind: str) -> Broker:
    """The one that runs on this machine, or that ``TEST_<KIND>`` names. Skips where there is none."""
    named = urlsplit(os.environ.get(f"TEST_{kind.upper()}") or USUAL[kind])
    found = Broker("broker", kind, named.hostname or "", named.port, named.username, named.password)
    try:
        socket.create_connection(found.address(0), timeout=5).close()
    except OSError as error:
        told = f"no {kind} at {found.host}:{found.port} (TEST_{kind.upper()} names another): {error}"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{told}, and CI=true")
        pytest.skip(told)
    return found


def unique(kind: str) -> str:
    return f"test-{kind}-{secrets.token_hex(6)}"


@contextmanager
def rabbitmq(at: Broker, *, arguments: dict[str, Any] | None = None, **config: Any) -> Iterator[Feed]:
    import aio_pika

    name = unique("rabbitmq")
    url = f"amqp://{at.login or 'guest'}:{at.password or 'guest'}@{at.host}:{at.port}/"

    async def declare() -> None:
        async with await aio_pika.connect(url) as connection:
            channel = await connection.channel()
            await channel.declare_queue(name, durable=True, arguments=arguments)

    async def publish(bodies: Any) -> None:
        async with await aio_pika.connect(url) as connection:
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            sent = [
                channel.default_exchange.publish(
                    aio_pika.Message(body, message_id=secrets.token_hex(8), delivery_mode=2), routing_key=name
                )
                for body in bodies
            ]
            await asyncio.gather(*sent)

    async def remove() -> None:
        async with await aio_pika.connect(url) as connection:
            channel = await connection.channel()
            await channel.queue_delete(name)

    asyncio.run(declare())
    try:
        yield Feed(
            kind="rabbitmq",
            config={"connection": "broker", "queue": name, **config},
            brokers={"broker": at},
            publish=publish,
        )
    finally:
        asyncio.run(remove())


@contextmanager
def redis(at: Broker, **config: Any) -> Iterator[Feed]:
    from redis.asyncio import Redis

    name = unique("redis")

    async def publish(bodies: Any) -> None:
        async with Redis(host=at.host, port=at.port or 6379) as client, client.pipeline(transaction=False) as pipeline:
            for body in bodies:
                pipeline.xadd(name, {"body": body})
            await pipeline.execute()

    async def remove() -> None:
        async with Redis(host=at.host, port=at.port or 6379) as client:
            await client.delete(name, f"{name}-dead")

    try:
        yield Feed(
            kind="redis",
            config={"connection": "broker", "stream": name, "field": "body", **config},
            brokers={"broker": at},
            publish=publish,
        )
    finally:
        asyncio.run(remove())


@contextmanager
def nats(at: Broker, *, ack_wait: float = 2, **config: Any) -> Iterator[Feed]:
    import nats as client_library
    from nats.js.api import AckPolicy, ConsumerConfig

    name = unique("nats")
    url = f"nats://{at.host}:{at.port}"

    async def declare() -> None:
        async with await client_library.connect(url) as client:
            await client.jetstream().add_stream(name=name, subjects=[f"{name}.>"])
            wanted = ConsumerConfig(durable_name="airflow-suite", ack_policy=AckPolicy.EXPLICIT, ack_wait=ack_wait)
            await client.jetstream().add_consumer(name, wanted)

    async def publish(bodies: Any) -> None:
        async with await client_library.connect(url) as client:
            for body in bodies:
                await client.jetstream().publish(f"{name}.orders", body)

    async def remove() -> None:
        async with await client_library.connect(url) as client:
            await client.jetstream().delete_stream(name)

    asyncio.run(declare())
    try:
        yield Feed(
            kind="nats",
            config={"connection": "broker", "stream": name, **config},
            brokers={"broker": at},
            publish=publish,
        )
    finally:
        asyncio.run(remove())


def mqtt_client(at: Broker, client_id: str) -> Any:
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

    return Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTProtocolVersion.MQTTv5)


@contextmanager
def mqtt(at: Broker, **config: Any) -> Iterator[Feed]:
    name = unique("mqtt")

    def send(bodies: Any) -> None:
        client = mqtt_client(at, f"{name}-sender")
        client.connect(at.host, at.port or 1883)
        client.loop_start()
        for sent in [client.publish(f"{name}/orders", body, qos=1) for body in bodies]:
            sent.wait_for_publish(30)
        client.disconnect()
        client.loop_stop()

    async def publish(bodies: Any) -> None:
        await asyncio.to_thread(send, bodies)

    def forget() -> None:
        client = mqtt_client(at, name)
        client.connect(at.host, at.port or 1883, clean_start=True)
        client.loop_start()
        client.disconnect()
        client.loop_stop()

    feed = Feed(
        kind="mqtt",
        config={"connection": "broker", "topics": f"{name}/#", "client_id": name, **config},
        brokers={"broker": at},
        publish=publish,
        same_ids=False,
    )

    async def prepare() -> None:
        """The session begins with the first subscription."""
        nobody: Any = None
        listener: Any = feed.make()
        batches = listener.batches(_Only(at, nobody))
        asking = asyncio.ensure_future(anext(batches))
        async with asyncio.timeout(60):
            while listener._client is None and not asking.done():  # noqa: ASYNC110 - it is set once subscribed
                await asyncio.sleep(0.01)
        if asking.done():
            asking.result()
        asking.cancel()
        await asyncio.wait({asking})
        await batches.aclose()

    feed.prepare = prepare
    try:
        yield feed
    finally:
        forget()


class _Only:
    def __init__(self, at: Broker, params: Any) -> None:
        self.at = at
        self.params = params

    def broker(self, connection: str) -> Broker:
        return self.at

    def known(self, ids: Any) -> set[str]:
        return set()


@contextmanager
def sqs(endpoint: str, *, visibility: int = 2, redrive: int | None = None, **config: Any) -> Iterator[Feed]:
    import json

    import boto3

    name = unique("sqs")
    access = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "eu-central-1"}
    client = boto3.client("sqs", endpoint_url=endpoint, **access)
    attributes = {"VisibilityTimeout": str(visibility)}
    if redrive:
        dead = client.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
        arn = client.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        attributes["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": redrive})
    url = client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]

    def send(bodies: Any) -> None:
        for first in range(0, len(bodies), 10):
            entries = [
                {"Id": str(at), "MessageBody": body.decode()} for at, body in enumerate(bodies[first : first + 10])
            ]
            assert not client.send_message_batch(QueueUrl=url, Entries=entries).get("Failed")

    async def publish(bodies: Any) -> None:
        await asyncio.to_thread(send, bodies)

    def at(endpoint_url: str) -> dict[str, Broker]:
        extra = {"region_name": "eu-central-1", "endpoint_url": endpoint_url}
        return {"broker": Broker("broker", "aws", login="test", password="test", extra=extra)}

    yield Feed(
        kind="sqs",
        config={"connection": "broker", "queue": name, **config},
        brokers=at(endpoint),
        away=at("http://127.0.0.1:1"),
        publish=publish,
        in_order=False,
    )


@contextmanager
def kafka(at: Broker, *, administered: bool = True, **config: Any) -> Iterator[Feed]:
    """``administered``: whether topics are made; where not, the first message makes them."""
    from aiokafka import AIOKafkaProducer
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic

    name = unique("kafka")
    servers = f"{at.host}:{at.port}"

    async def administer(what: Any) -> None:
        client = AIOKafkaAdminClient(bootstrap_servers=servers)
        await client.start()
        try:
            await what(client)
        finally:
            await client.close()

    async def publish(bodies: Any) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=servers)
        await producer.start()
        try:
            for body in bodies:
                await producer.send_and_wait(name, body, partition=0)  # between partitions there is no order
        finally:
            await producer.stop()

    if administered:
        asyncio.run(administer(lambda client: client.create_topics([NewTopic(name, 1, 1)])))
    try:
        yield Feed(
            kind="kafka",
            config={"connection": "broker", "topics": [name], **config},
            brokers={"broker": at},
            publish=publish,
        )
    finally:
        if administered:
            asyncio.run(administer(lambda client: client.delete_topics([name])))


@contextmanager
def s3(endpoint: str, **config: Any) -> Iterator[Feed]:
    import boto3

    bucket, count = unique("s3"), iter(range(1_000_000))
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        region_name="us-east-1",
    )
    client.create_bucket(Bucket=bucket)

    def send(bodies: Any) -> None:
        for body in bodies:
            client.put_object(Bucket=bucket, Key=f"in/{next(count):06d}.json", Body=body)

    async def publish(bodies: Any) -> None:
        await asyncio.to_thread(send, bodies)

    def at(endpoint_url: str) -> dict[str, Broker]:
        extra = {"endpoint_url": endpoint_url, "config_kwargs": {"retries": {"max_attempts": 1}}}
        return {"broker": Broker("broker", "aws", login="test", password="test", extra=extra)}

    where = {"connection": "broker", "path": f"s3://{bucket}/in/*.json", "every": "0.2s", "stable": "0s"}
    yield Feed(
        kind="files",
        config={**where, **config},
        brokers=at(endpoint),
        away=at("http://127.0.0.1:1"),
        publish=publish,
        remembers=False,
        acknowledged=lambda: not client.list_objects_v2(Bucket=bucket, Prefix="in/")["KeyCount"],
    )


def files(folder: Path, **config: Any) -> Feed:
    count = iter(range(1_000_000))

    async def publish(bodies: Any) -> None:
        for body in bodies:
            part = folder / "part"
            part.write_bytes(body)
            part.rename(folder / f"{next(count):06d}.json")

    return Feed(
        kind="files",
        config={"path": str(folder / "*.json"), "every": "0.2s", "stable": "0s", **config},
        publish=publish,
        remembers=False,
        acknowledged=lambda: not any(folder.glob("*.json")),
    )

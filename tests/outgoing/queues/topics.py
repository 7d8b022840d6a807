"""Queues, streams and topics to publish to: each with a name of its own, a second look at it, and gone afterwards."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import feeds

from airflow_integrations.formats.json import decode, encode
from airflow_integrations.http import Endpoint
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.queues.broker import Broker
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.testing.conformance.suite_run import WINDOW

__all__ = ["OPENERS", "Got", "Surroundings", "Topic", "outbounds"]

ENTITIES = [{"id": number, "name": f"n{number}", "amount": 1} for number in range(1, 8)]


@dataclass(frozen=True)
class Got:
    """A message as the system has it."""

    id: str | None
    body: bytes
    headers: Mapping[str, str]
    to: str = ""
    key: str = ""

    @property
    def value(self) -> Any:
        return decode(self.body)


@dataclass
class Surroundings:
    """Connections in place of Airflow's: every one of them is this broker."""

    at: Broker

    def endpoint(self, connection: str) -> Endpoint:
        raise AssertionError

    def variable(self, name: str) -> None:
        return None

    def broker(self, connection: str) -> Broker:
        return self.at


@dataclass
class Topic:
    """One place of one system."""

    kind: str
    config: dict[str, Any]
    at: Broker
    received: Callable[[], list[Got]]
    """All messages that are there, in their order, as often as they are there; may take them away."""
    unroutable: dict[str, Any] | None = None
    """Options with which the entity called ``lost`` is refused."""
    route: dict[str, Any] = field(default_factory=dict)

    def services(self, at: Broker | None = None) -> Services:
        return Services(Surroundings(at or self.at))

    def away(self) -> Services:
        extra = {**self.at.extra, "endpoint_url": "http://127.0.0.1:1"} if self.kind == "sqs" else self.at.extra
        return self.services(replace(self.at, host="127.0.0.1", port=1, extra=extra))

    def load(self, *, delivery: Mapping[str, Any] | None = None, **options: Any) -> Route:
        return Route.load(
            {
                "route": "suite",
                "entity": {"name": "entity", "key": "entity.id"},
                "incoming": {"http": {"connection": "nowhere", "path": "/", "records": "body"}},
                "outgoing": {self.kind: {**self.config, **options}},
                "delivery": {"batch": 100, **(delivery or {})},
                **self.route,
            }
        )

    async def send(
        self, batch: Sequence[Outbound], services: Services | None = None, *, delivery: Any = None, **options: Any
    ) -> list[Result]:
        """What became of them, sent in one batch over a connection of its own."""
        route = self.load(delivery=delivery, **options)
        outgoing: Any = route.outgoing.component()(route.outgoing.config, route)
        async with services or self.services() as around:
            await outgoing.open(Run(route, "one", WINDOW), around)
            try:
                return await outgoing.send(batch)
            finally:
                await outgoing.close()


def outbounds(entities: Sequence[Any]) -> list[Outbound]:
    return [Outbound(str(entity["id"]), encode(entity), route="suite") for entity in entities]


@contextmanager
def rabbitmq(at: Broker, *, arguments: dict[str, Any] | None = None) -> Iterator[Topic]:
    """A queue behind an exchange, so that something can be unroutable."""
    import aio_pika

    name = feeds.unique("rabbitmq")
    url = f"amqp://{at.login or 'guest'}:{at.password or 'guest'}@{at.host}:{at.port}/"

    async def declare() -> None:
        async with await aio_pika.connect(url) as connection:
            channel = await connection.channel()
            exchange = await channel.declare_exchange(name, "topic")
            queue = await channel.declare_queue(name, durable=True, arguments=arguments)
            await queue.bind(exchange, "n.#")

    async def taken() -> list[Got]:
        found = []
        async with await aio_pika.connect(url) as connection:
            queue = await (await connection.channel()).get_queue(name)
            while (one := await queue.get(fail=False, no_ack=True)) is not None:
                headers = {key: str(value) for key, value in one.headers.items()}
                headers |= {"content-type": one.content_type or "", "type": one.type or ""}
                found.append(Got(one.message_id, one.body, headers, one.routing_key or ""))
        return found

    async def remove() -> None:
        async with await aio_pika.connect(url) as connection:
            channel = await connection.channel()
            await channel.queue_delete(name)
            await channel.exchange_delete(name)

    asyncio.run(declare())
    try:
        config = {"connection": "broker", "exchange": name, "routing_key": "n.{{ entity.id }}"}
        lost = {"routing_key": "{{ 'lost' if entity.id == 'lost' else 'n' }}.{{ entity.id }}"}
        yield Topic("rabbitmq", config, at, lambda: asyncio.run(taken()), lost)
    finally:
        asyncio.run(remove())


@contextmanager
def redis(at: Broker) -> Iterator[Topic]:
    from redis import Redis

    name = feeds.unique("redis")
    client: Any = Redis(host=at.host, port=at.port or 6379)

    def taken() -> list[Got]:
        found = []
        for _, fields in client.xrange(name):
            texts = {key.decode(): value.decode() for key, value in fields.items()}
            body = texts.pop("body").encode()
            found.append(Got(texts.pop("message-id"), body, texts, name))
        return found

    try:
        lost = {"stream": f"{name}{{{{ '-text' if entity.id == 'lost' else '' }}}}"}
        client.set(f"{name}-text", "no stream")
        yield Topic("redis", {"connection": "broker", "stream": name}, at, taken, lost)
    finally:
        client.delete(*client.keys(f"*{name}*"))
        client.close()


@contextmanager
def nats(at: Broker) -> Iterator[Topic]:
    import nats as library
    from nats.errors import TimeoutError as NothingCame

    name = feeds.unique("nats")
    url = f"nats://{at.host}:{at.port}"

    async def declare() -> None:
        async with await library.connect(url) as client:
            await client.jetstream().add_stream(name=name, subjects=[f"{name}.n.*"])

    async def taken() -> list[Got]:
        found = list[Got]()
        async with await library.connect(url) as client:
            stream = client.jetstream()
            count = (await stream.stream_info(name)).state.messages
            reader = await stream.pull_subscribe(f"{name}.>", stream=name)
            while len(found) < count:
                try:
                    some = await reader.fetch(100, timeout=5)
                except NothingCame:
                    break
                for one in some:
                    headers = dict(one.headers or {})
                    number = headers.pop("Nats-Msg-Id", None)
                    found.append(Got(number, one.data, {k.lower(): v for k, v in headers.items()}, one.subject))
        return found

    async def remove() -> None:
        async with await library.connect(url) as client:
            await client.jetstream().delete_stream(name)

    asyncio.run(declare())
    try:
        config = {"connection": "broker", "stream": name, "subject": f"{name}.n.{{{{ entity.id }}}}"}
        lost = {"subject": f"{name}.{{{{ 'lost' if entity.id == 'lost' else 'n' }}}}.{{{{ entity.id }}}}"}
        yield Topic("nats", config, at, lambda: asyncio.run(taken()), lost)
    finally:
        asyncio.run(remove())


@contextmanager
def mqtt(at: Broker) -> Iterator[Topic]:
    """A subscriber listens from the beginning: MQTT keeps nothing for who comes later."""
    from threading import Event

    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

    name, found, subscribed, ends = feeds.unique("mqtt"), list[Got](), Event(), list[Event]()
    client = Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTProtocolVersion.MQTTv5)

    def heard(_: object, __: object, message: Any) -> None:
        if message.topic.endswith("/end"):
            ends[-1].set()
            return
        headers = dict(getattr(message.properties, "UserProperty", None) or [])
        headers["content-type"] = getattr(message.properties, "ContentType", "")
        found.append(Got(headers.pop("message-id", None), message.payload, headers, message.topic))

    def taken() -> list[Got]:
        ends.append(Event())
        client.publish(f"{name}/end", b"", qos=1)  # one publisher's end is behind what was acknowledged before
        assert ends[-1].wait(30)
        return list(found)

    client.on_message = heard
    client.on_subscribe = lambda *_: subscribed.set()

    def connected(*_: object) -> None:
        client.subscribe([(f"{name}/n/#", 2), (f"{name}/end", 1)])

    client.on_connect = connected
    client.connect(at.host, at.port or 1883)
    client.loop_start()
    try:
        assert subscribed.wait(30)
        lost = {
            "topic": f"{name}/{{{{ 'lost' if entity.id == 'lost' else 'n' }}}}/{{{{ entity.id }}}}",
            "subscribers": "needed",
        }
        yield Topic("mqtt", {"connection": "broker", "topic": f"{name}/n/{{{{ entity.id }}}}"}, at, taken, lost)
    finally:
        client.disconnect()
        client.loop_stop()


@contextmanager
def kafka(at: Broker, *, administered: bool = True) -> Iterator[Topic]:
    from aiokafka import AIOKafkaConsumer
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic

    name = feeds.unique("kafka")
    servers = f"{at.host}:{at.port}"

    async def declare() -> None:
        client = AIOKafkaAdminClient(bootstrap_servers=servers)
        await client.start()
        await client.create_topics([NewTopic(name, 2, 1)])
        await client.close()

    async def taken() -> list[Got]:
        consumer, found = AIOKafkaConsumer(name, bootstrap_servers=servers, auto_offset_reset="earliest"), list[Got]()
        await consumer.start()
        try:
            ends: Any = await consumer.end_offsets(consumer.assignment())
            while any([await consumer.position(each) < end for each, end in ends.items()]):
                for some in (await consumer.getmany(timeout_ms=1000)).values():
                    for one in some:
                        headers = {key: value.decode() for key, value in one.headers}
                        key = (one.key or b"").decode()
                        found.append(Got(headers.pop("message-id"), one.value or b"", headers, one.topic, key))
        finally:
            await consumer.stop()
        return found

    if administered:
        asyncio.run(declare())
    yield Topic("kafka", {"connection": "broker", "topic": name}, at, lambda: asyncio.run(taken()))


@contextmanager
def sqs(endpoint: str, *, ending: str = "", most_bytes: int = 262_144) -> Iterator[Topic]:
    import boto3

    name = feeds.unique("sqs") + ending
    access = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "eu-central-1"}
    client = boto3.client("sqs", endpoint_url=endpoint, **access)
    attributes = {"VisibilityTimeout": "0", "MaximumMessageSize": str(most_bytes)} | (
        {"FifoQueue": "true"} if ending else {}
    )
    url = client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    seen: dict[str, Got] = {}

    def taken() -> list[Got]:
        while True:
            answer = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
            some = answer.get("Messages") or []
            for one in some:
                told = {key: value["StringValue"] for key, value in one["MessageAttributes"].items()}
                seen[one["MessageId"]] = Got(told.pop("message-id"), one["Body"].encode(), told, name)
                client.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
            if not some:
                return list(seen.values())

    extra = {"endpoint_url": endpoint, "region_name": "eu-central-1"}
    yield Topic(
        "sqs",
        {"connection": "broker", "queue": name},
        Broker("broker", "aws", login="test", password="test", extra=extra),
        taken,
        {"max_size": 200},
    )
    client.delete_queue(QueueUrl=url)


Fixture = Callable[[str], Any]
OPENERS: dict[str, Callable[[Fixture], Any]] = {
    "rabbitmq": lambda _: rabbitmq(feeds.broker("rabbitmq")),
    "redis": lambda _: redis(feeds.broker("redis")),
    "nats": lambda _: nats(feeds.broker("nats")),
    "mqtt": lambda _: mqtt(feeds.broker("mqtt")),
    "kafka": lambda fixture: kafka(
        feeds.broker("kafka") if "TEST_KAFKA" in os.environ else fixture("kafka_server"),
        administered="TEST_KAFKA" in os.environ,
    ),
}
"""By the kind. SQS is not among them: its server takes seconds to begin, and its tests are in one file."""

"""``dead_letters: true``: what is of no use goes where the broker's people look for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import boto3
import feeds
import nats
import pytest
from listen_scene import bodies, event_bodies, ids, listening, until
from pydantic import ValidationError

from airflow_integrations.errors import SetupError
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.testing import Feed

BAD = [b'{"id": 1}', b"no json", b'{"id": 2}']


async def heard(feed: Feed, dead: Any) -> None:
    """The good ones are in the inbox, and nothing else; the bad one is found by ``dead``."""
    with Ledger.temporary() as ledger:
        async with listening(feed, ledger):
            await feed.publish(BAD)
            await until(lambda: len(ids(ledger)) == 2)
            async with asyncio.timeout(60):
                while await dead() != [b"no json"]:  # noqa: ASYNC110 - what is waited for is outside of this loop
                    await asyncio.sleep(0.1)
            await feed.publish(bodies([3]))
            await until(lambda: len(ids(ledger)) == 3)
        assert len(event_bodies(ledger)) == 3


def test_rabbitmq_has_its_dead_letter_exchange() -> None:
    import aio_pika

    at = feeds.broker("rabbitmq")
    name = feeds.unique("dead")
    url = f"amqp://{at.login}:{at.password}@{at.host}:{at.port}/"
    found: list[bytes] = []

    async def scene(feed: Feed) -> None:
        async with await aio_pika.connect(url) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(name)

            async def dead() -> list[bytes]:
                message = await queue.get(fail=False)
                if message is not None:
                    found.append(message.body)
                return found

            try:
                await heard(feed, dead)
            finally:
                await channel.queue_delete(name)

    arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": name}
    with feeds.rabbitmq(at, arguments=arguments, dead_letters=True) as feed:
        asyncio.run(scene(feed))


def test_redis_has_a_stream_beside_the_stream() -> None:
    from redis.asyncio import Redis

    at = feeds.broker("redis")

    async def scene(feed: Feed) -> None:
        async with Redis(host=at.host, port=at.port or 6379) as client:
            stream = f"{feed.config['stream']}-dead"

            async def dead() -> list[bytes]:
                entries: Any = await client.xrange(stream)
                return [fields[b"body"] for _, fields in entries]

            await heard(feed, dead)
            entries: Any = await client.xrange(stream)
            ((_, fields),) = entries
            assert b"not JSON" in fields[b"dead-reason"]
            assert (await client.xpending(feed.config["stream"], "airflow-suite"))["pending"] == 0

    with feeds.redis(at, dead_letters=True) as feed:
        asyncio.run(scene(feed))


def test_nats_says_that_it_was_terminated() -> None:
    at = feeds.broker("nats")
    told: list[str] = []

    async def scene(feed: Feed) -> None:
        async with await nats.connect(f"nats://{at.host}:{at.port}") as client:
            stream = feed.config["stream"]

            async def note(message: Any) -> None:
                told.append(message.data.decode())

            await client.subscribe(f"$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.{stream}.*", cb=note)

            async def dead() -> list[bytes]:
                return [b"no json"] if len(told) == 1 and '"stream_seq":2' in told[0] else []

            await heard(feed, dead)

    with feeds.nats(at, dead_letters=True) as feed:
        asyncio.run(scene(feed))


@pytest.fixture
def sqs_feed(aws_server: str) -> Iterator[Feed]:
    with feeds.sqs(aws_server, redrive=2, dead_letters=True) as feed:
        yield feed


def test_sqs_has_its_redrive_policy(sqs_feed: Feed, aws_server: str) -> None:
    access = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "eu-central-1"}
    client = boto3.client("sqs", endpoint_url=aws_server, **access)
    url = client.get_queue_url(QueueName=f"{sqs_feed.config['queue']}-dead")["QueueUrl"]
    found: list[bytes] = []

    async def dead() -> list[bytes]:
        answer = await asyncio.to_thread(client.receive_message, QueueUrl=url)
        found.extend(message["Body"].encode() for message in answer.get("Messages", []))
        return found

    asyncio.run(heard(sqs_feed, dead))


def test_sqs_without_a_redrive_policy_says_so(aws_server: str) -> None:
    async def scene(feed: Feed) -> None:
        with Ledger.temporary() as ledger:
            receiver: Any = feed.receiver(ledger)
            await anext(receiver._listener.batches(receiver._around))

    with feeds.sqs(aws_server, dead_letters=True) as feed, pytest.raises(SetupError, match="no redrive policy"):
        asyncio.run(scene(feed))


def test_mqtt_has_none() -> None:
    config = {"connection": "x", "topics": "a/#", "dead_letters": True}
    with pytest.raises(ValidationError, match="dead_letters"):
        Feed(kind="mqtt", config=config, publish=lambda bodies: asyncio.sleep(0)).load()

"""``listen: {kafka: …}``: topics of Kafka, through a consumer group whose offsets follow the inbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from airflow_integrations.config.types import ConnectionId
from airflow_integrations.errors import OutageError
from airflow_integrations.listen import Message
from airflow_integrations.listen.context import ListenContext
from airflow_integrations.listen.options import OneOrMore, QueueOptions
from airflow_integrations.queues.broker import Broker
from airflow_integrations.queues.kafka import TopicName, access, understood

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

__all__ = ["KafkaListener"]

ASK_MS = 5000


class KafkaListener:
    """Reads topics in a consumer group. An offset is committed when everything before it is in the inbox."""

    class Config(QueueOptions):
        """Messages of topics.

        Example:
            connection: kafka
            topics: [shop.orders]
        """

        connection: ConnectionId
        """A Connection of type kafka: in extra ``bootstrap.servers``, ``security.protocol``, ``sasl.mechanism``,
        ``sasl.username``, ``sasl.password``; or host, port, login and password.

        Example: ``connection: kafka``
        """
        topics: Annotated[tuple[TopicName, ...], Field(min_length=1), OneOrMore]
        """The topics. Dead letters go to the topic ``<topic>-dead``.

        Example: ``topics: [shop.orders]``
        """
        group: Annotated[str, Field(min_length=1, max_length=250)] | None = None
        """The consumer group. Left out: ``airflow-<route>``.

        Example: ``group: erp``
        """
        since: Literal["oldest", "now"] = "oldest"
        """Where a new group begins.

        Example: ``since: now``
        """

    def __init__(self, config: Config, route: str) -> None:
        self._config = config
        self._group = config.group or f"airflow-{route}"
        self._consumer: AIOKafkaConsumer | None = None
        self._producer: AIOKafkaProducer | None = None

    async def batches(self, around: ListenContext) -> AsyncGenerator[Sequence[Message], None]:
        config = self._config
        broker = await asyncio.to_thread(around.broker, config.connection)
        async with AsyncExitStack() as stack:
            with understood(broker.name):
                await self._open(stack, broker)
            consumer = self._consumer
            assert consumer is not None
            while True:
                with understood(broker.name):
                    found = await consumer.getmany(timeout_ms=ASK_MS, max_records=config.prefetch)
                if batch := [_message(each) for some in found.values() for each in some]:
                    yield batch

    async def settle(self, taken: Sequence[Message], dead: Sequence[tuple[Message, str]]) -> None:
        if self._consumer is None:
            raise OutageError("the connection to Kafka was closed")
        with understood(self._config.connection):
            for message, reason in dead:
                await self._bury(message, reason)
            next_offsets: dict[Any, int] = {}
            for message in (*taken, *(message for message, _ in dead)):
                partition, offset = message.handle
                next_offsets[partition] = max(offset + 1, next_offsets.get(partition, 0))
            await self._consumer.commit(next_offsets)

    async def _open(self, stack: AsyncExitStack, broker: Broker) -> None:
        from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

        config, options = self._config, access(broker)
        self._consumer = AIOKafkaConsumer(
            *config.topics,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest" if config.since == "oldest" else "latest",
            **options,
        )
        stack.callback(self._forget)
        stack.push_async_callback(self._consumer.stop)
        await self._consumer.start()
        if config.dead_letters:
            self._producer = AIOKafkaProducer(acks="all", enable_idempotence=True, **options)
            stack.push_async_callback(self._producer.stop)
            await self._producer.start()

    def _forget(self) -> None:
        self._consumer = self._producer = None

    async def _bury(self, message: Message, reason: str) -> None:
        assert self._producer is not None  # dead_letters
        headers = [(name, value.encode()) for name, value in message.headers.items()]
        told = ("dead-reason", reason.encode("utf-8", "replace"))
        await self._producer.send_and_wait(f"{message.subject}-dead", message.body, headers=[*headers, told])


def _message(found: Any) -> Message:
    from aiokafka import TopicPartition

    headers = {name.lower(): (value or b"").decode("utf-8", "replace") for name, value in found.headers}
    return Message(
        # The time, because a topic that is made anew begins again at 0.
        id=f"{found.topic}/{found.partition}/{found.offset}/{found.timestamp}",
        body=found.value or b"",
        subject=found.topic,
        headers=headers,
        content_type=headers.get("content-type"),
        handle=(TopicPartition(found.topic, found.partition), found.offset),
    )

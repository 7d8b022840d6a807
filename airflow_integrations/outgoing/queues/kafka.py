"""``outgoing: {kafka: …}``: messages to topics of Kafka, each confirmed by all replicas in sync."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from airflow_integrations.config.types import ConnectionId
from airflow_integrations.errors import EntityError, OutageError, SetupError
from airflow_integrations.expressions import Template
from airflow_integrations.outgoing import Result
from airflow_integrations.outgoing.queues.messages import Message
from airflow_integrations.outgoing.queues.options import MESSAGE_ID, Address, MessageOptions
from airflow_integrations.outgoing.queues.target import ANSWER_SECONDS, UNSENT, Link, QueueOutgoing, refused
from airflow_integrations.queues.broker import Broker
from airflow_integrations.queues.kafka import access, understood

if TYPE_CHECKING:
    from aiokafka import AIOKafkaProducer

__all__ = ["KafkaOutgoing"]

_SPARE = 64 * 1024
"""Bytes of a request beside the body of a message."""


class KafkaOptions(MessageOptions):
    """Entities become messages of a topic.

    Example:
        connection: shop_kafka
        topic: shop.orders
        key: "{{ order.customer.id }}"
    """

    connection: ConnectionId
    """A Connection of type kafka: in extra ``bootstrap.servers``, ``security.protocol``, ``sasl.mechanism``,
    ``sasl.username``, ``sasl.password``; or host, port, login and password.

    Example: ``connection: shop_kafka``
    """
    topic: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$", max_length=249)]
    """The topic.

    Example: ``topic: shop.orders``
    """
    key: Address | None = None
    """The message's key: messages with the same one are in the same partition. Left out: the entity's key.

    Example: ``key: "{{ order.customer.id }}"``
    """

    @property
    def ordered_by(self) -> Template | None:
        return self.key


class KafkaOutgoing(QueueOutgoing):
    """See :class:`KafkaOptions`. A deletion without a body is a tombstone."""

    Config = KafkaOptions

    async def link(self, broker: Broker) -> Link:
        link = _Link(broker, self._options)
        with understood(broker.name):
            await link.begin()
        return link

    def check(self, message: Message) -> None:
        message.to = self._options.topic
        if message.body is None and not message.ordered_by:
            raise EntityError("a deletion without a body needs a key that is not empty", field="key")


class _Link(Link):
    _producer: AIOKafkaProducer

    def __init__(self, broker: Broker, options: KafkaOptions) -> None:
        self._broker = broker
        self._options = options

    async def begin(self) -> None:
        """A producer, and whether the topic is there."""
        from aiokafka import AIOKafkaProducer
        from aiokafka.errors import UnknownTopicOrPartitionError

        self._producer = AIOKafkaProducer(
            acks="all",
            enable_idempotence=True,
            max_request_size=self._options.max_size + _SPARE,
            request_timeout_ms=int(ANSWER_SECONDS * 500),
            **access(self._broker),
        )
        try:
            await self._producer.start()
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._producer.partitions_for(self._options.topic)
        except UnknownTopicOrPartitionError:
            await self.close()
            raise SetupError(f"{self._broker.name}: Kafka has no topic {self._options.topic!r}") from None
        except BaseException:
            await self.close()
            raise

    async def publish_window(self, messages: Sequence[Message]) -> list[Result | None]:
        from aiokafka.errors import MessageSizeTooLargeError

        told: list[Any] = []
        futures: list[asyncio.Future[Any]] = []
        try:
            with understood(self._broker.name):
                for message in messages:
                    try:
                        future = await self._producer.send(
                            message.to, message.body, key=message.ordered_by.encode() or None, headers=_headers(message)
                        )
                    except MessageSizeTooLargeError as error:
                        told.append(error)
                    else:
                        told.append(future)
                        futures.append(future)
        except Exception as error:
            if not told:
                raise
            self.ended = str(error)
        if futures:
            await self.heard(futures)
        results = [self._result(each) for each in told]
        results += [None] * (len(messages) - len(results))
        if len(messages) > 1:
            for place, result in enumerate(results):
                if result is not None and result.cause == "refused":
                    results[place] = await self._alone(messages[place])
        return results

    async def _alone(self, message: Message) -> Result | None:
        """What became of one that was refused together with others: the broker refuses all that the client put into one
        package. Behind a refusal the sequence has a gap, and a producer begins a new one."""
        if self.ended is not None:
            return UNSENT
        try:
            with understood(self._broker.name):
                await self.close()
                await self.begin()
        except (OutageError, SetupError) as error:
            self.ended = str(error)
            return UNSENT
        return (await self.publish_window([message]))[0]

    def _result(self, told: Any) -> Result | None:
        from aiokafka import errors

        if isinstance(told, asyncio.Future):
            if told.cancelled():
                return None
            error = told.exception()
            if error is None:
                at = told.result()
                return Result("delivered", f"{at.topic}/{at.partition}/{at.offset}")
        else:
            error = told
        if isinstance(error, (errors.MessageSizeTooLargeError, errors.RecordTooLargeError)):
            return refused(f"Kafka refuses it: {error}", cause="too_large")
        if isinstance(error, (errors.TopicAuthorizationFailedError, errors.ClusterAuthorizationFailedError)):
            return Result("pending", reason=f"Kafka refuses: {error}", cause="setup")
        if isinstance(error, errors.BrokerResponseError) and not error.retriable:
            return refused(f"Kafka refuses it: {error}")
        # the client has tried it until its time was over; its sequence is broken, and a new one begins
        self.ended = self.ended or f"Kafka did not confirm: {error!r}"
        return None

    async def close(self) -> None:
        await self._producer.stop()


def _headers(message: Message) -> list[tuple[str, bytes]]:
    told = {MESSAGE_ID: message.id, "content-type": message.content_type, **message.headers}
    return [(name, text.encode()) for name, text in told.items()]

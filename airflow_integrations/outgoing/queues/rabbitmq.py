"""``outgoing: {rabbitmq: …}``: messages to a queue or an exchange of RabbitMQ, each confirmed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from airflow_integrations.config.types import ConnectionId
from airflow_integrations.errors import EntityError, SetupError
from airflow_integrations.expressions import Template
from airflow_integrations.outgoing import Result
from airflow_integrations.outgoing.queues.messages import Message
from airflow_integrations.outgoing.queues.options import Address, MessageOptions, PropertyText
from airflow_integrations.outgoing.queues.target import Link, QueueOutgoing, refused
from airflow_integrations.queues.broker import Broker
from airflow_integrations.queues.rabbitmq import SETUP_SECONDS, connect, understood

if TYPE_CHECKING:
    from aio_pika.abc import AbstractConnection

__all__ = ["RabbitmqOutgoing"]

_Name = Annotated[str, Field(min_length=1, max_length=255)]
Property = Literal["type", "correlation_id", "reply_to", "app_id", "expiration", "priority"]


class RabbitmqOptions(MessageOptions):
    """Entities become messages of a queue, or of whatever queues an exchange sends them to.

    Example:
        connection: shop_queue
        exchange: orders
        routing_key: orders.{{ order.country | lower }}
    """

    connection: ConnectionId
    """A Connection of type amqp or rabbitmq: host, port, login, password, and the virtual host as its schema.

    Example: ``connection: shop_queue``
    """
    queue: _Name | None = None
    """The queue. It must exist. Write it, or ``exchange`` and ``routing_key``.

    Example: ``queue: orders``
    """
    exchange: _Name | None = None
    """The exchange. It must exist.

    Example: ``exchange: orders``
    """
    routing_key: Address | None = None
    """What the exchange routes by. An entity whose message no queue takes is *failed*.

    Example: ``routing_key: orders.{{ order.country | lower }}``
    """
    persistent: Annotated[bool, Field(strict=True)] = True
    """Whether a durable queue keeps the message over a restart of the broker.

    Example: ``persistent: false``
    """
    properties: dict[Property, PropertyText] = Field(default_factory=dict)
    """AMQP's own properties of a message: ``type``, ``correlation_id``, ``reply_to``, ``app_id``, ``expiration`` (in
    milliseconds), ``priority`` (0 to 255). ``message_id`` is the entity's idempotency key.

    Example: ``properties: {type: order-created}``
    """

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.queue is None) == (self.exchange is None):
            raise ValueError("write either queue, or exchange with routing_key")
        if self.queue is not None and self.routing_key is not None:
            raise ValueError("routing_key goes with exchange; a queue is reached by its name")
        return self

    @property
    def to(self) -> Template | None:
        return self.routing_key

    @property
    def properties_told(self) -> dict[str, Template]:
        return {str(name): text for name, text in self.properties.items()}


class RabbitmqOutgoing(QueueOutgoing):
    """See :class:`RabbitmqOptions`."""

    Config = RabbitmqOptions

    async def link(self, broker: Broker) -> Link:
        link = _Link(broker, self._options, repeatable=self.repeatable)
        with understood(broker):
            link.connection = await connect(broker)
        try:
            with understood(broker):
                async with asyncio.timeout(SETUP_SECONDS):
                    await link.begin()
        except BaseException:
            await link.close()
            raise
        return link

    def check(self, message: Message) -> None:
        if self._options.queue is not None:
            message.to = self._options.queue
        for name, text in {"the address": message.to, **message.properties}.items():
            if len(text.encode()) > 255:
                raise EntityError("the text has more than 255 bytes, which AMQP does not allow", field=name)
        for name, most in (("expiration", None), ("priority", 255)):
            text = message.properties.get(name, "")
            if text and not (text.isascii() and text.isdigit() and (most is None or int(text[:9]) <= most)):
                raise EntityError(f"{text[:50]!r} is not a whole number{f' up to {most}' if most else ''}", field=name)


class _Link(Link):
    connection: AbstractConnection
    _channel: Any = None

    def __init__(self, broker: Broker, options: RabbitmqOptions, *, repeatable: bool) -> None:
        self._broker = broker
        self._options = options
        self._repeatable = repeatable

    async def begin(self) -> None:
        """A channel, and whether what is named is there."""
        self.connection.close_callbacks.add(self._noted)
        channel = await self.connection.channel(publisher_confirms=True, on_return_raises=True)
        if self._options.queue is not None:
            await channel.declare_queue(self._options.queue, passive=True)
        else:
            await channel.declare_exchange(self._options.exchange or "", passive=True)
        self._channel = await channel.get_underlay_channel()

    def _noted(self, _: object, error: BaseException | None = None) -> None:
        self.ended = self.ended or f"RabbitMQ has closed the connection{f': {error}' if error else ''}"

    async def publish_window(self, messages: Sequence[Message]) -> list[Result | None]:
        from aiormq.exceptions import ChannelClosed

        channel = self._channel
        if channel.is_closed:
            with understood(self._broker):
                await self.begin()
            channel = self._channel
        tasks = [asyncio.ensure_future(self._one(channel, message)) for message in messages]
        await self.heard(tasks)
        errors = [_error_of(task) for task in tasks]
        closed = next((error for error in errors if isinstance(error, ChannelClosed)), None)
        alone = len(messages) == 1
        results: list[Result | None] = []
        for message, error in zip(messages, errors, strict=True):
            if closed is not None and not alone and self._repeatable and _unheard(error):
                # one of these has made the broker close the channel: by themselves, it is known which
                results.append(await self._again(message))
            else:
                results.append(_told(error, message, alone=alone))
        return results

    async def _again(self, message: Message) -> Result | None:
        if self.ended is not None:
            return None
        try:
            return (await self.publish_window([message]))[0]
        except SetupError as error:  # the queue or exchange is gone: nothing more is begun
            return Result("pending", reason=str(error), cause="setup")

    async def _one(self, channel: Any, message: Message) -> None:
        from aiormq import spec

        given: dict[str, Any] = {name: text for name, text in message.properties.items() if text}
        if "priority" in given:
            given["priority"] = int(given["priority"])
        await channel.basic_publish(
            message.body or b"",
            exchange=self._options.exchange or "",
            routing_key=message.to,
            properties=spec.Basic.Properties(
                content_type=message.content_type,
                headers=dict(message.headers),
                delivery_mode=2 if self._options.persistent else 1,
                message_id=message.id,
                **given,
            ),
            mandatory=True,
            wait=False,
        )

    async def close(self) -> None:
        await self.connection.close()


def _error_of(task: asyncio.Future[Any]) -> BaseException | None:
    return asyncio.CancelledError() if task.cancelled() else task.exception()


def _unheard(error: BaseException | None) -> bool:
    from aiormq.exceptions import DeliveryError

    return error is not None and not isinstance(error, DeliveryError)


def _told(error: BaseException | None, message: Message, *, alone: bool) -> Result | None:
    from aiormq.exceptions import ChannelClosed, ChannelNotFoundEntity, DeliveryError, PublishError

    if error is None:
        return Result("delivered", message.id)
    if isinstance(error, PublishError):
        return refused(f"RabbitMQ returned it: no queue takes messages with the routing key {message.to!r}")
    if isinstance(error, DeliveryError):
        return refused("RabbitMQ did not take it (nack), as a queue that is full does", later=True)
    if alone and isinstance(error, ChannelNotFoundEntity):
        return Result("pending", reason=f"RabbitMQ: {error}", cause="setup")
    if alone and isinstance(error, ChannelClosed):
        return refused(f"RabbitMQ refuses it: {error}")
    return None

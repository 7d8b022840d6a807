"""``listen: {rabbitmq: …}``: a queue of RabbitMQ, or of anything else that speaks AMQP 0-9-1."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from airflow_integrations.config.types import ConnectionId
from airflow_integrations.errors import OutageError
from airflow_integrations.listen import Message
from airflow_integrations.listen.batching import gathered
from airflow_integrations.listen.context import ListenContext
from airflow_integrations.listen.options import QueueOptions
from airflow_integrations.queues.rabbitmq import SETUP_SECONDS, connect, understood

if TYPE_CHECKING:
    from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage

__all__ = ["RabbitmqListener"]


class RabbitmqListener:
    """Consumes one queue, which has to be there. Messages that were not acknowledged go back to their place in it."""

    class Config(QueueOptions):
        """Messages of a queue.

        Example:
            connection: rabbitmq
            queue: orders
            records: body.orders
            event_id: body.event_id
        """

        connection: ConnectionId
        """A Connection of type amqp or rabbitmq: host, port, login, password, and the virtual host as its schema.

        Example: ``connection: rabbitmq``
        """
        queue: Annotated[str, Field(min_length=1, max_length=255)]
        """The queue. It must exist. With ``dead_letters`` it needs a dead letter exchange.

        Example: ``queue: orders``
        """

    def __init__(self, config: Config, route: str) -> None:
        self._config = config
        self._tag = f"airflow-{route}"
        self._channel: AbstractChannel | None = None

    async def batches(self, around: ListenContext) -> AsyncGenerator[Sequence[Message], None]:
        broker = await asyncio.to_thread(around.broker, self._config.connection)
        with understood(broker):
            connection = await connect(broker)
        arrived: asyncio.Queue[AbstractIncomingMessage | None] = asyncio.Queue()
        try:
            with understood(broker):
                async with asyncio.timeout(SETUP_SECONDS):
                    self._channel = await self._consume(connection, arrived)
            async for some in gathered(arrived, self._config.prefetch):
                yield [_message(each) for each in some]
            raise OutageError(f"{broker.name}: RabbitMQ has closed the connection, or the queue is gone")
        finally:
            self._channel = None
            await connection.close()

    async def _consume(
        self, connection: AbstractConnection, arrived: asyncio.Queue[AbstractIncomingMessage | None]
    ) -> AbstractChannel:
        """Begin to hear. None in ``arrived`` says that it has ended."""
        channel = await connection.channel(publisher_confirms=False)
        for closing in (connection.close_callbacks, channel.close_callbacks):
            closing.add(lambda *_: arrived.put_nowait(None))
        underlay: Any = await channel.get_underlay_channel()
        underlay.on_consumer_cancel_callbacks.add(lambda *_: arrived.put_nowait(None))  # its queue was deleted
        await channel.set_qos(prefetch_count=self._config.prefetch)
        queue = await channel.get_queue(self._config.queue)
        await queue.consume(arrived.put, consumer_tag=self._tag)
        return channel

    async def settle(self, taken: Sequence[Message], dead: Sequence[tuple[Message, str]]) -> None:
        channel = self._channel
        if channel is None:
            raise OutageError("the connection to RabbitMQ was closed")
        try:
            underlay = await channel.get_underlay_channel()
            for message, _ in dead:
                await underlay.basic_reject(message.handle, requeue=False)
            if taken:  # the rest of what came until then, in one frame
                await underlay.basic_ack(taken[-1].handle, multiple=True)
        except Exception as error:
            raise OutageError(f"RabbitMQ could not be told what was taken: {error!r}") from None


def _message(found: AbstractIncomingMessage) -> Message:
    return Message(
        id=found.message_id or None,
        body=found.body,
        subject=found.routing_key or "",
        headers={name.lower(): _text(value) for name, value in found.headers.items()},
        content_type=found.content_type,
        handle=found.delivery_tag,
    )


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

"""``listen: {nats: …}``: a stream of NATS JetStream, through a durable pull consumer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from airflow_integrations.config.types import ConnectionId
from airflow_integrations.errors import OutageError
from airflow_integrations.listen import Message
from airflow_integrations.listen.context import ListenContext
from airflow_integrations.listen.options import QueueOptions
from airflow_integrations.queues.nats import connect, understood

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

__all__ = ["NatsListener"]

ASK_SECONDS = 5.0
"""How long one request for more waits."""
ACK_SECONDS = 30.0
"""What is not acknowledged within this comes again: of a consumer that the listener makes."""

_Name = Annotated[str, Field(pattern=r"^[^\s.*>/\\]+$", max_length=200)]


class NatsListener:
    """Asks a durable consumer for messages. What an earlier connection was given and did not acknowledge is waited for
    before anything newer is asked for, so that the order holds."""

    class Config(QueueOptions):
        """Messages of a JetStream stream.

        Example:
            connection: nats
            stream: ORDERS
            subject: shop.orders.*
        """

        connection: ConnectionId
        """A Connection of type nats: host, port, login and password; a token is a password without a login.

        Example: ``connection: nats``
        """
        stream: _Name
        """The stream. It must exist.

        Example: ``stream: ORDERS``
        """
        subject: Annotated[str, Field(pattern=r"^\S+$", max_length=500)] | None = None
        """Only messages of this subject, which may have wildcards: ``shop.orders.*``.

        Example: ``subject: shop.orders.*``
        """
        durable: _Name | None = None
        """The durable consumer. It is created if it does not exist. Left out: ``airflow-<route>``.

        Example: ``durable: erp``
        """
        since: Literal["oldest", "now"] = "oldest"
        """Where a new consumer begins.

        Example: ``since: now``
        """

    def __init__(self, config: Config, route: str) -> None:
        self._config = config
        self._durable = config.durable or re.sub(r"[^A-Za-z0-9_-]", "_", f"airflow-{route}")
        self._client: Client | None = None

    async def batches(self, around: ListenContext) -> AsyncGenerator[Sequence[Message], None]:
        config = self._config
        broker = await asyncio.to_thread(around.broker, config.connection)
        gone = asyncio.Event()
        with understood(broker.name, config.stream):
            self._client = client = await connect(broker, gone)
        try:
            with understood(broker.name, config.stream):
                consumer = await self._consumer(client)
                if consumer.num_ack_pending:
                    await _pause(gone, (consumer.config.ack_wait or ACK_SECONDS) + 0.5)
                subscription = await client.jetstream().pull_subscribe_bind(self._durable, config.stream)
            while not gone.is_set():
                with understood(broker.name, config.stream):
                    found = await _fetch(subscription, config.prefetch)
                    if not found:  # it says nothing of a consumer that was deleted
                        await client.jetstream().consumer_info(config.stream, self._durable)
                if found:
                    yield [_message(each) for each in found]
            raise OutageError(f"{broker.name}: the connection to NATS was closed")
        finally:
            self._client = None
            await client.close()

    async def settle(self, taken: Sequence[Message], dead: Sequence[tuple[Message, str]]) -> None:
        client = self._client
        if client is None or not client.is_connected:
            raise OutageError("the connection to NATS was closed")
        with understood(self._config.connection, self._config.stream):
            for message in taken:
                await message.handle.ack()
            for message, _ in dead:
                await message.handle.term()
            await client.flush()

    async def _consumer(self, client: Client) -> Any:
        from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
        from nats.js.errors import NotFoundError

        config, stream = self._config, client.jetstream()
        with suppress(NotFoundError):
            return await stream.consumer_info(config.stream, self._durable)
        wanted = ConsumerConfig(
            durable_name=self._durable,
            deliver_policy=DeliverPolicy.ALL if config.since == "oldest" else DeliverPolicy.NEW,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_SECONDS,
            filter_subject=config.subject,
            max_ack_pending=max(1000, config.prefetch),
        )
        return await stream.add_consumer(config.stream, wanted)


async def _pause(gone: asyncio.Event, seconds: float) -> None:
    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(gone.wait(), seconds)


async def _fetch(subscription: JetStreamContext.PullSubscription, most: int) -> list[Msg]:
    from nats.errors import TimeoutError as NothingCame

    try:
        return await subscription.fetch(most, timeout=ASK_SECONDS)
    except NothingCame:
        return []


def _message(found: Msg) -> Message:
    about = found.metadata
    headers = {name.lower(): value for name, value in (found.headers or {}).items()}
    return Message(
        # The time, because a stream that is made anew begins again at 1.
        id=f"{about.stream}/{about.sequence.stream}/{about.timestamp.timestamp():.6f}",
        body=found.data,
        subject=found.subject,
        headers=headers,
        content_type=headers.get("content-type"),
        handle=found,
    )

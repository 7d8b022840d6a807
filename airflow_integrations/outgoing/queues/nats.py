"""``outgoing: {nats: …}``: messages to a stream of NATS JetStream, each acknowledged."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from airflow_integrations.config.types import ConnectionId
from airflow_integrations.errors import EntityError, SetupError
from airflow_integrations.expressions import Template
from airflow_integrations.outgoing import Result
from airflow_integrations.outgoing.queues.messages import Message
from airflow_integrations.outgoing.queues.options import Address, MessageOptions
from airflow_integrations.outgoing.queues.target import Link, QueueOutgoing, refused
from airflow_integrations.queues.broker import Broker
from airflow_integrations.queues.nats import connect, understood

if TYPE_CHECKING:
    from nats.aio.client import Client

__all__ = ["NatsOutgoing"]

_SUBJECT = re.compile(r"[^\s.*>]+(\.[^\s.*>]+)*")
WRITTEN = "an earlier attempt had published it"
_FULL = frozenset({10023, 10047, 10077, 10104, 10122})
"""JetStream's codes for: no resources, no storage, too many messages or bytes, too many under way."""
_TOO_LARGE = 10054


class NatsOptions(MessageOptions):
    """Entities become messages of a JetStream stream.

    Example:
        connection: shop_nats
        stream: SHOP
        subject: shop.orders.{{ order.country | lower }}
    """

    connection: ConnectionId
    """A Connection of type nats: host, port, login and password; a token is a password without a login.

    Example: ``connection: shop_nats``
    """
    stream: Annotated[str, Field(pattern=r"^[^\s.*>/\\]+$", max_length=200)]
    """The stream. It must exist, and take the subjects. Within its duplicate window a message that comes twice counts
    once.

    Example: ``stream: SHOP``
    """
    subject: Address
    """The subject.

    Example: ``subject: shop.orders.{{ order.country | lower }}``
    """

    @property
    def to(self) -> Template | None:
        return self.subject


class NatsOutgoing(QueueOutgoing):
    """See :class:`NatsOptions`."""

    Config = NatsOptions

    async def link(self, broker: Broker) -> Link:
        gone = asyncio.Event()
        with understood(broker.name, self._options.stream):
            client = await connect(broker, gone)
        try:
            with understood(broker.name, self._options.stream):
                await client.jetstream().stream_info(self._options.stream)
        except BaseException:
            await client.close()
            raise
        return _Link(broker, self._options.stream, client, gone)

    def check(self, message: Message) -> None:
        if not _SUBJECT.fullmatch(message.to) or len(message.to) > 500:
            raise EntityError(
                f"{message.to[:80]!r} is not a subject to publish to: words of any characters but space, * and >, "
                "with points between them",
                field="subject",
            )


class _Link(Link):
    def __init__(self, broker: Broker, stream: str, client: Client, gone: asyncio.Event) -> None:
        self._broker = broker
        self._stream = stream
        self._client = client
        self._jetstream = client.jetstream(publish_async_max_pending=self.window)
        self._under_way: set[asyncio.Future[Any]] = set()
        self._watching = asyncio.ensure_future(self._watch(gone))

    async def _watch(self, gone: asyncio.Event) -> None:
        await gone.wait()
        self.ended = self.ended or "the connection to NATS was closed"
        for future in list(self._under_way):
            future.cancel()

    async def publish_window(self, messages: Sequence[Message]) -> list[Result | None]:
        from nats.errors import MaxPayloadError
        from nats.js.errors import NoStreamResponseError

        sent: list[asyncio.Future[Any] | Result] = []
        futures: list[asyncio.Future[Any]] = []
        try:
            with understood(self._broker.name, self._stream):
                for message in messages:
                    headers = {"Nats-Msg-Id": message.id, "Content-Type": message.content_type, **message.headers}
                    try:
                        future = await self._jetstream.publish_async(
                            message.to, message.body or b"", stream=self._stream, headers=headers
                        )
                    except MaxPayloadError:
                        most = self._client.max_payload
                        sent.append(refused(f"NATS takes messages of at most {most:,} bytes", cause="too_large"))
                    else:
                        sent.append(future)
                        futures.append(future)
                        self._under_way.add(future)
        except Exception as error:
            if not futures and not sent:
                raise
            self.ended = self.ended or str(error)
        if futures:
            await self.heard(futures)
            self._under_way.difference_update(futures)
        results: list[Result | None] = []
        for each in sent:
            if isinstance(each, Result):
                results.append(each)
                continue
            if each.cancelled():
                results.append(None)
            elif isinstance(each.exception(), NoStreamResponseError):
                results.append(await self._nobody())
            else:
                results.append(_told(each))
        return results + [None] * (len(messages) - len(results))

    async def _nobody(self) -> Result | None:
        """Nobody answered on a subject: either no stream takes it, or JetStream is away at this moment."""
        if self.ended is not None:
            return None
        try:
            with understood(self._broker.name, self._stream):
                await self._client.jetstream().stream_info(self._stream)
        except SetupError as error:
            return Result("pending", reason=str(error), cause="setup")
        except Exception as error:
            self.ended = str(error)
            return None
        return refused(f"no stream takes its subject; add it to the subjects of {self._stream}")

    async def close(self) -> None:
        self._watching.cancel()
        await self._client.close()


def _told(future: asyncio.Future[Any]) -> Result | None:
    from nats.js.errors import APIError

    error = future.exception()
    if error is None:
        ack = future.result()
        return Result("delivered", f"{ack.stream}/{ack.seq}", WRITTEN if ack.duplicate else None)
    if isinstance(error, APIError):
        code = error.err_code
        if code == _TOO_LARGE:
            return refused(f"NATS refuses it: {error.description}", cause="too_large")
        later = code in _FULL or (error.code or 0) >= 500
        return refused(f"NATS refuses it: {error.description}", later=later)
    return None

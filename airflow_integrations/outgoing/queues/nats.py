"""``outgoing: {nats: …}``: messages to a stream of NATS JetStream, each acknowledged."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from itertools import count
from typing import TYPE_CHECKING, Annotated

import msgspec
from pydantic import Field

from airflow_integrations.config.types import ConnectionId
from airflow_integrations.errors import EntityError, OutageError, SetupError
from airflow_integrations.expressions import Template
from airflow_integrations.outgoing import Result
from airflow_integrations.outgoing.queues.messages import Message
from airflow_integrations.outgoing.queues.options import Address, MessageOptions
from airflow_integrations.outgoing.queues.target import Link, QueueOutgoing, refused
from airflow_integrations.queues.broker import Broker
from airflow_integrations.queues.nats import connect, understood

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

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
        link = _Link(broker, self._options.stream, client, gone)
        try:
            with understood(broker.name, self._options.stream):
                await link.begin()
        except BaseException:
            await link.close()
            raise
        return link

    def check(self, message: Message) -> None:
        if not _SUBJECT.fullmatch(message.to) or len(message.to) > 500:
            raise EntityError(
                f"{message.to[:80]!r} is not a subject to publish to: words of any characters but space, * and >, "
                "with points between them",
                field="subject",
            )


class _Link(Link):
    """Answers come to an address of its own, with the number of the message at its end."""

    def __init__(self, broker: Broker, stream: str, client: Client, gone: asyncio.Event) -> None:
        self._broker = broker
        self._stream = stream
        self._client = client
        self._address = client.new_inbox()
        self._numbers = count()
        self._waiting: dict[str, asyncio.Future[Msg]] = {}
        self._watching = asyncio.ensure_future(self._watch(gone))

    async def begin(self) -> None:
        """Whether the stream is there; and hear the answers."""
        await self._client.jetstream().stream_info(self._stream)
        await self._client.subscribe(f"{self._address}.*", cb=self._heard)

    async def _heard(self, answer: Msg) -> None:
        waiting = self._waiting.pop(answer.subject.rpartition(".")[2], None)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    async def _watch(self, gone: asyncio.Event) -> None:
        await gone.wait()
        self.ended = self.ended or "the connection to NATS was closed"
        for waiting in self._waiting.values():
            waiting.cancel()
        self._waiting.clear()

    async def publish_window(self, messages: Sequence[Message]) -> list[Result | None]:
        from nats.errors import MaxPayloadError

        sent: list[asyncio.Future[Msg] | Result] = []
        try:
            with understood(self._broker.name, self._stream):
                for message in messages:
                    try:
                        sent.append(await self._one(message))
                    except MaxPayloadError:
                        most = self._client.max_payload
                        sent.append(refused(f"NATS takes messages of at most {most:,} bytes", cause="too_large"))
        except OutageError as error:
            if not sent:
                raise
            self.ended = self.ended or str(error)
        if futures := [each for each in sent if isinstance(each, asyncio.Future)]:
            await self.heard(futures)
        results = [each if isinstance(each, Result) else await self._told(each) for each in sent]
        return results + [None] * (len(messages) - len(results))

    async def _one(self, message: Message) -> asyncio.Future[Msg]:
        headers = {
            "Nats-Msg-Id": message.id,
            "Nats-Expected-Stream": self._stream,
            "Content-Type": message.content_type,
            **message.headers,
        }
        number = str(next(self._numbers))
        self._waiting[number] = future = asyncio.get_running_loop().create_future()
        try:
            reply = f"{self._address}.{number}"
            await self._client.publish(message.to, message.body or b"", reply=reply, headers=headers)
        except BaseException:
            self._waiting.pop(number, None)
            raise
        return future

    async def _told(self, future: asyncio.Future[Msg]) -> Result | None:
        if future.cancelled():
            return None
        answer = future.result()
        if (answer.headers or {}).get("Status") == "503":
            return await self._nobody()
        try:
            told = _answer(answer.data)
        except msgspec.MsgspecError as error:
            return Result("in_doubt", reason=f"the answer of NATS cannot be read: {error}", cause="unreadable")
        refusal = told.error
        if refusal is None:
            return Result("delivered", f"{told.stream}/{told.seq}", WRITTEN if told.duplicate else None)
        why = f"NATS refuses it: {refusal.description}"
        if refusal.err_code == _TOO_LARGE:
            return refused(why, cause="too_large")
        return refused(why, later=refusal.err_code in _FULL or refusal.code >= 500)

    async def _nobody(self) -> Result | None:
        """Nobody answered on a subject: either no stream takes it, or JetStream is away at this moment."""
        if self.ended is not None:
            return None
        try:
            with understood(self._broker.name, self._stream):
                await self._client.jetstream().stream_info(self._stream)
        except SetupError as error:
            return Result("pending", reason=str(error), cause="setup")
        except OutageError as error:
            self.ended = str(error)
            return None
        return refused(f"no stream takes its subject; add it to the subjects of {self._stream}")

    async def close(self) -> None:
        self._watching.cancel()
        await self._client.close()


class _Refusal(msgspec.Struct):
    code: int = 0
    err_code: int = 0
    description: str = ""


class _Answer(msgspec.Struct):
    stream: str = ""
    seq: int = 0
    duplicate: bool = False
    error: _Refusal | None = None


_answer = msgspec.json.Decoder(_Answer).decode

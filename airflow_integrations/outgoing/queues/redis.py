"""``outgoing: {redis: …}``: entries of a stream of Redis (5 or later) or Valkey."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from airflow_integrations.config.types import ConnectionId, Duration
from airflow_integrations.errors import EntityError, OutageError
from airflow_integrations.expressions import Template
from airflow_integrations.outgoing import Result
from airflow_integrations.outgoing.queues.messages import Message
from airflow_integrations.outgoing.queues.options import MESSAGE_ID, Address, MessageOptions
from airflow_integrations.outgoing.queues.target import Link, QueueOutgoing, refused
from airflow_integrations.queues.broker import Broker
from airflow_integrations.queues.redis import client_of, understood

if TYPE_CHECKING:
    from redis.asyncio import Redis

__all__ = ["RedisOutgoing"]

ONCE = """
local at = redis.call('GET', KEYS[2])
if at then
  return at
end
at = redis.call('XADD', KEYS[1], unpack(ARGV, 2))
redis.call('SET', KEYS[2], at, 'PX', ARGV[1])
return {at}
"""
"""Adds an entry unless its marker is there; the marker holds the entry's id. A table says that it was added now."""
_LATER = ("OOM", "LOADING", "READONLY", "MISCONF", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY", "NOREPLICAS")
WRITTEN = "an earlier attempt had added it"


class RedisOptions(MessageOptions):
    """Entities become entries of a stream.

    Example:
        connection: shop_redis
        stream: orders
    """

    connection: ConnectionId
    """A Connection of type redis: host, port, login, password, and ``db`` in extra.

    Example: ``connection: shop_redis``
    """
    stream: Address
    """The stream's key.

    Example: ``stream: orders``
    """
    field: Annotated[str, Field(min_length=1, max_length=500)] = "body"
    """The field that holds the body. Headers, ``message-id`` and ``content-type`` are fields besides.

    Example: ``field: payload``
    """
    max_length: Annotated[int, Field(strict=True, ge=1)] | None = None
    """About how many entries the stream keeps: older ones are trimmed away (``MAXLEN ~``). Left out: all.

    Example: ``max_length: 1000000``
    """
    exactly_once: Annotated[bool, Field(strict=True)] = True
    """Write a marker for each entity together with its entry, so that what an attempt added before it was killed is not
    added again.

    Example: ``exactly_once: false``
    """
    keep_markers: Duration = Field(default="1d", validate_default=True)
    """How long Redis keeps a marker, of about 150 bytes. What is still unanswered after that may be added twice.

    Example: ``keep_markers: 3d``
    """

    @property
    def to(self) -> Template | None:
        return self.stream


class RedisOutgoing(QueueOutgoing):
    """See :class:`RedisOptions`."""

    Config = RedisOptions
    verb = "XADD"

    @property
    def repeatable(self) -> bool:
        return self._options.exactly_once or super().repeatable

    async def link(self, broker: Broker) -> Link:
        link = _Link(broker, self._options)
        try:
            with understood(broker.name):
                await link.redis.ping()
        except BaseException:
            await link.close()
            raise
        return link

    def check(self, message: Message) -> None:
        if not message.to or len(message.to) > 500:
            raise EntityError("a stream's key has 1 to 500 characters", field="stream")
        if self._options.field in message.headers:
            raise EntityError(f"the header {self._options.field!r} is called like the field of the body", field="field")


class _Link(Link):
    def __init__(self, broker: Broker, options: RedisOptions) -> None:
        self._name = broker.name
        self._options = options
        self._keep = str(max(1, int(options.keep_markers.total_seconds() * 1000)))
        self.redis: Redis = client_of(broker, again=False)

    async def publish_window(self, messages: Sequence[Message]) -> list[Result | None]:
        told: list[Any] = [None] * len(messages)
        try:
            with understood(self._name):
                async with self.redis.pipeline(transaction=False) as pipeline:
                    for message in messages:
                        self._add(pipeline, message)
                    told = await pipeline.execute(raise_on_error=False)
        except OutageError as error:
            self.ended = str(error)
        return [_told(each, once=self._options.exactly_once) for each in told]

    def _add(self, pipeline: Any, message: Message) -> None:
        most = self._options.max_length
        arguments: list[Any] = [*(("MAXLEN", "~", most) if most else ()), "*", self._options.field, message.body or b""]
        fields = {MESSAGE_ID: message.id, "content-type": message.content_type, **message.headers}
        for name, text in fields.items():
            arguments += name, text
        if not self._options.exactly_once:
            pipeline.execute_command("XADD", message.to, *arguments)
            return
        # In a cluster both keys have to be on one node: {…} is what decides that.
        place = message.to if "{" in message.to else f"{{{message.to}}}"
        marker = f"airflow-integrations:{place}:{message.id}"
        pipeline.execute_command("EVAL", ONCE, 2, message.to, marker, self._keep, *arguments)

    async def close(self) -> None:
        await self.redis.aclose()


def _told(answer: Any, *, once: bool) -> Result | None:
    from redis import exceptions

    if answer is None:
        return None
    if isinstance(answer, (exceptions.NoPermissionError, exceptions.AuthenticationError)):
        return Result("pending", reason=f"Redis refuses: {answer}", cause="setup")
    if isinstance(answer, exceptions.ResponseError):
        later = str(answer).startswith(_LATER) or any(f"-{word}" in str(answer) for word in _LATER)
        return refused(f"Redis refuses it: {answer}", later=later)
    if isinstance(answer, Exception):
        return None
    if isinstance(answer, list):
        return Result("delivered", answer[0].decode())
    return Result("delivered", answer.decode(), WRITTEN if once else None)

"""``listen: {redis: …}``: a stream of Redis (5 or later) or Valkey, through a consumer group."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from airflow_integrations.config.types import ConnectionId
from airflow_integrations.errors import OutageError
from airflow_integrations.formats.json import encode
from airflow_integrations.listen import Message
from airflow_integrations.listen.context import ListenContext
from airflow_integrations.listen.options import QueueOptions
from airflow_integrations.queues.redis import client_of, understood

if TYPE_CHECKING:
    from redis.asyncio import Redis

__all__ = ["RedisListener"]

BLOCK_MS = 5000
"""How long the server waits for something new before it answers with nothing."""

_Name = Annotated[str, Field(min_length=1, max_length=500)]
_Entry = tuple[bytes, dict[bytes, bytes] | None]


class RedisListener:
    """One consumer of the route's group. What it was given and did not acknowledge comes first when it begins anew, so
    that the order holds."""

    class Config(QueueOptions):
        """Entries of a stream.

        Example:
            connection: redis
            stream: orders
            field: payload
        """

        connection: ConnectionId
        """A Connection of type redis: host, port, login, password, and ``db`` in extra.

        Example: ``connection: redis``
        """
        stream: _Name
        """The stream's key. Dead letters go to the stream ``<stream>-dead``.

        Example: ``stream: orders``
        """
        group: _Name | None = None
        """The consumer group. It is created if it does not exist. Left out: ``airflow-<route>``.

        Example: ``group: erp``
        """
        since: Literal["oldest", "now"] = "oldest"
        """Where a new group begins.

        Example: ``since: now``
        """
        field: _Name | None = None
        """The field that holds the body; the other fields are ``headers``. Left out: the whole entry is the body, an
        object of texts.

        Example: ``field: payload``
        """

    def __init__(self, config: Config, route: str) -> None:
        self._config = config
        self._stream = config.stream
        self._group = config.group or f"airflow-{route}"
        self._consumer = f"airflow-{route}"
        self._redis: Redis | None = None

    async def batches(self, around: ListenContext) -> AsyncGenerator[Sequence[Message], None]:
        broker = await asyncio.to_thread(around.broker, self._config.connection)
        self._redis = redis = client_of(broker)
        try:
            with understood(broker.name):
                await self._make_group(redis)
            after, prefetch = "0", self._config.prefetch  # first what an earlier connection left
            while True:
                with understood(broker.name):
                    entries = await self._read(redis, after, prefetch)
                if entries:
                    yield [self._message(*entry) for entry in entries]
                elif after != ">":
                    after = ">"
        finally:
            self._redis = None
            await redis.aclose()

    async def settle(self, taken: Sequence[Message], dead: Sequence[tuple[Message, str]]) -> None:
        redis = self._redis
        if redis is None:
            raise OutageError("the connection to Redis was closed")
        with understood(self._config.connection):
            async with redis.pipeline(transaction=True) as pipeline:
                for message, reason in dead:
                    number, fields = message.handle
                    told = {b"dead-id": number, b"dead-reason": reason.encode("utf-8", "replace")}
                    entry: dict[Any, Any] = {**fields, **told}
                    pipeline.xadd(f"{self._stream}-dead", entry)
                ids = [message.handle[0] for message in (*taken, *(message for message, _ in dead))]
                pipeline.xack(self._stream, self._group, *ids)
                await pipeline.execute()

    async def _make_group(self, redis: Redis) -> None:
        from redis.exceptions import ResponseError

        start = "0" if self._config.since == "oldest" else "$"
        try:
            await redis.xgroup_create(self._stream, self._group, start, mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    async def _read(self, redis: Redis, after: str, most: int) -> list[_Entry]:
        streams: dict[Any, Any] = {self._stream: after}
        found: Any = await redis.xreadgroup(self._group, self._consumer, streams, count=most, block=BLOCK_MS)
        return [] if not found else list(found[0][1])

    def _message(self, number: bytes, fields: dict[bytes, bytes] | None) -> Message:
        name = f"{self._stream}/{number.decode()}"
        if not fields:
            gone = "the entry was deleted, or trimmed away, before it was read"
            return Message(name, b"", self._stream, fault=gone, handle=(number, {}))
        field = self._config.field
        handle = (number, fields)
        if field is None:
            whole = encode({_text(key): _text(value) for key, value in fields.items()})
            return Message(name, whole, self._stream, content_type="application/json", handle=handle)
        headers = {_text(key).lower(): _text(value) for key, value in fields.items() if key != field.encode()}
        body = fields.get(field.encode())
        if body is None:
            fault = f"the entry has no field {field!r}"
            return Message(name, encode(headers), self._stream, headers, fault=fault, handle=handle)
        return Message(name, body, self._stream, headers, headers.get("content-type"), handle=handle)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")

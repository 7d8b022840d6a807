"""``outgoing: {sqs: …}``: messages to a queue of Amazon SQS."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from typing import Annotated, Any

from pydantic import Field

from airflow_integrations.config.types import ConnectionId
from airflow_integrations.errors import EntityError, OutageError, SetupError
from airflow_integrations.expressions import Template
from airflow_integrations.outgoing import Result
from airflow_integrations.outgoing.queues.messages import Message
from airflow_integrations.outgoing.queues.options import MESSAGE_ID, Address, MessageOptions
from airflow_integrations.outgoing.queues.target import UNSENT, Link, Loc, QueueOutgoing, refused
from airflow_integrations.queues.broker import Broker
from airflow_integrations.queues.sqs import AT_ONCE, ContentsError, client_of, queue_url, understood
from airflow_integrations.route.definition import Route

__all__ = ["SqsOutgoing"]

MOST_BYTES = 256 * 1024
"""Of one request, whatever number of messages it holds. Amazon allows more since 2025; others do not."""
MOST_HEADERS = 8
"""Amazon allows ten attributes, and two are ours."""
_NO_TEXT = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\ufffe\\uffff]")
"""What SQS takes neither in a body nor in an attribute."""
_FIFO_TEXT = frozenset(map(chr, range(0x21, 0x7F)))


class SqsOptions(MessageOptions):
    """Entities become messages of a queue.

    Example:
        connection: aws
        queue: orders.fifo
        group: "{{ order.customer.id }}"
    """

    connection: ConnectionId
    """A Connection of type aws: the access key as login, the secret as password, ``region_name`` and, for others
    than Amazon, ``endpoint_url`` in extra. Without a login the machine's own role counts.

    Example: ``connection: aws``
    """
    queue: Annotated[str, Field(min_length=1, max_length=500)]
    """The queue's name, or its URL. One whose name ends in ``.fifo`` keeps the order of each group, and takes a message
    that comes twice within five minutes once.

    Example: ``queue: orders.fifo``
    """
    group: Address | None = None
    """The message group of a ``.fifo`` queue. Left out: the entity's key.

    Example: ``group: "{{ order.customer.id }}"``
    """
    max_size: Annotated[int, Field(strict=True, ge=1, le=1024 * 1024)] = 256 * 1024
    """The largest body, in bytes. An entity with a larger one fails alone.

    Example: ``max_size: 65536``
    """

    @property
    def ordered_by(self) -> Template | None:
        return self.group


class SqsOutgoing(QueueOutgoing):
    """See :class:`SqsOptions`."""

    Config = SqsOptions
    verb = "SEND"

    @classmethod
    def mistakes(cls, config: SqsOptions, route: Route) -> Iterator[tuple[Loc, str]]:
        yield from super().mistakes(config, route)
        if config.group is not None and not config.queue.endswith(".fifo"):
            yield ("group",), "only a queue whose name ends in .fifo has groups"
        if len(config.headers) > MOST_HEADERS:
            yield ("headers",), f"SQS takes at most {MOST_HEADERS} headers besides those of this kind"
        if config.deletion is not None and config.deletion.body is None:
            yield ("deletion",), "SQS takes no message without a body; write deletion.body, such as {id: key}"

    async def link(self, broker: Broker) -> Link:
        link = _Link(broker, self._options.queue)
        try:
            with understood(broker.name):
                await link.begin()
        except BaseException:
            await link.close()
            raise
        return link

    def check(self, message: Message) -> None:
        message.to = self._options.queue.rpartition("/")[2]
        try:
            text = (message.body or b"").decode()
        except UnicodeDecodeError:
            raise EntityError("SQS takes text, and the body is none in UTF-8") from None
        if not text:
            raise EntityError("SQS takes no message without a body")
        if _NO_TEXT.search(text):
            raise EntityError("SQS takes no control characters, and the body has one")
        for name, value in message.headers.items():
            if _NO_TEXT.search(value):
                raise EntityError("SQS takes neither control characters nor U+FFFE and U+FFFF", field=name)
        if message.to.endswith(".fifo"):
            group = message.ordered_by
            if not group or len(group) > 128 or not _FIFO_TEXT.issuperset(group):
                raise EntityError(
                    f"{group[:50]!r} is not a message group of SQS: 1 to 128 letters, digits and punctuation of ASCII",
                    field="group",
                )


class _Link(Link):
    window = AT_ONCE
    _url = ""
    _client: Any = None

    def __init__(self, broker: Broker, queue: str) -> None:
        self._broker = broker
        self._queue = queue
        self._stack = AsyncExitStack()

    async def begin(self) -> None:
        """A client, and whether the queue is there."""
        self._client = await self._stack.enter_async_context(client_of(self._broker, again=False))
        self._url = await queue_url(self._client, self._queue)
        if "://" in self._queue:
            await self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])

    async def publish_window(self, messages: Sequence[Message]) -> list[Result | None]:
        results: list[Result | None] = []
        while len(results) < len(messages):
            part: list[Message] = []
            size = 0
            for message in messages[len(results) :]:
                size += len(message.body or b"") + sum(map(len, message.headers.values())) + 1024
                if part and size > MOST_BYTES:
                    break
                part.append(message)
            results += [UNSENT] * len(part) if self.ended is not None else await self._request(part)
        return results

    async def _request(self, messages: Sequence[Message]) -> list[Result | None]:
        entries = [self._entry(str(number), message) for number, message in enumerate(messages)]
        try:
            with understood(self._broker.name):
                answer = await self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
        except ContentsError as error:  # of one of them, and SQS has taken none
            if len(messages) == 1:
                return [refused(str(error))]
            return [result for message in messages for result in await self._request([message])]
        except SetupError as error:
            return [Result("pending", reason=str(error), cause="setup")] * len(messages)
        except OutageError as error:
            self.ended = str(error)
            return [None] * len(messages)
        results: list[Result | None] = [None] * len(messages)
        for each in answer.get("Successful") or ():
            results[int(each["Id"])] = Result("delivered", each["MessageId"])
        for each in answer.get("Failed") or ():
            why = f"SQS refuses it: {each.get('Code')}: {each.get('Message', '')}"
            results[int(each["Id"])] = refused(why, later=not each.get("SenderFault"))
        if None in results:
            self.ended = "the answer of SQS says nothing of some messages"
        return results

    def _entry(self, number: str, message: Message) -> dict[str, Any]:
        told = {MESSAGE_ID: message.id, "content-type": message.content_type, **message.headers}
        entry: dict[str, Any] = {
            "Id": number,
            "MessageBody": (message.body or b"").decode(),
            "MessageAttributes": {name: {"DataType": "String", "StringValue": text} for name, text in told.items()},
        }
        if self._url.endswith(".fifo"):
            entry |= {"MessageGroupId": message.ordered_by, "MessageDeduplicationId": message.id}
        return entry

    async def close(self) -> None:
        await self._stack.aclose()

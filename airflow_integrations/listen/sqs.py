"""``listen: {sqs: …}``: a queue of Amazon SQS, or of anything else that speaks its protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from airflow_integrations.config.types import ConnectionId
from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.listen import Message
from airflow_integrations.listen.context import ListenContext
from airflow_integrations.listen.options import QueueOptions
from airflow_integrations.plurals import counted
from airflow_integrations.queues.sqs import AT_ONCE, WAIT_SECONDS, client_of, queue_url, understood

if TYPE_CHECKING:
    from aiobotocore.client import AioBaseClient

__all__ = ["SqsListener"]


class SqsListener:
    """Receives by long polling. A message that is dead is left to the queue's own redrive policy."""

    class Config(QueueOptions):
        """Messages of a queue.

        Example:
            connection: aws
            queue: orders
        """

        connection: ConnectionId
        """A Connection of type aws: the access key as login, the secret as password, ``region_name`` and, for others
        than Amazon, ``endpoint_url`` in extra. Without a login the machine's own role counts.

        Example: ``connection: aws``
        """
        queue: Annotated[str, Field(min_length=1, max_length=500)]
        """The queue's name, or its URL. With ``dead_letters`` it needs a redrive policy.

        Example: ``queue: orders``
        """

    def __init__(self, config: Config, route: str) -> None:
        self._config = config
        self._client: AioBaseClient | None = None
        self._url = ""

    async def batches(self, around: ListenContext) -> AsyncGenerator[Sequence[Message], None]:
        broker = await asyncio.to_thread(around.broker, self._config.connection)
        with understood(broker.name):
            opened = client_of(broker, again=True)
        async with opened as client:
            self._client = client
            try:
                with understood(broker.name):
                    await self._find()
                while True:
                    with understood(broker.name):
                        found = await self._receive()
                    if found:
                        yield [_message(each, self._url) for each in found]
            finally:
                self._client = None

    async def settle(self, taken: Sequence[Message], dead: Sequence[tuple[Message, str]]) -> None:
        with understood(self._config.connection):
            await self._each("delete_message_batch", taken)
            # At once visible again, so that it reaches the redrive policy's count soon.
            await self._each("change_message_visibility_batch", [message for message, _ in dead], VisibilityTimeout=0)

    async def _each(self, what: str, messages: Sequence[Message], **more: Any) -> None:
        client = self._client
        if client is None:
            raise OutageError("the connection to SQS was closed")
        for first in range(0, len(messages), AT_ONCE):
            some = messages[first : first + AT_ONCE]
            entries = [{"Id": str(at), "ReceiptHandle": message.handle, **more} for at, message in enumerate(some)]
            answer = await getattr(client, what)(QueueUrl=self._url, Entries=entries)
            if failed := answer.get("Failed"):
                raise OutageError(
                    f"SQS: {what} failed for {counted(len(failed), 'message')}: {failed[0].get('Message')}"
                )

    async def _find(self) -> None:
        client, queue = self._client, self._config.queue
        assert client is not None
        self._url = await queue_url(client, queue)
        if self._config.dead_letters:
            answer = await client.get_queue_attributes(QueueUrl=self._url, AttributeNames=["RedrivePolicy"])
            if not answer.get("Attributes", {}).get("RedrivePolicy"):
                raise SetupError(f"the queue {queue} has no redrive policy; give it one, or leave dead_letters out")

    async def _receive(self) -> list[dict[str, Any]]:
        """What is there, up to the prefetch; waits for the first."""
        client = self._client
        assert client is not None
        found: list[dict[str, Any]] = []
        while len(found) < self._config.prefetch:
            answer = await client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=min(AT_ONCE, self._config.prefetch - len(found)),
                WaitTimeSeconds=0 if found else WAIT_SECONDS,
                MessageAttributeNames=["All"],
            )
            some = answer.get("Messages") or []
            found += some
            if len(some) < AT_ONCE:
                break
        return found


def _message(found: dict[str, Any], url: str) -> Message:
    about = found.get("MessageAttributes", {})
    headers = {name.lower(): str(value.get("StringValue", "")) for name, value in about.items()}
    return Message(
        id=found["MessageId"],
        body=found["Body"].encode(),
        subject=url.rpartition("/")[2],
        headers=headers,
        content_type=headers.get("content-type"),
        handle=found["ReceiptHandle"],
    )

"""``listen: {mqtt: …}``: topics of an MQTT broker, QoS 1, with a session that the broker keeps."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from airflow_integrations.config.types import ConnectionId, Duration
from airflow_integrations.errors import OutageError
from airflow_integrations.listen import Message
from airflow_integrations.listen.batching import gathered
from airflow_integrations.listen.context import ListenContext
from airflow_integrations.listen.options import OneOrMore, Prefetch, QueueOptions
from airflow_integrations.queues.broker import Broker
from airflow_integrations.queues.mqtt import MqttConnection

if TYPE_CHECKING:
    from paho.mqtt.client import Client

__all__ = ["MqttListener"]

log = logging.getLogger("airflow_integrations")

_Filter = Annotated[str, Field(min_length=1, max_length=1000)]


class MqttListener:
    """Subscribes to topics. The broker keeps the session, and what came meanwhile, for ``session`` while nobody
    listens. Needs MQTT 5, for which every maintained broker is ready; acknowledges when told to."""

    class Config(QueueOptions):
        """Messages of topics.

        Example:
            connection: mqtt
            topics: [shop/orders/+]
        """

        connection: ConnectionId
        """A Connection of type mqtt: host, port, login and password.

        Example: ``connection: mqtt``
        """
        topics: Annotated[
            tuple[Annotated[str, Field(min_length=1, max_length=1000)], ...], Field(min_length=1), OneOrMore
        ]
        """Topic filters: ``shop/orders/+`` or ``shop/#``.

        Example: ``topics: [shop/orders/+]``
        """
        client_id: Annotated[str, Field(min_length=1, max_length=250)] | None = None
        """The name of the session at the broker. Left out: ``airflow-<route>``.

        Example: ``client_id: erp``
        """
        session: Duration = Field(default="7d", validate_default=True)
        """How long the broker keeps the session while nobody listens.

        Example: ``session: 1d``
        """
        prefetch: Prefetch = 100
        """The most messages under way. The broker may have a smaller bound of its own.

        Example: ``prefetch: 50``
        """
        dead_letters: Literal[False] = False
        """MQTT has no dead letters: the next run rejects a message that cannot be used.

        Example: ``dead_letters: false``
        """

    def __init__(self, config: Config, route: str) -> None:
        self._config = config
        self._client_id = config.client_id or f"airflow-{route}"
        self._client: Client | None = None

    async def batches(self, around: ListenContext) -> AsyncGenerator[Sequence[Message], None]:
        broker = await asyncio.to_thread(around.broker, self._config.connection)
        session = _Session(broker, self._client_id, self._config)
        try:
            await session.resume()
            self._client = session.client
            async for some in gathered(session.arrived, self._config.prefetch):
                yield [_message(each) for each in some]
            raise OutageError(f"{broker.name}: the connection to the MQTT broker was closed: {session.ended}")
        finally:
            self._client = None
            await session.close()

    async def settle(self, taken: Sequence[Message], dead: Sequence[tuple[Message, str]]) -> None:
        client = self._client
        if client is None or not client.is_connected():
            raise OutageError("the connection to the MQTT broker was closed")
        for message in taken:
            if message.handle:  # a message id; those of QoS 0 have none
                client.ack(message.handle, 1)


class _Session(MqttConnection):
    """What it hears is in ``arrived``; None there says that it has ended."""

    def __init__(self, broker: Broker, client_id: str, config: MqttListener.Config) -> None:
        super().__init__(broker, client_id, manual_ack=True)
        self._config = config
        self.arrived: asyncio.Queue[Any] = asyncio.Queue()
        self.client.on_subscribe = self._subscribed
        self.client.on_message = lambda _, __, message: self._tell(self.arrived.put_nowait, message)

    async def resume(self) -> None:
        """Raises OutageError, SetupError."""
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        wanted: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        wanted.SessionExpiryInterval = int(self._config.session.total_seconds())
        wanted.ReceiveMaximum = self._config.prefetch
        await self.open(clean=False, properties=wanted)

    def _accepted(self, client: Client, properties: Any) -> None:
        from paho.mqtt.subscribeoptions import SubscribeOptions

        # Retained messages come when a subscription is new, not each time that the connection is.
        options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
        client.subscribe([(topic, options) for topic in self._config.topics])

    def _subscribed(self, _: Client, __: Any, ___: int, reasons: list[Any], ____: Any) -> None:
        failed = [str(reason) for reason in reasons if reason.is_failure]
        self._tell(self._settle_ready, failed[0] if failed else None)

    def _gone(self) -> None:
        self.arrived.put_nowait(None)


def _message(found: Any) -> Message:
    about = found.properties
    users = getattr(about, "UserProperty", None) or []
    return Message(
        id=None,
        body=found.payload,
        subject=found.topic,
        headers={name.lower(): value for name, value in users},
        content_type=getattr(about, "ContentType", None),
        handle=found.mid if found.qos else 0,
    )

"""``outgoing: {mqtt: …}``: messages to topics of an MQTT 5 broker, each acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from airflow_integrations.config.types import ConnectionId
from airflow_integrations.errors import EntityError
from airflow_integrations.expressions import Template
from airflow_integrations.outgoing import Result
from airflow_integrations.outgoing.queues.messages import Message
from airflow_integrations.outgoing.queues.options import MESSAGE_ID, Address, MessageOptions
from airflow_integrations.outgoing.queues.target import Link, QueueOutgoing, refused
from airflow_integrations.queues.broker import Broker
from airflow_integrations.queues.mqtt import MqttConnection

if TYPE_CHECKING:
    from paho.mqtt.client import Client

__all__ = ["MqttOutgoing"]

UNDER_WAY = 20
"""Messages that the client has sent and that are not acknowledged; it keeps the others in their order. A broker that
allows fewer says so only when the client is connected, and is given that many at a time."""
NOBODY = 0x10
"""The broker took it, and there is no subscription that it matches."""
_LATER = frozenset({0x97})
"""Quota exceeded."""
_UNKNOWN = frozenset({0x80, 0x83})
"""Unspecified, and implementation specific: they may come and go."""


class MqttOptions(MessageOptions):
    """Entities become messages of topics.

    Example:
        connection: shop_mqtt
        topic: shop/orders/{{ order.country | lower }}
    """

    connection: ConnectionId
    """A Connection of type mqtt: host, port, login and password.

    Example: ``connection: shop_mqtt``
    """
    topic: Address
    """The topic.

    Example: ``topic: shop/orders/{{ order.country | lower }}``
    """
    qos: Literal[1, 2] = 1
    """``1``: at least once. ``2``: the broker itself takes a message once as long as the connection holds.

    Example: ``qos: 2``
    """
    retain: Annotated[bool, Field(strict=True)] = False
    """Whether the broker keeps the topic's last message for subscriptions to come. A deletion without a body takes it
    away.

    Example: ``retain: true``
    """
    subscribers: Literal["any", "needed"] = "any"
    """``needed``: an entity whose message matches no subscription is *failed*, where the broker says so. Otherwise the
    broker drops such a message, and it counts as delivered.

    Example: ``subscribers: needed``
    """

    @property
    def to(self) -> Template | None:
        return self.topic


class MqttOutgoing(QueueOutgoing):
    """See :class:`MqttOptions`."""

    Config = MqttOptions

    async def link(self, broker: Broker) -> Link:
        link = _Link(broker, self._options)
        try:
            await link.connection.open(clean=True)
        except BaseException:
            await link.close()
            raise
        return link

    def check(self, message: Message) -> None:
        topic = message.to
        if not topic or "+" in topic or "#" in topic or len(topic.encode()) > 1000:
            raise EntityError(
                f"{topic[:80]!r} is not a topic to publish to: 1 to 1000 bytes without + and #", field="topic"
            )
        for place, text in {"topic": topic, **message.headers}.items():
            if not text.isascii() and any(map(_is_noncharacter, text)):
                raise EntityError(
                    "brokers end the connection for a Unicode noncharacter, and this has one", field=place
                )


def _is_noncharacter(character: str) -> bool:
    """MQTT 5, section 1.5.4: a packet that has one may be treated as malformed."""
    code = ord(character)
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF


class _Connection(MqttConnection):
    """One that publishes. ``waiting`` has a future for each message that the broker has not acknowledged."""

    def __init__(self, broker: Broker, link: _Link) -> None:
        super().__init__(broker, "")  # the broker gives a name: two runs of one name would cut each other off
        self.link = link
        self.waiting: dict[int, asyncio.Future[Any]] = {}
        self.most_bytes: int | None = None
        self.most_qos = 2
        self.client.max_inflight_messages_set(UNDER_WAY)
        self.client.on_publish = lambda _, __, mid, reason, ___: self._tell(self._acknowledged, mid, reason.value)

    def _accepted(self, client: Client, properties: Any) -> None:
        self.most_bytes = getattr(properties, "MaximumPacketSize", None)
        self.most_qos = getattr(properties, "MaximumQoS", 2)
        most = getattr(properties, "ReceiveMaximum", 65_535)
        if most < UNDER_WAY:
            self.link.window = most
        self._tell(self._settle_ready, None)

    def _acknowledged(self, number: int, reason: int) -> None:
        waiting = self.waiting.pop(number, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(reason)

    def _gone(self) -> None:
        self.link.ended = self.link.ended or f"the MQTT broker has closed the connection: {self.ended}"
        for waiting in self.waiting.values():
            waiting.cancel()
        self.waiting.clear()


class _Link(Link):
    def __init__(self, broker: Broker, options: MqttOptions) -> None:
        self._options = options
        self.connection = _Connection(broker, self)

    async def publish_window(self, messages: Sequence[Message]) -> list[Result | None]:
        connection = self.connection
        qos = min(self._options.qos, connection.most_qos)
        if qos == 0:
            return [
                Result("pending", reason="the MQTT broker takes QoS 0 only, which nobody confirms", cause="setup")
            ] * len(messages)
        sent = [self._one(connection, message, qos) for message in messages]
        if futures := [each for each in sent if isinstance(each, asyncio.Future)]:
            await self.heard(futures)
        return [
            each if isinstance(each, Result) else self._told(each, message)
            for each, message in zip(sent, messages, strict=True)
        ]

    def _one(self, connection: _Connection, message: Message, qos: int) -> asyncio.Future[Any] | Result:
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        body, topic = message.body or b"", message.to
        about: Any = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        about.ContentType = message.content_type
        about.UserProperty = [(MESSAGE_ID, message.id), *message.headers.items()]
        most = connection.most_bytes
        if most is not None and len(body) + len(topic.encode()) + len(about.pack()) + 16 > most:
            return refused(f"the MQTT broker takes packets of at most {most:,} bytes", cause="too_large")
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self.ended is not None:
            future.cancel()
            return future
        info = connection.client.publish(topic, body, qos, self._options.retain, about)
        if info.rc not in (0, 4):  # 4: there is no connection any more; the client would keep it, and is given up
            return refused(f"paho: error {info.rc}", later=True)
        connection.waiting[info.mid] = future  # its acknowledgement is told in this loop, and so not before this
        return future

    def _told(self, future: asyncio.Future[Any], message: Message) -> Result | None:
        if future.cancelled():
            return None
        reason: int = future.result()
        if reason == NOBODY and self._options.subscribers == "needed":
            return refused(f"the MQTT broker has no subscription for the topic {message.to!r}")
        if reason < 0x80:
            return Result("delivered", message.id)
        return refused(
            f"the MQTT broker refuses it: reason code 0x{reason:02X}", later=reason in _LATER or reason in _UNKNOWN
        )

    async def close(self) -> None:
        await self.connection.close()

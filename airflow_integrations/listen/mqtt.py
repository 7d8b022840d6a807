"""``listen: {mqtt: …}``: topics of an MQTT broker, QoS 1, with a session that the broker keeps."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, field_validator

from airflow_integrations.config.types import ConnectionId, Duration
from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.listen import Message
from airflow_integrations.listen.batching import gathered
from airflow_integrations.listen.broker import Broker, client_library
from airflow_integrations.listen.context import ListenContext
from airflow_integrations.listen.options import Prefetch, QueueOptions

if TYPE_CHECKING:
    from paho.mqtt.client import Client

__all__ = ["MqttListener"]

log = logging.getLogger("airflow_integrations")

CONNECT_SECONDS = 15.0
KEEPALIVE = 20
_REFUSED = frozenset({"Bad user name or password", "Not authorized", "Client identifier not valid", "Banned"})


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
        topics: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=1000)], ...], Field(min_length=1)]
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

        @field_validator("topics", mode="before")
        @classmethod
        def _one_or_more(cls, topics: Any) -> Any:
            return (topics,) if isinstance(topics, str) else topics

    def __init__(self, config: Config, route: str) -> None:
        self._config = config
        self._client_id = config.client_id or f"airflow-{route}"
        self._client: Client | None = None

    async def batches(self, around: ListenContext) -> AsyncGenerator[Sequence[Message], None]:
        broker = await asyncio.to_thread(around.broker, self._config.connection)
        session = _Session(broker, self._client_id, self._config)
        try:
            await session.open()
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


class _Session:
    """One connection. paho's network loop runs in a thread of its own; what it hears is handed to the event loop."""

    def __init__(self, broker: Broker, client_id: str, config: MqttListener.Config) -> None:
        try:
            from paho.mqtt.client import Client
            from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
        except ImportError:
            raise client_library("paho-mqtt", "mqtt") from None
        broker.only("mqtt")
        self._broker = broker
        self._config = config
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[str | None] = self._loop.create_future()
        self.arrived: asyncio.Queue[Any] = asyncio.Queue()
        self.ended = "closed"
        self.client = client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        if broker.login:
            client.username_pw_set(broker.login, broker.password or None)
        self._tls = broker.tls()
        if self._tls is not None:
            client.tls_set_context(self._tls)
        client.on_connect = self._connected
        client.on_subscribe = self._subscribed
        client.on_message = lambda _, __, message: self._tell(self.arrived.put_nowait, message)
        client.on_disconnect = self._disconnected

    async def open(self) -> None:
        """Raises OutageError, SetupError."""
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        wanted: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        wanted.SessionExpiryInterval = int(self._config.session.total_seconds())
        wanted.ReceiveMaximum = self._config.prefetch
        host, port = self._broker.address(8883 if self._tls else 1883)
        name = self._broker.name
        try:
            self.client.connect_timeout = CONNECT_SECONDS
            await asyncio.to_thread(
                self.client.connect, host, port, keepalive=KEEPALIVE, clean_start=False, properties=wanted
            )
            self.client.loop_start()
            refused = await asyncio.wait_for(self._ready, CONNECT_SECONDS)
        except (TimeoutError, OSError, ValueError) as error:
            raise OutageError(f"{name}: the MQTT broker cannot be reached: {error!r}") from None
        if refused is not None:
            kind = SetupError if refused in _REFUSED else OutageError
            raise kind(f"{name}: the MQTT broker refuses: {refused}")

    async def close(self) -> None:
        self.client.disconnect()
        await asyncio.to_thread(self.client.loop_stop)

    def _tell(self, what: Any, *values: Any) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(what, *values)

    def _settle_ready(self, refused: str | None) -> None:
        if not self._ready.done():
            self._ready.set_result(refused)

    def _connected(self, client: Client, _: Any, __: Any, reason: Any, ___: Any) -> None:
        from paho.mqtt.subscribeoptions import SubscribeOptions

        if reason.is_failure:
            self._tell(self._settle_ready, str(reason))
            return
        # Retained messages come when a subscription is new, not each time that the connection is.
        options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
        client.subscribe([(topic, options) for topic in self._config.topics])

    def _subscribed(self, _: Client, __: Any, ___: int, reasons: list[Any], ____: Any) -> None:
        failed = [str(reason) for reason in reasons if reason.is_failure]
        self._tell(self._settle_ready, failed[0] if failed else None)

    def _disconnected(self, _: Client, __: Any, ___: Any, reason: Any, ____: Any) -> None:
        self.ended = str(reason)
        self._tell(self._settle_ready, f"disconnected: {reason}")
        self._tell(self.arrived.put_nowait, None)


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

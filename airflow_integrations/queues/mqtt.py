"""A connection to an MQTT 5 broker. paho's network loop runs in a thread of its own; the event loop hears of it."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airflow_integrations.config.tls import certificate_refused
from airflow_integrations.errors import OutageError, SetupError, why_unreachable
from airflow_integrations.queues.broker import Broker, client_library

if TYPE_CHECKING:
    from paho.mqtt.client import Client

__all__ = ["MqttConnection"]

CONNECT_SECONDS = 15.0
KEEPALIVE = 20
_REFUSED = frozenset({"Bad user name or password", "Not authorized", "Client identifier not valid", "Banned"})


class MqttConnection(ABC):
    """One connection, which is not made anew. A subclass says in ``_accepted`` what follows when it is there, and calls
    ``_settle_ready`` in the event loop when it is ready."""

    def __init__(self, broker: Broker, client_id: str, *, manual_ack: bool = False) -> None:
        """Raises SetupError. Called inside the event loop."""
        try:
            from paho.mqtt.client import Client
            from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
        except ImportError:
            raise client_library("paho-mqtt", "mqtt") from None
        broker.only("mqtt")
        self._broker = broker
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[str | None] = self._loop.create_future()
        self.ended = "closed"
        """Why the connection ended."""
        self.client = client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=manual_ack,
        )
        if broker.login:
            client.username_pw_set(broker.login, broker.password or None)
        self._tls = broker.tls()
        if self._tls is not None:
            client.tls_set_context(self._tls)
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected

    async def open(self, *, clean: bool, properties: Any = None) -> None:
        """``properties`` are those of MQTT's CONNECT. Raises OutageError, SetupError."""
        host, port = self._broker.address(8883 if self._tls else 1883)
        name = self._broker.name
        try:
            self.client.connect_timeout = CONNECT_SECONDS
            await asyncio.to_thread(
                self.client.connect, host, port, keepalive=KEEPALIVE, clean_start=clean, properties=properties
            )
            self.client.loop_start()
            refused = await asyncio.wait_for(self._ready, CONNECT_SECONDS)
        except (TimeoutError, OSError, ValueError) as error:
            kind = SetupError if certificate_refused(error) else OutageError
            raise kind(f"{name}: the MQTT broker cannot be reached: {why_unreachable(error)}") from None
        if refused is not None:
            kind = SetupError if refused in _REFUSED else OutageError
            raise kind(f"{name}: the MQTT broker refuses: {refused}")

    async def close(self) -> None:
        self.client.disconnect()
        await asyncio.to_thread(self.client.loop_stop)

    def _tell(self, what: Callable[..., object], *values: Any) -> None:
        """Call it in the event loop: paho's thread is not that."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(what, *values)

    def _settle_ready(self, refused: str | None) -> None:
        if not self._ready.done():
            self._ready.set_result(refused)

    def _connected(self, client: Client, _: Any, __: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._tell(self._settle_ready, str(reason))
        else:
            self._accepted(client, properties)

    @abstractmethod
    def _accepted(self, client: Client, properties: Any) -> None:
        """In paho's thread: the broker has let us in; ``properties`` are what it says of itself."""

    def _disconnected(self, _: Client, __: Any, ___: Any, reason: Any, ____: Any) -> None:
        self.ended = str(reason)
        self._tell(self._settle_ready, f"disconnected: {reason}")
        self._tell(self._gone)

    @abstractmethod
    def _gone(self) -> None:
        """In the event loop: the connection has ended."""

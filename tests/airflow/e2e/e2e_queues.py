"""Queues in a real RabbitMQ."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable, Sequence
from typing import Any

import aio_pika

__all__ = ["RABBITMQ", "Queues"]

RABBITMQ = os.environ.get("TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672/")


class Queues:
    """One queue for each route, of names of their own."""

    def __init__(self, routes: Sequence[str]) -> None:
        self.names = {route: f"test-{route}-{secrets.token_hex(6)}" for route in routes}
        self.declared = False

    def publish(self, route: str, bodies: Sequence[bytes]) -> None:
        async def send(channel: Any) -> None:
            for body in bodies:
                message = aio_pika.Message(body, message_id=secrets.token_hex(8), delivery_mode=2)
                await channel.default_exchange.publish(message, routing_key=self.names[route])

        asyncio.run(self._each(send))

    def connection(self, name: str) -> dict[str, Any]:
        """An Airflow Connection to their server."""
        at = aio_pika.connection.make_url(RABBITMQ)
        return {
            "connection_id": name,
            "conn_type": "amqp",
            "host": at.host,
            "port": at.port,
            "login": at.user,
            "password": at.password,
        }

    def declare(self) -> None:
        """Raises OSError where there is no RabbitMQ."""

        async def declare(channel: Any) -> None:
            for name in self.names.values():
                await channel.declare_queue(name, durable=True)

        asyncio.run(self._each(declare))
        self.declared = True

    def state(self, route: str) -> tuple[int, int]:
        """How many messages wait in the queue, and how many consumers it has."""
        found: list[tuple[int, int]] = []

        async def look(channel: Any) -> None:
            declared = (await channel.declare_queue(self.names[route], passive=True)).declaration_result
            found.append((declared.message_count, declared.consumer_count))

        asyncio.run(self._each(look))
        return found[0]

    def remove(self) -> None:
        async def remove(channel: Any) -> None:
            for name in self.names.values():
                await channel.queue_delete(name)

        asyncio.run(self._each(remove))

    async def _each(self, what: Callable[[Any], Any]) -> None:
        async with await aio_pika.connect(RABBITMQ) as connection:
            await what(await connection.channel())

"""The texts of a listener: its class, its conformance test, and a broker to test it against."""

from __future__ import annotations

from string import Template

__all__ = ["BROKER", "CODE", "TESTS"]

CODE = Template('''\
"""``trigger: {listen: {$name: …}}``: take messages from a queue of …"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from airflow_integrations.kinds import ConnectionId, ListenContext, Message, OutageError, QueueOptions

__all__ = ["$cls"]


class $cls:
    """Asks the broker for messages, hands them over, and acknowledges them when they are in the route's inbox.

    Nothing is acknowledged earlier: what a process that died had taken comes again.
    """

    class Config(QueueOptions):
        connection: ConnectionId
        """The Connection of the broker: host and port.

        Example: ``connection: $name``
        """
        queue: str
        """The queue that messages are taken from.

        Example: ``queue: orders``
        """

    def __init__(self, config: Config, route: str) -> None:
        self.config = config
        self._writer: asyncio.StreamWriter | None = None

    async def batches(self, around: ListenContext) -> AsyncGenerator[Sequence[Message], None]:
        broker = await asyncio.to_thread(around.broker, self.config.connection)
        broker.only("$name")  # a Connection of another type raises SetupError
        host, port = broker.address(7711)
        try:
            reader, self._writer = await asyncio.open_connection(host, port, ssl=broker.tls())
            while True:
                await self._say(take=self.config.prefetch)
                answer = await reader.readline()
                if not answer:
                    raise OutageError(f"{broker.name}: the broker has closed the connection")
                yield [_message(each, self.config.queue) for each in json.loads(answer)]
        except OSError as error:
            raise OutageError(f"{broker.name}: {error}") from None
        finally:
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    async def settle(self, taken: Sequence[Message], dead: Sequence[tuple[Message, str]]) -> None:
        """All of ``taken`` is in the inbox. ``dead`` cannot be read; with ``dead_letters`` the broker keeps it."""
        try:
            await self._say(done=[message.id for message in taken], dead=[message.id for message, _ in dead])
        except OSError as error:
            raise OutageError(f"{self.config.connection}: {error}") from None

    async def _say(self, **request: Any) -> None:
        if self._writer is None:
            raise OutageError(f"{self.config.connection}: the connection was closed")
        self._writer.write(json.dumps({"queue": self.config.queue, **request}).encode() + b"\\n")
        await self._writer.drain()


def _message(found: dict[str, str], queue: str) -> Message:
    return Message(id=found["id"], body=found["body"].encode(), subject=queue)
''')

TESTS = Template('''\
"""What every listener has to keep to, against a broker in this process. Use your own broker where you can start it."""

import asyncio
from collections.abc import Sequence

import pytest
from ${name}_broker import TestBroker

from airflow_integrations.kinds import Broker, Feed, ListenSuite


class Test$cls(ListenSuite):
    @pytest.fixture
    def feed(self):
        with TestBroker() as broker:

            async def publish(bodies: Sequence[bytes]) -> None:
                await asyncio.to_thread(broker.publish, bodies)

            yield Feed(
                kind="$name",
                config={"connection": "broker", "queue": "orders"},
                brokers={"broker": Broker(name="broker", kind="$name", host="127.0.0.1", port=broker.port)},
                publish=publish,
            )
''')

BROKER = Template('''\
"""A broker with one queue, for tests: it speaks what the listener speaks, one JSON object a line.

``{"take": 10}`` is answered with a list of messages as soon as there is one; ``{"done": [ids]}`` forgets them. What a
connection took and did not finish is there again when it has ended.
"""

import asyncio
import json
import threading
from collections.abc import Sequence


class TestBroker:
    """Runs in a thread of its own from ``with`` on."""

    __test__ = False  # not a test class, although pytest would take it for one

    def __enter__(self) -> "TestBroker":
        self._messages: dict[str, str] = {}
        self._count = 0
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def publish(self, bodies: Sequence[bytes]) -> None:
        asyncio.run_coroutine_threadsafe(self._put(bodies), self._loop).result()

    async def _put(self, bodies: Sequence[bytes]) -> None:
        async with self._changed:
            for body in bodies:
                self._count += 1
                self._messages[str(self._count)] = body.decode()
            self._changed.notify_all()

    async def _serve(self) -> None:
        self._loop, self._over, self._changed = asyncio.get_running_loop(), asyncio.Event(), asyncio.Condition()
        server = await asyncio.start_server(self._client, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._over.wait()
        server.close()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held: set[str] = set()
        while line := await reader.readline():
            request = json.loads(line)
            for number in (*request.get("done", ()), *request.get("dead", ())):
                self._messages.pop(number, None)
            if "take" in request:
                async with self._changed:
                    await self._changed.wait_for(lambda: self._messages.keys() - held)
                found = [number for number in self._messages if number not in held][: request["take"]]
                held.update(found)
                writer.write(json.dumps([{"id": number, "body": self._messages[number]} for number in found]).encode())
                writer.write(b"\\n")
                await writer.drain()
        writer.close()
''')

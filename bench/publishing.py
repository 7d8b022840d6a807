"""A file's records as messages: a route with its ledger, and a bare client's loop. In seconds of this process's CPU.

``python -m bench.publishing KIND TOTAL route|target|client``: with a broker on this machine at its usual port.
``target`` is the kind alone, without fetch, ledger and journal. Prints a line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import logging
import resource
import secrets
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from airflow_integrations.outgoing import Outbound
from airflow_integrations.queues.broker import Broker
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import EPOCH, Window
from bench.through_engine import Loopback, through

__all__ = ["KINDS", "main", "there"]

KINDS = {"rabbitmq": 5672, "redis": 6379, "nats": 4222, "mqtt": 1883}
BATCH = 500
HOST = "127.0.0.1"
Loop = Callable[[Sequence[bytes]], Awaitable[None]]


def there(kind: str) -> bool:
    """Whether its broker listens."""
    try:
        socket.create_connection((HOST, KINDS[kind]), timeout=2).close()
    except OSError:
        return False
    return True


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def parts(bodies: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for first in range(0, len(bodies), BATCH):
        yield bodies[first : first + BATCH]


@asynccontextmanager
async def rabbitmq(name: str) -> AsyncIterator[tuple[dict[str, Any], Loop]]:
    import aio_pika

    async with await aio_pika.connect(f"amqp://guest:guest@{HOST}/") as connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        queue = await channel.declare_queue(name, durable=True)

        async def loop(bodies: Sequence[bytes]) -> None:
            for part in parts(bodies):
                sent = [
                    channel.default_exchange.publish(aio_pika.Message(body, delivery_mode=2), routing_key=name)
                    for body in part
                ]
                await asyncio.gather(*sent)

        yield {"queue": name}, loop
        await queue.delete(if_empty=False)


@asynccontextmanager
async def redis(name: str) -> AsyncIterator[tuple[dict[str, Any], Loop]]:
    from redis.asyncio import Redis

    async with Redis(host=HOST) as client:

        async def loop(bodies: Sequence[bytes]) -> None:
            for part in parts(bodies):
                async with client.pipeline(transaction=False) as pipeline:
                    for body in part:
                        pipeline.xadd(name, {"body": body})
                    await pipeline.execute()

        yield {"stream": name, "keep_markers": "60s"}, loop
        await client.delete(name)


@asynccontextmanager
async def nats(name: str) -> AsyncIterator[tuple[dict[str, Any], Loop]]:
    import nats as library

    async with await library.connect(f"nats://{HOST}") as client:
        stream = client.jetstream(publish_async_max_pending=BATCH)
        await stream.add_stream(name=name, subjects=[f"{name}.>"])

        async def loop(bodies: Sequence[bytes]) -> None:
            for part in parts(bodies):
                await asyncio.gather(*[await stream.publish_async(f"{name}.x", body) for body in part])

        yield {"stream": name, "subject": f"{name}.x"}, loop
        await stream.delete_stream(name)


@asynccontextmanager
async def mqtt(name: str) -> AsyncIterator[tuple[dict[str, Any], Loop]]:
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.connect(HOST)
    client.loop_start()

    def publish(bodies: Sequence[bytes]) -> None:
        for part in parts(bodies):
            for sent in [client.publish(f"{name}/x", body, qos=1) for body in part]:
                sent.wait_for_publish(60)

    async def loop(bodies: Sequence[bytes]) -> None:
        await asyncio.to_thread(publish, bodies)

    yield {"topic": f"{name}/x"}, loop
    client.disconnect()
    client.loop_stop()


_OPENERS: dict[str, Any] = {"rabbitmq": rabbitmq, "redis": redis, "nats": nats, "mqtt": mqtt}


class _Here(Loopback):
    """Every Connection is the broker on this machine."""

    def __init__(self, kind: str) -> None:
        super().__init__("http://nowhere")
        self._kind = kind

    def broker(self, connection: str) -> Broker:
        return Broker(connection, self._kind, HOST, KINDS[self._kind])


def _route(kind: str, path: Path, options: dict[str, Any]) -> Route:
    for module in ("incoming.files.source", f"outgoing.queues.{kind}", "expressions.evaluation.compiler"):
        import_module(f"airflow_integrations.{module}")
    return Route.load(
        {
            "route": "bench",
            "entity": {"name": "order", "key": "order.id"},
            "incoming": {"files": {"path": str(path), "settled": {"age": "0s"}}},
            "outgoing": {kind: {"connection": "broker", **options}},
            "delivery": {"batch": BATCH, "concurrency": 2},
        }
    )


async def _by_target(route: Route, around: _Here, bodies: Sequence[bytes]) -> None:
    outgoing: Any = route.outgoing.component()(route.outgoing.config, route)
    async with Services(around) as services:
        await outgoing.open(Run(route, "run", Window(EPOCH, EPOCH)), services)
        for part in parts(bodies):
            batch = [Outbound(str(place), body, route="bench") for place, body in enumerate(part)]
            if {result.status for result in await outgoing.send(batch)} != {"delivered"}:
                raise SystemExit("not all were delivered")
        await outgoing.close()


async def main(kind: str, total: int, how: str) -> dict[str, Any]:
    """One measurement."""
    logging.basicConfig(level=logging.WARNING)
    bodies = [b'{"id":%d,"text":"%s"}' % (number, b"x" * 480) for number in range(total)]
    name = f"bench-{secrets.token_hex(4)}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "orders.jsonl")
        await asyncio.to_thread(path.write_bytes, b"\n".join(bodies) + b"\n")
        async with _OPENERS[kind](name) as (options, loop):
            route, around = _route(kind, path, options), _Here(kind)
            await loop(bodies[:BATCH])  # what is imported late
            begun = cpu()
            if how == "client":
                await loop(await asyncio.to_thread(lambda: path.read_bytes().splitlines()))
            elif how == "target":
                await _by_target(route, around, bodies)
            else:
                run = Run(route, "run", Window(EPOCH, EPOCH))
                await through(run, around, f"sqlite:///{folder}/ledger.db", Staging(Path(folder), "bench", "run"))
            return {"cpu_seconds": cpu() - begun}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))))

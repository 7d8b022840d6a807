"""Runs of a route that publishes, one of which may be killed; and a way to a broker that can be cut."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from topics import Surroundings, Topic

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.errors import OutageError
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.outgoing.queues.target import Link
from airflow_integrations.queues.broker import Broker
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.testing.conformance.suite_run import WINDOW

__all__ = ["KILLED", "Way", "push_killed", "pushed", "through"]

KILLED = 77


def pushed(
    topic: Topic,
    folder: Path,
    entities: Sequence[Any],
    *,
    run_id: str = "one",
    delivery: Mapping[str, Any] | None = None,
) -> dict[str, int]:
    """All stages of a run, from where a process that died left it. Gives what became of its entities."""
    route = topic.load(delivery={"batch": 4, "concurrency": 1, **(delivery or {})})
    run = Run(route, "one", WINDOW, entities=tuple(entities))
    staging = Staging(folder, route.route, run.run_id)

    async def stages() -> dict[str, int]:
        with Ledger.open(f"sqlite:///{folder}/ledger.db") as ledger:
            async with Services(Surroundings(topic.at), ledger=ledger) as services:
                fetched, transformed = staging.manifest("fetch"), staging.manifest("transform")
                if fetched is None or not fetched.complete:
                    await fetch(run, services, staging)
                if transformed is None or not transformed.complete:
                    await transform(run, services, staging)
                try:
                    counts = dict((await push(run, services, staging)).counts)
                except OutageError:
                    counts = {"outage": 1}
                assert (await settle(run, services, staging)).balanced
        return counts

    return asyncio.run(stages())


def push_killed(topic: Topic, folder: Path, entities: Sequence[Any], **more: Any) -> None:
    """The same in a process that ends without a farewell when its second batch was confirmed, and before that is
    written down."""
    child = os.fork()
    if not child:
        try:
            batches = 0
            publish = Link.publish

            async def deadly(self: Link, messages: Any) -> Any:
                nonlocal batches
                batches += 1
                results = await publish(self, messages)
                if batches == 2:
                    os._exit(KILLED)
                return results

            Link.publish = deadly  # type: ignore[method-assign]
            pushed(topic, folder, entities, **more)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == KILLED


class Way:
    """What one sends over it arrives. Once it is ``cut``, the first answer ends it, and does not come through."""

    def __init__(self, at: Broker, port: int) -> None:
        self.at = replace(at, host="127.0.0.1", port=port)
        self.cut = False


@asynccontextmanager
async def through(at: Broker) -> AsyncIterator[Way]:
    """A way to a broker, on a port of its own."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        while data := await reader.read(65536):
            if answers and way.cut:
                return
            writer.write(data)
            await writer.drain()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, here = await asyncio.open_connection(at.host, at.port)
        ways = [
            asyncio.ensure_future(carry(reader, here, answers=False)),
            asyncio.ensure_future(carry(there, writer, answers=True)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in ways:
                each.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for end in (here, writer):
                end.close()

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        way = Way(at, server.sockets[0].getsockname()[1])
        yield way

"""A way to a broker that ends at any byte of what is asked or answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from airflow_integrations.queues.broker import Broker

__all__ = ["CuttingWay", "cutting"]


class CuttingWay:
    """``left`` counts down the bytes of a direction, ``asked`` or ``answered``; with none left all connections end.
    After ``lives`` such ends it carries everything."""

    def __init__(self, at: Broker, port: int) -> None:
        self.left: dict[str, int] = {}
        self.lives = 1
        self.ends = 0
        endpoint = {"endpoint_url": f"http://127.0.0.1:{port}"} if "endpoint_url" in at.extra else {}
        self.at = replace(at, host="127.0.0.1", port=port, extra={**at.extra, **endpoint})

    def cut(self, direction: str, after: int, *, lives: int = 1) -> None:
        self.left, self.lives, self._after = {direction: after}, lives, after

    def passed(self, direction: str, data: bytes) -> tuple[bytes, bool]:
        """What of it goes on, and whether the connection ends then."""
        if direction not in self.left:
            return data, False
        left = self.left[direction]
        self.left[direction] = max(0, left - len(data))
        if len(data) < left:
            return data, False
        self.ends += 1
        if self.ends >= self.lives:
            self.left = {}
        else:
            self.left[direction] = self._after
        return data[:left], True


@asynccontextmanager
async def cutting(at: Broker, host: str, port: int) -> AsyncIterator[CuttingWay]:
    """A way to ``host`` and ``port``. Kafka's clients are told that the broker is on the way's port."""

    async def carry(reader: Any, writer: Any, direction: str) -> None:
        while data := await reader.read(65536):
            if direction == "answered":
                data = data.replace(told, told_instead)
            data, ends = way.passed(direction, data)
            writer.write(data)
            await writer.drain()
            if ends:
                for each in list(open_ones):
                    each.transport.abort()
                return

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, here = await asyncio.open_connection(host, port)
        open_ones.update((here, writer))
        ways = [
            asyncio.ensure_future(carry(reader, here, "asked")),
            asyncio.ensure_future(carry(there, writer, "answered")),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in ways:
                each.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            open_ones.difference_update((here, writer))
            for end in (here, writer):
                end.close()

    open_ones: set[asyncio.StreamWriter] = set()
    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        own = server.sockets[0].getsockname()[1]
        told, told_instead = (host.encode() + each.to_bytes(4, "big") for each in (port, own))
        way = CuttingWay(at, own)
        yield way

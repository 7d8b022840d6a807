"""The source and the target as one process, which prints its port: ``python -m chaos.servers ENTITIES SEED``.

The target honours the Idempotency-Key: what came under one before gets the same answer and has no effect. As batches
may be cut anew after a fault, it also knows each item's version by its number. It keeps book of what it was sent
nevertheless: again under another key although it had answered for it before, or after a later version of the item.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections import Counter
from typing import Any

import msgspec
from aiohttp import web

from chaos.definition import item, items, refused

PAGE = 250
HANG_SECONDS = 30.0
"""Longer than the clients wait."""
FAULTS = {"500": 0.05, "429": 0.02, "reset": 0.01, "hang": 0.005}
"""What goes wrong, and with which share of the requests."""


class Source:
    def __init__(self, entities: int, slow: float) -> None:
        self.entities = entities
        self.slow = slow
        self.windows: dict[str, list[tuple[int, int]]] = {}

    async def page(self, request: web.Request) -> web.Response:
        await asyncio.sleep(self.slow)
        window = request.query["from"]
        if window not in self.windows:
            self.windows[window] = list(items(self.entities, window))
        whole, first = self.windows[window], int(request.query.get("cursor", 0))
        following = first + PAGE
        body = {
            "items": [item(*found) for found in whole[first:following]],
            "next": str(following) if following < len(whole) else None,
        }
        return web.Response(body=msgspec.json.encode(body), content_type="application/json")


class Target:
    def __init__(self, seed: int, slow: float) -> None:
        self.dice = random.Random(seed)
        self.slow = slow
        self.calm = False
        self.answers: dict[str, bytes] = {}
        self.taken: dict[str, list[tuple[int, str]]] = {}
        """By number: version and total, in the order in which they came."""
        self.answered: dict[tuple[str, int], float] = {}
        """When a number and version was answered for."""
        self.counts: Counter[str] = Counter()

    async def take(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.counts["requests"] += 1
        await asyncio.sleep(self.slow)
        fault = None if self.calm else self._fault()
        if fault is None:
            return self._answer(request, body, heard=request.transport is not None)  # None: the client is gone
        self.counts[fault] += 1
        if fault == "429":
            return web.Response(status=429, headers={"Retry-After": "1"})
        if fault == "reset" or self.dice.random() < 0.5:  # the others may have had an effect, and nobody is told
            self._answer(request, body, heard=False)
        if fault == "500":
            return web.Response(status=500)
        if fault == "hang":
            await asyncio.sleep(HANG_SECONDS)
        if request.transport is not None:  # the client may be gone by now
            request.transport.abort()
        return web.Response()

    def _fault(self) -> str | None:
        drawn = self.dice.random()
        for name, share in FAULTS.items():
            if drawn < share:
                return name
            drawn -= share
        return None

    def _answer(self, request: web.Request, body: bytes, *, heard: bool) -> web.Response:
        key = request.headers["Idempotency-Key"]
        sent = msgspec.json.decode(body)
        if key in self.answers:
            self.counts["replayed"] += 1
        else:
            self.answers[key] = msgspec.json.encode({"results": [self._take(item) for item in sent]})
        if heard:
            now = time.monotonic()
            self.answered.update(((item["number"], item["version"]), now) for item in sent)
        return web.Response(body=self.answers[key], content_type="application/json")

    def _take(self, sent: dict[str, Any]) -> dict[str, Any]:
        number, version = sent["number"], sent["version"]
        if refused(number):
            self.counts["refused"] += 1
            return {"ok": False, "reason": "the customer is blocked"}
        taken = self.taken.setdefault(number, [])
        if any(version == earlier for earlier, _ in taken):
            self.counts["needless" if (number, version) in self.answered else "recognised"] += 1
        else:
            if taken and version < taken[-1][0]:
                self.counts["inverted"] += 1
            taken.append((version, sent["total"]))
        return {"ok": True, "id": f"T{number[1:]}"}

    async def books(self, request: web.Request) -> web.Response:
        books = {"taken": self.taken, "counts": self.counts}
        return web.Response(body=msgspec.json.encode(books), content_type="application/json")

    async def unsure(self, request: web.Request) -> web.Response:
        """A client died: it may not have heard, or not have been able to write down, what was answered since."""
        since = time.monotonic() - float(request.query["seconds"])
        self.answered = {what: when for what, when in self.answered.items() if when < since}
        return web.Response()

    async def calm_down(self, request: web.Request) -> web.Response:
        self.calm = True
        return web.Response()


async def serve(entities: int, seed: int, slow: float, calm: bool) -> None:
    source, target = Source(entities, slow), Target(seed, slow)
    target.calm = calm
    app = web.Application(client_max_size=1 << 28)
    app.add_routes(
        [
            web.get("/items", source.page),
            web.post("/items", target.take),
            web.get("/books", target.books),
            web.post("/calm", target.calm_down),
            web.post("/unsure", target.unsure),
        ]
    )
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("entities", type=int)
    parser.add_argument("seed", type=int)
    parser.add_argument("--slow", type=float, default=0, help="seconds that every request takes")
    parser.add_argument("--calm", action="store_true", help="no faults")
    asked = parser.parse_args()
    asyncio.run(serve(asked.entities, asked.seed, asked.slow, asked.calm))

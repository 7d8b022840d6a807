"""The target of the events' drill: takes an order once by its idempotency key, and remembers each. Prints its port."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict

from aiohttp import web

taken: dict[str, set[str]] = defaultdict(set)
"""Order to the idempotency keys that it came with: more than one is a delivery too many."""


async def take(request: web.Request) -> web.Response:
    order = json.loads(await request.read())
    taken[order["number"]].add(request.headers["Idempotency-Key"])
    return web.json_response({"id": order["number"]})


async def all_taken(request: web.Request) -> web.Response:
    return web.json_response({number: len(keys) for number, keys in taken.items()})


async def main() -> None:
    app = web.Application()
    app.add_routes([web.get("/taken", all_taken), web.post("/orders", take)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())

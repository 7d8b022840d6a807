"""The target of the latency bench: notes when each entity arrived. Prints its port."""

from __future__ import annotations

import asyncio
import json
import time

from aiohttp import web

arrived: dict[str, float] = {}


async def take(request: web.Request) -> web.Response:
    now = time.time()
    order = json.loads(await request.read())
    arrived.setdefault(order["Number"], (now - float(order["Sent"])) * 1000)
    return web.json_response({"id": order["Number"]})


async def received(request: web.Request) -> web.Response:
    mark = request.query["mark"]
    return web.json_response({key: value for key, value in arrived.items() if key.startswith(mark)})


async def main() -> None:
    app = web.Application()
    app.add_routes([web.get("/received", received), web.post("/{route}", take)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())

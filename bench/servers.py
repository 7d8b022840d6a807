"""The source and the target as a process of their own: ``python -m bench.servers`` prints its port."""

from __future__ import annotations

import asyncio

import msgspec
from aiohttp import web

from bench.orders import PAGE, page_template

_count = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Servers:
    def __init__(self) -> None:
        self.template = page_template()
        self.received = 0
        self.bytes = 0

    async def orders(self, request: web.Request) -> web.Response:
        total, first = int(request.query["total"]), int(request.query.get("cursor", 0))
        page = self.template % tuple(range(first, first + PAGE))
        cursor = f'"{first + PAGE}"' if first + PAGE < total else "null"
        body = b'{"orders":' + page + b',"next_cursor":' + cursor.encode() + b"}"
        return web.Response(body=body, content_type="application/json")

    async def bulk(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.received += len(_count(body))
        self.bytes += len(body)
        return web.json_response({"ok": True})

    async def single(self, request: web.Request) -> web.Response:
        self.bytes += len(await request.read())
        self.received += 1
        return web.json_response({"ok": True, "id": str(self.received)}, status=201)

    async def reset(self, request: web.Request) -> web.Response:
        answer = {"received": self.received, "bytes": self.bytes}
        self.received = self.bytes = 0
        return web.json_response(answer)


async def main() -> None:
    servers = Servers()
    app = web.Application(client_max_size=1 << 30)
    app.add_routes(
        [
            web.get("/orders", servers.orders),
            web.post("/bulk", servers.bulk),
            web.post("/single", servers.single),
            web.post("/single/{id}/confirm", servers.single),
            web.post("/reset", servers.reset),
        ]
    )
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())

"""A source that takes its time for each page, as a process of its own: ``python -m bench.partitions.slow_source``."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

SECONDS, PAGES, PAGE = 0.05, 40, 100


@contextmanager
def serving() -> Iterator[str]:
    """Its URL."""
    served = subprocess.Popen([sys.executable, "-m", "bench.partitions.slow_source"], stdout=subprocess.PIPE, text=True)
    assert served.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(served.stdout.readline())}"
    finally:
        served.terminate()
        served.wait()


async def orders(request: web.Request) -> web.Response:
    await asyncio.sleep(SECONDS)
    shop, page = request.query["shop"], int(request.query.get("cursor", 0))
    found = [{"number": f"{shop}-{page}-{n}", "total": "1.50", "state": "paid"} for n in range(PAGE)]
    return web.json_response({"orders": found, "next": page + 1 if page + 1 < PAGES else None})


async def main() -> None:
    app = web.Application()
    app.add_routes([web.get("/orders", orders)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())

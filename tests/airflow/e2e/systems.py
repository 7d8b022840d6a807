"""A source and a target over real HTTP, in one process of its own: ``python systems.py PORT``.

Every test has a namespace, the first part of the path, so that none disturbs another.

    GET  /NS/orders?from=…&to=…&cursor=…   an order for each minute of the window, 40 a page
    PUT  /NS/sales/NUMBER                  takes an order
    POST /NS/messages                      takes a message to people
    POST /NS/control {…}                   how it behaves: see ``Namespace``
    GET  /NS/state                         what it was asked for, and what it got
"""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

PAGE = 40


@dataclass
class Namespace:
    hold: bool = False
    """No fetch is answered, but for as many as ``released`` says."""
    released: int = 0
    push_delay: float = 0.0
    takes: int | None = None
    """No order is answered any more once it has taken so many, until it is told otherwise."""
    keeps: str = ""
    """Orders whose numbers begin like this are not answered, until it is told otherwise."""
    empty: bool = False
    away: bool = False
    refuse: list[str] = field(default_factory=list)
    windows: list[tuple[str, str]] = field(default_factory=list)
    received: list[str] = field(default_factory=list)
    """Numbers, in the order in which they were taken."""
    totals: list[tuple[str, Any]] = field(default_factory=list)
    """The same with what they came to."""
    begun: int = 0
    messages: list[str] = field(default_factory=list)
    """Their titles."""
    told: asyncio.Condition = field(default_factory=asyncio.Condition)
    """How it behaves has changed."""


spaces: dict[str, Namespace] = defaultdict(Namespace)


async def orders(request: web.Request) -> web.Response:
    space = spaces[request.match_info["ns"]]
    start, end, cursor = request.query["from"], request.query["to"], int(request.query.get("cursor", 0))
    if not cursor:
        space.windows.append((start, end))
        while space.hold:
            if space.released:
                space.released -= 1
                break
            await asyncio.sleep(0.02)
    first, last = datetime.fromisoformat(start), datetime.fromisoformat(end)
    count = 0 if space.empty else min(int((last - first) / timedelta(minutes=1)), 2000)
    page = [
        {"number": f"{(first + timedelta(minutes=minute)):%Y%m%dT%H%M}", "status": "paid", "total": 10.5}
        for minute in range(cursor, min(cursor + PAGE, count))
    ]
    return web.json_response({"orders": page, "next": cursor + PAGE if cursor + PAGE < count else None})


async def sales(request: web.Request) -> web.Response:
    space, number = spaces[request.match_info["ns"]], request.match_info["number"]
    body = await request.json()
    space.begun += 1
    await asyncio.sleep(space.push_delay)
    async with space.told:
        await space.told.wait_for(lambda: space.takes is None or len(space.received) < space.takes)
        await space.told.wait_for(lambda: not (space.keeps and number.startswith(space.keeps)))
    if space.away:
        return web.json_response({"error": "down for maintenance"}, status=503)
    if number in space.refuse:
        return web.json_response({"error": f"order {number} has no customer"}, status=422)
    space.received.append(number)
    space.totals.append((number, body.get("Total")))
    return web.json_response({"id": f"S-{number}"})


async def message(request: web.Request) -> web.Response:
    spaces[request.match_info["ns"]].messages.append((await request.json())["title"])
    return web.json_response({})


async def control(request: web.Request) -> web.Response:
    space = spaces[request.match_info["ns"]]
    for name, value in (await request.json()).items():
        setattr(space, name, value)
    async with space.told:
        space.told.notify_all()
    return web.json_response({})


async def state(request: web.Request) -> web.Response:
    space: Any = spaces[request.match_info["ns"]]
    names = ("windows", "received", "totals", "begun", "messages")
    told = {name: getattr(space, name) for name in names}
    return web.json_response(told)


def main() -> None:
    app = web.Application()
    app.add_routes(
        [
            web.get("/{ns}/orders", orders),
            web.put("/{ns}/sales/{number}", sales),
            web.post("/{ns}/messages", message),
            web.post("/{ns}/control", control),
            web.get("/{ns}/state", state),
        ]
    )
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None, shutdown_timeout=1)


if __name__ == "__main__":
    main()

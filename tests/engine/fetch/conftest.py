"""For the tests of thin events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from thin_scene import Live, Shop, Whole


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    shop = Shop()
    app = web.Application()
    app.router.add_get("/orders", shop.all_orders)
    app.router.add_get("/orders/{id}", shop.order)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    shop.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield shop
    await runner.cleanup()


@pytest.fixture(params=[Whole, Live], ids=["run", "live"])
def route(request: Any, shop: Shop, ledger_url: str, tmp_path: Path) -> Any:
    made: list[Whole] = []

    def make(**details: Any) -> Whole:
        made.append(request.param(shop, ledger_url, tmp_path, **details))
        return made[-1]

    yield make
    for each in made:
        each.close()

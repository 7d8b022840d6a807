"""Webhooks go past the layers of the application around them, everything else through them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount

from airflow_integrations.airflow.web.webhooks.bypass import take_short_cut


class Counting:
    """A layer as Airflow has them."""

    seen: list[str]

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        Counting.seen.append(scope["path"])
        await self.app(scope, receive, send)


async def hooks(scope: Any, receive: Any, send: Any) -> None:
    root = scope["root_path"]
    await PlainTextResponse(f"{root} {scope['path'].removeprefix(root)}")(scope, receive, send)


@pytest.mark.parametrize("root", ["", "/airflow"])
async def test_hooks_see_the_same_on_both_ways(root: str) -> None:
    Counting.seen = []
    inner = Starlette(routes=[Mount("/hooks", hooks), Mount("/api", PlainTextResponse("api"))])
    airflow = Starlette(routes=[Mount("/integrations", inner)], middleware=[Middleware(Counting)])
    transport = httpx.ASGITransport(airflow, root_path=root)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        long_way = await client.post(f"{root}/integrations/hooks/shop/orders?wait=1")
        assert long_way.text == f"{root}/integrations/hooks /shop/orders"
        assert take_short_cut(airflow, hooks)
        assert take_short_cut(airflow, hooks)
        assert (await client.post(f"{root}/integrations/hooks/shop/orders?wait=1")).text == long_way.text
        assert (await client.get(f"{root}/integrations/api/x")).text == "api"
        assert (await client.get(f"{root}/integrations/hooks")).status_code in (200, 307)
        assert (await client.get(f"{root}/elsewhere/integrations/hooks/x")).status_code == 404
    assert Counting.seen == [
        f"{root}{path}"
        for path in (
            "/integrations/hooks/shop/orders",
            "/integrations/api/x",
            "/integrations/hooks",
            "/elsewhere/integrations/hooks/x",
        )
    ]


def test_where_there_is_no_such_place_the_long_way_stays() -> None:
    assert not take_short_cut(None, hooks)
    assert not take_short_cut(SimpleNamespace(middleware_stack=None), hooks)

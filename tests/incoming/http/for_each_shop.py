"""A shop with places whose stock is read by ``for_each``."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

__all__ = ["SHOP", "config", "into", "places", "saved"]

SHOP: dict[str, Any] = {
    "for_each": {"path": "/places", "records": "body.places", "name": "place", "concurrency": 3},
    "path": "/places/{{ place.id }}/stock",
    "records": "body.stock",
}


def places(stocks, *, per_page=2, stock_per_page=2, gone=()):
    """A server with places, whose stock has pages as well; both are paged by a token."""

    async def handler(request):
        after = int(request.query.get("after", 0))
        parts = request.path.strip("/").split("/")
        if len(parts) == 1:
            found = [{"id": name, "tax": 0.1} for name in stocks][after : after + per_page]
            more = after + per_page if after + per_page < len(stocks) else None
            return web.json_response({"places": found, "next": more})
        name = int(parts[1])
        if name in gone or name not in stocks:
            return web.Response(status=404, text="no such place")
        stock = stocks[name][after : after + stock_per_page]
        more = after + stock_per_page if after + stock_per_page < len(stocks[name]) else None
        return web.json_response({"stock": stock, "next": more})

    return handler


def config(**for_each):
    paging = {"style": "cursor", "next": "body.next", "param": "after"}
    return {**SHOP, "for_each": {**SHOP["for_each"], "pagination": paging, **for_each}, "pagination": paging}


async def into(pages, found):
    async for page in found:
        pages.append(page)


def saved(page):
    return msgspec.json.decode(msgspec.json.encode(page.resume))

"""The demo's web shop: orders with cursor paging, stock with offset paging, customers with Link headers.

    python -m airflow_integrations.demo.shop --port 8001

Its key is read from DEMO_SHOP_KEY; without that one is made and printed. It accepts it as ``X-Api-Key`` or as a
bearer token.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hmac
import os
import random
import secrets
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from aiohttp import web

from airflow_integrations.demo.server import (
    Strain,
    add_server_arguments,
    answer,
    application,
    problem,
    serve,
    strain_of,
)
from airflow_integrations.demo.shop_data import Order, ShopData
from airflow_integrations.window import rfc3339

__all__ = ["main", "shop"]

_MAX_PAGE = 500


def shop(
    data: ShopData,
    *,
    key: str,
    page: int = 100,
    strain: Strain | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    rng: random.Random | None = None,
) -> web.Application:
    """The shop as an aiohttp application. ``page`` records are on a page unless ``limit`` asks otherwise."""
    expected = key.encode()

    def refuse(request: web.Request) -> web.Response | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        given = token if scheme.lower() == "bearer" else request.headers.get("X-Api-Key", "")
        if hmac.compare_digest(given.encode(), expected):
            return None
        refused = problem(401, "the shop wants its key as X-Api-Key or as a bearer token")
        refused.headers["WWW-Authenticate"] = "Bearer"
        return refused

    def size(request: web.Request) -> int:
        return min(_number(request, "limit", page, at_least=1), _MAX_PAGE)

    async def orders(request: web.Request) -> web.Response:
        """``updated_from`` (included) to ``updated_to`` (excluded), in the order of their last change."""
        moment = now()
        since, until = _moment(request, "updated_from"), _moment(request, "updated_to")
        behind = _read_cursor(request.query["cursor"]) if "cursor" in request.query else None
        found: list[tuple[datetime, str, Order]] = sorted(
            ((order.updated(moment), order.number, order) for order in data.orders(moment)), key=lambda row: row[:2]
        )
        found = [
            row
            for row in found
            if (since is None or row[0] >= since)
            and (until is None or row[0] < until)
            and (behind is None or row[:2] > behind)
        ]
        shown, more = found[: size(request)], len(found) > size(request)
        return answer(
            {
                "orders": [order.document(moment) for _, _, order in shown],
                "next_cursor": _cursor(*shown[-1][:2]) if more else None,
            }
        )

    async def stock(request: web.Request) -> web.Response:
        """``offset`` and ``limit``, with the total."""
        shelf, offset = data.stock(now()), _number(request, "offset", 0, at_least=0)
        return answer({"total": len(shelf), "items": shelf[offset : offset + size(request)]})

    async def customers(request: web.Request) -> web.Response:
        """``page`` from 1; the next page's address is in the Link header (RFC 8288)."""
        number, count = _number(request, "page", 1, at_least=1), size(request)
        first = (number - 1) * count
        headers = {}
        if first + count < len(data.customers):
            following = request.url.update_query(page=str(number + 1))
            headers["Link"] = f'<{following}>; rel="next"'
        return answer(data.customers[first : first + count], headers=headers)

    async def truth(request: web.Request) -> web.Response:
        """What really is in the shop, for whoever checks the other end."""
        moment = now()
        return answer(
            {
                "at": rfc3339(moment),
                "orders": [order.truth(moment) for order in data.orders(moment)],
                "customers": len(data.customers),
                "skus": len(data.skus),
            }
        )

    app = application(refuse, strain or Strain(), rng=rng or random.Random(), now=lambda: now().timestamp())  # noqa: S311 - chance faults
    app.router.add_get("/api/orders", orders)
    app.router.add_get("/api/stock", stock)
    app.router.add_get("/api/customers", customers)
    app.router.add_get("/api/truth", truth)
    return app


def _bad_request(reason: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=reason)


def _moment(request: web.Request, name: str) -> datetime | None:
    text = request.query.get(name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _bad_request(f"{name} is not a moment of RFC 3339: {text[:40]}") from None
    if moment.tzinfo is None:
        raise _bad_request(f"{name} has no time zone: {text[:40]}")
    return moment


def _number(request: web.Request, name: str, default: int, *, at_least: int) -> int:
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) >= at_least):
        raise _bad_request(f"{name} is not a whole number from {at_least}: {text[:40]}")
    return int(text)


def _cursor(updated: datetime, number: str) -> str:
    return base64.urlsafe_b64encode(f"{rfc3339(updated)} {number}".encode()).decode().rstrip("=")


def _read_cursor(text: str) -> tuple[datetime, str]:
    try:
        updated, number = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().split(" ")
        return datetime.fromisoformat(updated), number
    except ValueError:  # of base64, of Unicode, of the split, of the moment
        raise _bad_request("the cursor is none of this shop's") from None


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m airflow_integrations.demo.shop", description="The demo's web shop."
    )
    add_server_arguments(parser, rate=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=datetime.fromisoformat, help="RFC 3339; history lies before it (default: now)")
    parser.add_argument("--history", type=int, default=600, help="orders in the days before the start (default 600)")
    parser.add_argument("--days", type=float, default=3, help="how many days that is (default 3)")
    parser.add_argument("--every", type=float, default=3, help="seconds from one new order to the next (default 3)")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    options = _arguments(arguments)
    key = os.environ.get("DEMO_SHOP_KEY")
    if not key:
        key = secrets.token_urlsafe(18)
        sys.stdout.write(f"key: {key}\n")
    data = ShopData(
        seed=options.seed,
        start=(options.start or datetime.now(UTC)).astimezone(UTC),
        history=options.history,
        days=options.days,
        every=timedelta(seconds=options.every),
    )
    app = shop(data, key=key, strain=strain_of(options))

    def announce(url: str) -> None:
        sys.stdout.write(f"the demo shop listens on {url}\n")
        sys.stdout.flush()

    asyncio.run(serve(app, host=options.host, port=options.port, port_file=options.port_file, announce=announce))


if __name__ == "__main__":
    main()

"""The demo's ERP: takes sales orders, stock and customers, checks them, and counts what it gets.

    python -m airflow_integrations.demo.erp --port 8002

It accepts basic authentication and OAuth 2 client credentials (``POST /token``), both with DEMO_ERP_USER and
DEMO_ERP_PASSWORD; without a password in the environment one is made and printed.
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
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import msgspec
from aiohttp import web

from airflow_integrations.demo.erp_books import Books, order_faults
from airflow_integrations.demo.server import (
    Strain,
    add_server_arguments,
    answer,
    application,
    problem,
    serve,
    strain_of,
)
from airflow_integrations.formats.json import decode

__all__ = ["erp", "main"]

_MOST_AT_ONCE = 100
_TOKEN_SECONDS = 300


class _Door:
    """Who may come in: basic credentials, or a token that they were exchanged for."""

    def __init__(self, user: str, password: str, now: Callable[[], float]) -> None:
        self.user, self.password, self.now = user, password, now
        self.tokens: dict[str, float] = {}

    def known(self, user: str, password: str) -> bool:
        same_user = hmac.compare_digest(user.encode(), self.user.encode())
        return hmac.compare_digest(password.encode(), self.password.encode()) and same_user

    def basic(self, header: str) -> bool:
        try:
            user, _, password = base64.b64decode(header, validate=True).decode().partition(":")
        except ValueError:
            return False
        return self.known(user, password)

    def refuse(self, request: web.Request) -> web.Response | None:
        if request.path == "/token":
            return None
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic" and self.basic(value):
            return None
        if scheme.lower() == "bearer" and self.tokens.get(value, 0) > self.now():
            return None
        refused = problem(401, "the ERP wants basic authentication or a token of POST /token")
        refused.headers["WWW-Authenticate"] = 'Basic realm="erp"'
        return refused

    async def token(self, request: web.Request) -> web.Response:
        """RFC 6749, section 4.4; the client authenticates by HTTP basic or in the form."""
        form = {name: values[0] for name, values in parse_qs((await request.read()).decode(errors="replace")).items()}
        if form.get("grant_type") != "client_credentials":
            return answer({"error": "unsupported_grant_type"}, status=400)
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        by_header = scheme.lower() == "basic" and self.basic(value)
        if not by_header and not self.known(form.get("client_id", ""), form.get("client_secret", "")):
            return answer({"error": "invalid_client"}, status=401)
        token = secrets.token_urlsafe(24)
        self.tokens[token] = self.now() + _TOKEN_SECONDS
        return answer({"access_token": token, "token_type": "Bearer", "expires_in": _TOKEN_SECONDS})


async def _document(request: web.Request) -> Any:
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="send application/json")
    try:
        return decode(await request.read())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise web.HTTPBadRequest(text=f"no JSON: {error}") from None


def erp(
    books: Books,
    *,
    user: str,
    password: str,
    honour_idempotency_keys: bool = False,
    strain: Strain | None = None,
    rng: random.Random | None = None,
    now: Callable[[], float] = time.monotonic,
) -> web.Application:
    """The ERP as an aiohttp application over ``books``.

    With ``honour_idempotency_keys`` a request whose Idempotency-Key was seen gets the first answer again and books
    nothing; without it, every well-formed sales order counts as received.
    """
    door = _Door(user, password, now)
    answered: dict[str, tuple[int, Any]] = {}

    def take(document: Any) -> dict[str, Any]:
        faults = order_faults(document)
        number = document.get("DocumentNumber") if isinstance(document, dict) else None
        if faults:
            return {"number": number, "status": "refused", "reason": "; ".join(faults)}
        return {"number": number, "status": "booked", "id": books.take(document).id}

    async def post_orders(request: web.Request) -> web.Response:
        """One object: 201 or 422. An array of up to 100: 200 with a result for each, in its order."""
        document = await _document(request)
        key = request.headers.get("Idempotency-Key") if honour_idempotency_keys else None
        if key is not None and key in answered:
            status, earlier = answered[key]
            return answer(earlier, status=status, headers={"Idempotent-Replayed": "true"})
        status, given = 200, None
        if isinstance(document, list):
            if not 1 <= len(document) <= _MOST_AT_ONCE:
                return problem(413, f"send 1 to {_MOST_AT_ONCE} sales orders at once, not {len(document)}")
            given = {"results": [take(each) for each in document]}
        else:
            result = take(document)
            if result["status"] == "refused":
                return problem(422, "the sales order is refused", detail=result["reason"])
            status, given = 201, result
        if key is not None:
            answered[key] = status, given
        return answer(given, status=status)

    async def list_orders(request: web.Request) -> web.Response:
        """``offset`` and ``limit`` (at most 1000), in the order of arrival."""
        try:
            offset, limit = (
                int(request.query.get(name, default)) for name, default in (("offset", "0"), ("limit", "1000"))
            )
        except ValueError:
            return problem(400, "offset and limit are whole numbers")
        orders = list(books.orders.values())
        shown = orders[max(offset, 0) : max(offset, 0) + min(max(limit, 0), 1000)]
        return answer({"total": len(orders), "orders": [order.summary() for order in shown]})

    async def count(request: web.Request) -> web.Response:
        return answer(
            {
                "orders": len(books.orders),
                "receipts": books.receipts,
                "stock": len(books.stock),
                "customers": len(books.customers),
            }
        )

    async def one_order(request: web.Request) -> web.Response:
        order = books.orders.get(request.match_info["number"])
        return problem(404, "no such sales order") if order is None else answer(order.document)

    async def put_stock(request: web.Request) -> web.Response:
        document, sku = await _document(request), request.match_info["sku"]
        quantity = document.get("quantity") if isinstance(document, dict) else None
        if not isinstance(quantity, int) or isinstance(quantity, bool) or quantity < 0:
            return problem(422, "quantity is not a whole number from 0")
        status = 200 if sku in books.stock else 201
        books.stock[sku] = document
        return answer({"sku": sku, "quantity": quantity}, status=status)

    async def find_customers(request: web.Request) -> web.Response:
        code = request.query.get("code")
        return answer({"customers": [each for each in books.customers.values() if code in (None, each["code"])]})

    def customer_faults(document: Any) -> str | None:
        if not isinstance(document, dict) or not all(
            isinstance(document.get(name), str) for name in ("code", "name", "country")
        ):
            return "code, name and country are texts"
        return None

    async def create_customer(request: web.Request) -> web.Response:
        document = await _document(request)
        if fault := customer_faults(document):
            return problem(422, fault)
        if any(each["code"] == document["code"] for each in books.customers.values()):
            return problem(409, f"there is a customer {document['code']} already")
        number = f"C{len(books.customers) + 1:05d}"
        books.customers[number] = {**document, "id": number}
        return answer(books.customers[number], status=201)

    async def update_customer(request: web.Request) -> web.Response:
        number, document = request.match_info["id"], await _document(request)
        if number not in books.customers:
            return problem(404, "no such customer")
        if fault := customer_faults(document):
            return problem(422, fault)
        books.customers[number] = {**document, "id": number}
        return answer(books.customers[number])

    app = application(door.refuse, strain or Strain(), rng=rng or random.Random(), now=now)  # noqa: S311 - chance faults
    app.router.add_post("/token", door.token)
    app.router.add_post("/sales-orders", post_orders)
    app.router.add_get("/sales-orders", list_orders)
    app.router.add_get("/sales-orders/count", count)
    app.router.add_get("/sales-orders/{number}", one_order)
    app.router.add_put("/stock/{sku}", put_stock)
    app.router.add_get("/customers", find_customers)
    app.router.add_post("/customers", create_customer)
    app.router.add_put("/customers/{id}", update_customer)
    return app


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m airflow_integrations.demo.erp", description="The demo's ERP.")
    add_server_arguments(parser, rate=200)
    parser.add_argument(
        "--honour-idempotency-keys", action="store_true", help="answer a repeated Idempotency-Key as the first time"
    )
    options = parser.parse_args(arguments)
    user, password = os.environ.get("DEMO_ERP_USER", "erp"), os.environ.get("DEMO_ERP_PASSWORD")
    if not password:
        password = secrets.token_urlsafe(18)
        sys.stdout.write(f"user: {user}, password: {password}\n")
    app = erp(
        Books(),
        user=user,
        password=password,
        honour_idempotency_keys=options.honour_idempotency_keys,
        strain=strain_of(options),
    )

    def announce(url: str) -> None:
        sys.stdout.write(f"the demo ERP listens on {url}\n")
        sys.stdout.flush()

    asyncio.run(serve(app, host=options.host, port=options.port, port_file=options.port_file, announce=announce))


if __name__ == "__main__":
    main()

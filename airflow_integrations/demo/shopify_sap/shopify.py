"""The demo's Shopify: its GraphQL Admin API, and its webhooks.

    python -m airflow_integrations.demo.shopify_sap.shopify --port 8001 --webhooks http://127.0.0.1:8080/…

The app's access token is DEMO_SHOPIFY_TOKEN, the secret that webhooks are signed with DEMO_SHOPIFY_SECRET. Beside the
API there are, with the same token, ``POST /demo/pay`` (a customer pays), ``POST /demo/throttle`` (``{"queries": 3}``:
so many find that others have used up all points), ``POST /demo/webhooks`` (``{"unruly": true}``) and
``GET /demo/truth``.

What it does is from https://shopify.dev/docs/api/admin-graphql, …/usage/versioning, …/usage/limits (2026-11): the
version is in the path, and an old one falls forward to one that there is; answers tell their cost; a query that cannot
be paid is answered 200 with the error THROTTLED.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import os
import random
import re
import sys
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from airflow_integrations.demo.server import Strain, add_server_arguments, answer, application, serve, strain_of
from airflow_integrations.demo.shopify_sap.shopify_schema import (
    MOST_FOR_ONE_QUERY,
    SCHEMA,
    actual_cost,
    requested_cost,
)
from airflow_integrations.demo.shopify_sap.shopify_store import LOCATION, Store
from airflow_integrations.demo.shopify_sap.webhook_sender import WebhookSender, rest_customer, rest_order
from airflow_integrations.formats.json import decode
from airflow_integrations.window import rfc3339

if TYPE_CHECKING:
    from graphql import DocumentNode

__all__ = ["VERSIONS", "Points", "main", "shopify"]

VERSIONS = ("2026-01", "2026-04", "2026-07", "2026-10")
BUCKET_SECONDS = 20
"""A bucket holds what comes back in so many seconds: 1,000 points at 50 a second, as answers of shops show."""


class Points:
    """What queries are paid with: a bucket that fills by ``restore`` points a second."""

    def __init__(self, restore: float, now: Callable[[], float] = time.monotonic) -> None:
        self.restore, self.most, self._now = restore, restore * BUCKET_SECONDS, now
        self.available, self._at = self.most, now()

    def pay(self, points: float) -> bool:
        """Whether there were as many; a negative number gives them back."""
        now = self._now()
        self.available = min(self.most, self.available + (now - self._at) * self.restore)
        self._at = now
        if points > self.available:
            return False
        self.available = min(self.most, self.available - points)
        return True

    def status(self) -> dict[str, float]:
        self.pay(0)
        return {
            "maximumAvailable": self.most,
            "currentlyAvailable": int(self.available),
            "restoreRate": self.restore,
        }


class _Api:
    """The GraphQL part, over a store."""

    def __init__(self, store: Store, points: Points) -> None:
        from graphql import build_schema

        self.store, self.points = store, points
        self.throttled = 0
        self.exhausted = 0
        """Queries that find no points left, because others have used them up."""
        self._schema = build_schema(SCHEMA)
        self._prepared: dict[tuple[Any, str | None], dict[str, Any] | tuple[DocumentNode, int]] = {}

    def carry_out(self, asked: Any) -> dict[str, Any]:
        from graphql import execute_sync

        text, name = asked.get("query"), asked.get("operationName")
        prepared = self._prepared.get((text, name))
        if prepared is None:
            prepared = self._prepared[text, name] = self._prepare(text, name)
        if isinstance(prepared, dict):
            return prepared
        document, requested = prepared
        if self.exhausted:  # by others
            self.exhausted -= 1
            self.points.available = 0.0
        if not self.points.pay(requested):
            self.throttled += 1
            return {
                "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
                "extensions": {"cost": self._cost(requested, None)},
            }
        result = execute_sync(
            self._schema,
            document,
            root_value=self,
            variable_values=asked.get("variables"),
            operation_name=name,
            field_resolver=_resolve,
        )
        actual = actual_cost(result.data)
        self.points.pay(actual - requested)
        return {**result.formatted, "extensions": {"cost": self._cost(requested, actual)}}

    def _prepare(self, text: Any, name: str | None) -> dict[str, Any] | tuple[DocumentNode, int]:
        """The document and what it may cost, or the answer that refuses it."""
        from graphql import GraphQLError, get_operation_ast, parse, validate

        try:
            document = parse(text)
        except (GraphQLError, TypeError) as error:
            return {"errors": [{"message": str(error)}]}
        if errors := validate(self._schema, document):
            return {"errors": [error.formatted for error in errors]}
        operation = get_operation_ast(document, name)
        if operation is None:
            return {"errors": [{"message": "An operation name is required"}]}
        requested = requested_cost(document, operation)
        if requested > MOST_FOR_ONE_QUERY:
            message = f"Query cost is {requested}, which exceeds the single query max cost limit"
            extensions = {"code": "MAX_COST_EXCEEDED", "cost": requested, "maxCost": MOST_FOR_ONE_QUERY}
            told = f"{message} ({MOST_FOR_ONE_QUERY})."
            return {"errors": [{"message": told, "extensions": extensions}]}
        return document, requested

    def _cost(self, requested: int, actual: int | None) -> dict[str, Any]:
        return {
            "requestedQueryCost": requested,
            "actualQueryCost": actual,
            "throttleStatus": self.points.status(),
        }

    def root(self, name: str, arguments: dict[str, Any]) -> Any:
        if name == "order":
            return self.store.orders.get(arguments["id"])
        if name == "customer":
            return self.store.customers.get(arguments["id"])
        if name == "inventorySetQuantities":
            return self._set_quantities(arguments["input"])
        if name == "inventoryItems":
            found = self.store.stock_items(arguments.get("query"))
        else:
            found = self.store.found(name, arguments.get("query"), arguments.get("after"))
        return _connection(found, arguments.get("first") or 50)

    def _set_quantities(self, given: dict[str, Any]) -> dict[str, Any]:
        skus = {gid: sku for sku, gid in self.store.items.items()}
        errors = []
        for place, each in enumerate(given["quantities"]):
            path = ["input", "quantities", str(place)]
            if each["inventoryItemId"] not in skus:
                errors.append({"field": [*path, "inventoryItemId"], "code": "INVALID_INVENTORY_ITEM"})
            elif each["locationId"] != LOCATION:
                errors.append({"field": [*path, "locationId"], "code": "INVALID_LOCATION"})
            elif each["quantity"] > 1_000_000_000:
                errors.append({"field": [*path, "quantity"], "code": "INVALID_QUANTITY_TOO_HIGH"})
        if errors:
            told = [{**error, "message": "The quantity couldn't be set."} for error in errors]
            return {"inventoryAdjustmentGroup": None, "userErrors": told}
        for each in given["quantities"]:
            self.store.available[skus[each["inventoryItemId"]]] = each["quantity"]
        group = {"createdAt": rfc3339(datetime.now(UTC)), "reason": given["reason"]}
        return {"inventoryAdjustmentGroup": group, "userErrors": []}


def _resolve(source: Any, info: Any, **arguments: Any) -> Any:
    name = info.field_name
    if isinstance(source, _Api):
        return source.root(name, arguments)
    if name == "lineItems":
        return _connection(source["lines"], arguments.get("first") or 50)
    return source.get(name)


def _connection(found: list[dict[str, Any]], first: int) -> dict[str, Any]:
    shown = found[:first]
    cursors = [f"{each.get('updatedAt', '')} {each['id']}" for each in (shown[:1] + shown[-1:])]
    info = {
        "hasNextPage": len(found) > len(shown),
        "hasPreviousPage": False,
        "startCursor": cursors[0] if cursors else None,
        "endCursor": cursors[-1] if cursors else None,
    }
    return {"nodes": shown, "pageInfo": info}


def shopify(
    store: Store, *, token: str, points: Points, sender: WebhookSender | None, strain: Strain | None = None
) -> web.Application:
    """The shop as an aiohttp application. A customer pays when it is asked to."""
    api = _Api(store, points)

    def refuse(request: web.Request) -> web.Response | None:
        given = request.headers.get("X-Shopify-Access-Token", "")
        if hmac.compare_digest(given.encode(), token.encode()):
            return None
        told = "[API] Invalid API key or access token (unrecognized login or wrong password)"
        return answer({"errors": told}, status=401)

    async def graphql(request: web.Request) -> web.Response:
        wanted = request.match_info["version"]
        if not re.fullmatch(r"20\d\d-(01|04|07|10)", wanted) or wanted > VERSIONS[-1]:
            return answer({"errors": "Not Found"}, status=404)
        try:
            asked = decode(await request.read())
        except (msgspec.DecodeError, UnicodeDecodeError):
            return answer({"errors": "Bad Request"}, status=400)
        return answer(api.carry_out(asked), headers={"X-Shopify-API-Version": max(wanted, VERSIONS[0])})

    async def pay(request: web.Request) -> web.Response:
        order, new = store.pay()
        topics = [("customers/create", rest_customer(order["customer"]))] if new else []
        topics += [("orders/create", rest_order(order)), ("orders/paid", rest_order(order))]
        if sender is not None:
            sender.send(topics, datetime.now(UTC))
        return answer({"name": order["name"]})

    async def throttle(request: web.Request) -> web.Response:
        api.exhausted = int(decode(await request.read())["queries"])
        return answer({})

    async def webhooks(request: web.Request) -> web.Response:
        if sender is not None:
            sender.unruly = bool(decode(await request.read())["unruly"])
        return answer({})

    async def truth(request: web.Request) -> web.Response:
        told: dict[str, Any] = {"under_way": 0, "given_up": 0}
        if sender is not None:
            told = {"under_way": sender.under_way, "given_up": sender.given_up}
        return answer({**store.truth(), **told, "throttled": api.throttled})

    async def ending(app: web.Application) -> AsyncIterator[None]:
        yield
        if sender is not None:
            await sender.close()

    app = application(refuse, strain or Strain(), rng=random.Random())  # noqa: S311 - chance faults
    app.router.add_post("/admin/api/{version}/graphql.json", graphql)
    app.router.add_post("/demo/pay", pay)
    app.router.add_post("/demo/throttle", throttle)
    app.router.add_post("/demo/webhooks", webhooks)
    app.router.add_get("/demo/truth", truth)
    app.cleanup_ctx.append(ending)
    return app


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m airflow_integrations.demo.shopify_sap.shopify")
    add_server_arguments(parser, rate=0)
    parser.add_argument("--webhooks", help="where webhooks are posted to")
    parser.add_argument("--points", type=float, default=100, help="points a second (default 100: the standard plan)")
    options = parser.parse_args(arguments)
    sender = None
    if options.webhooks:
        sender = WebhookSender(options.webhooks, os.environ["DEMO_SHOPIFY_SECRET"], version=VERSIONS[0])
    app = shopify(
        Store(),
        token=os.environ["DEMO_SHOPIFY_TOKEN"],
        points=Points(options.points),
        sender=sender,
        strain=strain_of(options),
    )

    def announce(url: str) -> None:
        sys.stdout.write(f"the demo's Shopify listens on {url}\n")
        sys.stdout.flush()

    asyncio.run(serve(app, host=options.host, port=options.port, port_file=options.port_file, announce=announce))


if __name__ == "__main__":
    main()

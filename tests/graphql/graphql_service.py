"""A GraphQL API on loopback: graphql-core carries out what is sent, over orders in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from graphql import GraphQLError, build_schema, graphql_sync

from airflow_integrations.http import Endpoint

__all__ = ["SCHEMA", "GraphQLService"]

SCHEMA = """
type PageInfo { hasNextPage: Boolean! endCursor: String }
type Line { sku: String qty: String }
type LineConnection { nodes: [Line!]! pageInfo: PageInfo! }
type Order { id: ID! total: String broken: String lines(first: Int!): LineConnection }
type OrderEdge { node: Order! cursor: String! }
type OrderConnection { nodes: [Order!]! edges: [OrderEdge!]! pageInfo: PageInfo! }
type UserError { field: [String!] message: String! code: String }
type OrderPayload { order: Order userErrors: [UserError!]! }
input OrderInput { id: ID! total: String lines: [LineInput!] }
input LineInput { sku: String qty: String }
type Query {
  orders(first: Int!, after: String, since: String): OrderConnection
  order(id: ID!): Order
  all: [Order!]!
}
type Mutation {
  orderSet(input: OrderInput!): OrderPayload
  orderDelete(id: ID!): OrderPayload
}
"""


@dataclass
class GraphQLService:
    page: int = 2
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    answering: Callable[[dict[str, Any]], Any] | None = None
    """In place of carrying it out: an answer, a status, or None to carry it out."""
    extensions: dict[str, Any] = field(default_factory=dict)
    slept: list[float] = field(default_factory=list)
    url: str = ""

    def __post_init__(self) -> None:
        self._schema = build_schema(SCHEMA)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)

    def endpoint(self, connection: str) -> Endpoint:
        return Endpoint(connection, self.url, retry_budget=100.0)

    def variable(self, name: str) -> str | None:
        return None

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_post("/graphql", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield
        finally:
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.Response:
        asked = await request.json()
        self.asked.append(asked)
        given = self.answering(asked) if self.answering is not None else None
        if isinstance(given, int):
            return web.Response(status=given)
        if given is not None:
            return web.json_response(given)
        result = graphql_sync(
            self._schema,
            asked["query"],
            root_value=self,
            variable_values=asked.get("variables"),
            operation_name=asked.get("operationName"),
            field_resolver=_resolve,
        )
        answer = json.loads(json.dumps(result.formatted))
        if self.extensions:
            answer["extensions"] = self.extensions
        return web.json_response(answer)


def _resolve(source: Any, info: Any, **arguments: Any) -> Any:
    name = info.field_name
    if isinstance(source, GraphQLService):
        return _root(source, name, arguments)
    if name == "broken" and source.get("broken"):
        raise GraphQLError("this field broke")
    if name == "lines":
        lines = source.get("lines") or []
        first = arguments["first"]
        return {"nodes": lines[:first], "pageInfo": {"hasNextPage": len(lines) > first, "endCursor": None}}
    return source.get(name)


def _root(service: GraphQLService, name: str, arguments: dict[str, Any]) -> Any:
    orders = list(service.orders.values())
    if name == "orders":
        begin = int(arguments.get("after") or 0)
        size = min(arguments["first"], service.page)
        shown = orders[begin : begin + size]
        more = begin + size < len(orders)
        edges = [{"node": one, "cursor": str(begin + place + 1)} for place, one in enumerate(shown)]
        return {"nodes": shown, "edges": edges, "pageInfo": {"hasNextPage": more, "endCursor": str(begin + len(shown))}}
    if name == "all":
        return orders
    if name == "order":
        return service.orders.get(arguments["id"])
    if name == "orderDelete":
        found = service.orders.pop(arguments["id"], None)
        errors = [] if found else [{"field": ["id"], "message": "there is none", "code": "NOT_FOUND"}]
        return {"order": found, "userErrors": errors}
    given = arguments["input"]
    if given.get("total") == "explode":
        raise GraphQLError("it exploded")
    if str(given.get("total") or "").startswith("-"):
        return {
            "order": None,
            "userErrors": [{"field": ["input", "total"], "message": "is below 0", "code": "NEGATIVE"}],
        }
    service.orders[given["id"]] = given
    return {"order": given, "userErrors": []}

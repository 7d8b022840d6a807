"""A target on loopback that misbehaves as a test asks, and what an outgoing needs to be opened towards it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from airflow_integrations.formats.json import decode, encode
from airflow_integrations.http import Endpoint
from airflow_integrations.outgoing import Outbound
from airflow_integrations.outgoing.http.target import HttpOutgoing
from airflow_integrations.route.definition import EntityOptions, Route
from airflow_integrations.route.delivery import Delivery, InDoubt
from airflow_integrations.window import Window

WINDOW = Window(datetime(2026, 1, 31, 23, 0, tzinfo=UTC), datetime(2026, 1, 31, 23, 5, tzinfo=UTC))


def route_of(
    *,
    batch: int = 1,
    entity: str = "order",
    transform: tuple[Any, ...] = (),
    emit: bool = False,
    in_doubt: InDoubt | None = None,
) -> Route:
    """As much of a route as an outgoing looks at."""
    part: dict[str, Any] = {
        "route": "orders",
        "entity": EntityOptions(name=entity, key=f"{entity}.number"),
        "transform": transform,
        "delivery": Delivery(batch=batch, in_doubt=in_doubt),
        "missing": "emit" if emit else "ignore",
    }
    return Route.model_construct(**part)


def order(number: str, **fields: Any) -> Outbound:
    return Outbound(number, encode({"number": number, **fields}), route="orders")


def orders(*numbers: str) -> list[Outbound]:
    return [order(number) for number in numbers]


@dataclass
class Received:
    """One request as the target saw it."""

    method: str
    path: str
    raw_path: str
    query: dict[str, str]
    headers: Any
    content: bytes

    @property
    def body(self) -> Any:
        return decode(self.content)

    @property
    def keys(self) -> list[str]:
        return [each["number"] for each in self.body]


Opening = Callable[..., AbstractAsyncContextManager[HttpOutgoing]]
Answering = Callable[..., Any]
"""Gets the :class:`Received`."""


class Target:
    """Answers by a function of the request: a response, a status, or what is to be JSON. ``RESET`` cuts the line."""

    RESET = object()

    def __init__(self) -> None:
        self.url = ""
        self.received: list[Received] = []
        self.answering: Answering = lambda received: 201

    async def handle(self, request: web.Request) -> web.StreamResponse:
        got = Received(
            request.method, request.path, request.raw_path, dict(request.query), request.headers, await request.read()
        )
        self.received.append(got)
        given = self.answering(got)
        if isinstance(given, Awaitable):
            given = await given
        if given is Target.RESET:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if isinstance(given, web.StreamResponse):
            return given
        if isinstance(given, int):
            return web.Response(status=given)
        return web.Response(body=encode(given), content_type="application/json")

    @property
    def sizes(self) -> list[int]:
        return [len(got.body) for got in self.received]


@dataclass
class Surroundings:
    """Connections and Variables for tests, in place of Airflow's."""

    url: str
    options: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)

    def endpoint(self, connection: str) -> Endpoint:
        return Endpoint(connection, self.url, **self.options)

    def variable(self, name: str) -> str | None:
        return self.variables.get(name)


def statuses(results: list[Any]) -> list[str]:
    return [result.status for result in results]

"""Entities of a GraphQL API, read page by page by the kind ``http``."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any, ClassVar, cast

from msgspec import Raw

from airflow_integrations.config.model import Model
from airflow_integrations.formats import BadRecord, ContentError, bad_record
from airflow_integrations.formats.json import encode_anyhow, read
from airflow_integrations.graphql.cost import CostedClient
from airflow_integrations.graphql.options import Placed
from airflow_integrations.incoming import Page
from airflow_integrations.incoming.graphql.options import GraphQLIncomingConfig, as_http, query_mistakes
from airflow_integrations.incoming.http.source import HttpIncoming
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services

__all__ = ["GraphQLIncoming"]

_DEEPEST = 60
_REMEDY = "ask for more of it at once, or read it by a route of its own"


class GraphQLIncoming:
    """See :class:`GraphQLIncomingConfig`."""

    Config: ClassVar[type[Model]] = GraphQLIncomingConfig

    def __init__(self, config: GraphQLIncomingConfig, route: Route) -> None:
        self.config = config
        self.route = route

    @staticmethod
    def check_files(config: GraphQLIncomingConfig) -> Iterator[Placed]:
        """What is wrong with the document, which may stand in a file."""
        yield from query_mistakes(config)

    @staticmethod
    async def check_online(config: GraphQLIncomingConfig, route: Route, services: Services) -> list[Placed]:
        """What is wrong with the document by the endpoint's own schema."""
        from airflow_integrations.graphql.online import check

        return await check(config, await services.client(config.connection), config.path)

    async def pages(self, run: Run, services: Services, resume: Any = None) -> AsyncGenerator[Page, None]:
        http = HttpIncoming(as_http(self.config), self.route)
        async with aclosing(http.pages(run, cast(Services, _Costed(services)), resume)) as pages:
            async for page in pages:
                yield replace(page, records=[_whole(record) for record in page.records])


class _Costed:
    """The surroundings, with clients that obey costs."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def __getattr__(self, name: str) -> Any:
        return getattr(self._services, name)

    async def client(self, connection: str) -> CostedClient:
        return CostedClient(await self._services.client(connection))


def _whole(record: Any) -> Any:
    """The record; a BadRecord where a list inside has more than came with it."""
    if type(record) is BadRecord:
        return record
    value = record
    if type(record) is Raw:
        content = bytes(record)
        if b"PreviousPage" not in content and b"NextPage" not in content:
            return record
        try:
            value = read(content)
        except ContentError:
            return record  # it is rejected, with the reason, where its key is read
    place = _cut(value, "", 0)
    if place is None:
        return record
    why = f"{place} has more than came with it; {_REMEDY}"
    return bad_record(why, encode_anyhow(value).decode("utf-8", "replace"))


def _cut(value: Any, place: str, depth: int) -> str | None:
    """Where a connection says that there is more of it."""
    if depth > _DEEPEST:
        return place or "it"
    if isinstance(value, list):
        inner = ((place, element) for element in value)
    elif isinstance(value, dict):
        info = value.get("pageInfo")
        if isinstance(info, dict) and (info.get("hasNextPage") is True or info.get("hasPreviousPage") is True):
            return place or "it"
        inner = ((f"{place}.{name}".lstrip("."), each) for name, each in value.items())
    else:
        return None
    return next((found for where, each in inner if (found := _cut(each, where, depth + 1)) is not None), None)

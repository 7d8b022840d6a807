"""Entities of a GraphQL API, read page by page by the kind ``http``."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

from msgspec import Raw

from airflow_integrations.config.model import Model
from airflow_integrations.discovery import Bounds, Discovery
from airflow_integrations.errors import AnswerError, OutageError, SetupError
from airflow_integrations.formats import BadRecord, ContentError, bad_record
from airflow_integrations.formats.json import encode_anyhow, read
from airflow_integrations.graphql.cost import CostedClient
from airflow_integrations.graphql.options import Placed
from airflow_integrations.incoming import Completer, Page, Unfinished
from airflow_integrations.incoming.graphql.cut_lists import cut_reason
from airflow_integrations.incoming.graphql.details import GraphQLCompleter
from airflow_integrations.incoming.graphql.options import GraphQLIncomingConfig, as_http, details_of, query_mistakes
from airflow_integrations.incoming.http.details import deletion_mistakes
from airflow_integrations.incoming.http.source import HttpIncoming
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services

if TYPE_CHECKING:
    from airflow_integrations.http import HttpClient

__all__ = ["GraphQLIncoming"]


class GraphQLIncoming:
    """See :class:`GraphQLIncomingConfig`."""

    Config: ClassVar[type[Model]] = GraphQLIncomingConfig

    def __init__(self, config: GraphQLIncomingConfig, route: Route) -> None:
        self.config = config
        self.route = route
        self._listed: GraphQLCompleter | None = None

    @staticmethod
    def check_files(config: GraphQLIncomingConfig) -> Iterator[Placed]:
        """What is wrong with the document, which may stand in a file."""
        yield from query_mistakes(config)

    @staticmethod
    async def check_online(config: GraphQLIncomingConfig, route: Route, services: Services) -> list[Placed]:
        """What is wrong with the document, all of its operations, by the endpoint's own schema."""
        from airflow_integrations.graphql.online import check

        return await check(config, await services.client(config.connection), config.path)

    @staticmethod
    def mistakes(config: GraphQLIncomingConfig, route: Route) -> Iterator[tuple[tuple[str, ...], str]]:
        """What the details want of the target."""
        if config.details is not None:
            yield from deletion_mistakes(config.details, route)

    discovers: ClassVar[frozenset[str]] = frozenset({"http", "https"})

    @staticmethod
    async def discover(connection: str, place: str | None, services: Services, bounds: Bounds) -> Discovery | str:
        """The connections and lists of the endpoint at a path; else why it does not tell its schema."""
        from airflow_integrations.incoming.graphql.discover import discovered

        return await discovered(await services.client(connection), place, bounds)

    async def completer(self, run: Run, services: Services, *, events: bool) -> GraphQLCompleter | None:
        """Who asks for the whole of what ``events`` bring; None where they bring it themselves."""
        if self.config.details is None or not events:
            return None
        return await self._completer(run, services, listed=False)

    async def pages(self, run: Run, services: Services, resume: Any = None) -> AsyncGenerator[Page, None]:
        http = HttpIncoming(as_http(self.config), self.route)
        alone = self.route.entity.group is None
        async with aclosing(http.pages(run, cast(Services, _Costed(services)), resume)) as pages:
            if self.config.details is not None and self._listed is None:  # one for all slices of a window
                self._listed = await self._completer(run, services, listed=True)
            async for page in pages:
                yield await _whole_page(page, self._listed, alone=alone)

    async def _completer(self, run: Run, services: Services, *, listed: bool) -> GraphQLCompleter:
        """``listed``: what it asks for stood in a list that has just come, so the endpoint may be there where it does
        not answer one of these questions."""
        from airflow_integrations.http import Request  # who only reads a route file needs no HTTP

        client = CostedClient(await services.client(self.config.connection))
        asked = Request("POST", self.config.path, (), {}, b'{"query":"{ __typename }"}', "application/json", True)

        async def lets_in() -> bool:
            try:
                return 200 <= (await client.send(asked)).status < 300
            except (OutageError, SetupError, AnswerError):
                return False

        there = lets_in if listed else None
        return GraphQLCompleter(details_of(self.config), cast("HttpClient", client), services.base_names(run), there)


class _Costed:
    """The surroundings, with clients that obey costs."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def __getattr__(self, name: str) -> Any:
        return getattr(self._services, name)

    async def client(self, connection: str) -> CostedClient:
        return CostedClient(await self._services.client(connection))


async def _whole_page(page: Page, completer: Completer | None, *, alone: bool) -> Page:
    """The page with whole records: one of which a list inside came cut is asked for by itself, or is a BadRecord.
    One that cannot be had whole is Unfinished, where records are entities ``alone``."""
    records: list[Any] = []
    cut: list[tuple[int, Any, str]] = []
    for record in page.records:
        found = _cut_record(record)
        if found is None:
            records.append(record)
            continue
        value, reason = found
        cut.append((len(records), value, reason))
        records.append(bad_record(reason, encode_anyhow(value).decode("utf-8", "replace")))
    if cut and completer is not None:
        answers = await completer.complete([value for _, value, _ in cut])
        for (place, value, _), answer in zip(cut, answers, strict=True):
            if isinstance(answer, Unfinished) and not alone:
                if answer.later:
                    raise (AnswerError if answer.refused else OutageError)(answer.reason)
                records[place] = bad_record(answer.reason, encode_anyhow(value).decode("utf-8", "replace"))
            else:
                records[place] = answer
    return replace(page, records=records)


def _cut_record(record: Any) -> tuple[Any, str] | None:
    """The value of a record that is not whole, and why; None for a whole one."""
    if type(record) is BadRecord:
        return None
    value = record
    if type(record) is Raw:
        content = bytes(record)
        if b"PreviousPage" not in content and b"NextPage" not in content:
            return None
        try:
            value = read(content)
        except ContentError:
            return None  # it is rejected, with the reason, where its key is read
    reason = cut_reason(value)
    return None if reason is None else (value, reason)

"""Entities from an HTTP API: any method, format and style of paging; of each of many parents; or of an export job."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_integrations.config.model import Model
from airflow_integrations.discovery import Bounds, Discovery
from airflow_integrations.incoming import Page
from airflow_integrations.incoming.http.details import (
    AloneDetails,
    DetailsCompleter,
    asks_of_items_alone,
    deletion_mistakes,
)
from airflow_integrations.incoming.http.options import HttpIncomingConfig
from airflow_integrations.incoming.http.request_template import RequestTemplate
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services

if TYPE_CHECKING:
    from airflow_integrations.incoming.http.walk import Walk

__all__ = ["HttpIncoming", "key_columns"]


class HttpIncoming:
    """See :class:`HttpIncomingConfig`."""

    Config: ClassVar[type[Model]] = HttpIncomingConfig

    def __init__(self, config: HttpIncomingConfig, route: Route) -> None:
        self.config = config
        self.route = route
        self._alone: AloneDetails | None = None
        """For all lists of a fetch: what one has shown of the service holds for the next."""

    discovers: ClassVar[frozenset[str]] = frozenset({"http", "https"})

    @staticmethod
    async def discover(connection: str, place: str | None, services: Services, bounds: Bounds) -> Discovery | str:
        """The lists that an OpenAPI document describes: a file here, or one at a path of the Connection's address."""
        from airflow_integrations.incoming.http.openapi.discover import discovered

        return await discovered(connection, place, services, bounds)

    async def pages(self, run: Run, services: Services, resume: Any = None) -> AsyncGenerator[Page, None]:
        async with aclosing(await self._pages(run, services, resume)) as pages:
            async for page in pages:
                yield page

    @staticmethod
    def mistakes(config: HttpIncomingConfig, route: Route) -> Iterator[tuple[tuple[str, ...], str]]:
        """What the details want of the target, and what partitions want of the request."""
        if config.details is not None:
            yield from deletion_mistakes(config.details, route)
        if config.partitions is not None:
            from airflow_integrations.incoming.http.partitions import unread_mistakes

            yield from unread_mistakes(config)

    async def completer(self, run: Run, services: Services, *, events: bool) -> DetailsCompleter | None:
        """Who asks for the whole of what ``events`` bring, or the list could not give; None where nobody does."""
        details = self.config.details
        if details is None or not (details.events if events else asks_of_items_alone(details, self.route)):
            return None
        client = await services.client(self.config.connection)
        return DetailsCompleter(details, client, services.base_names(run))

    async def _pages(self, run: Run, services: Services, resume: Any) -> AsyncGenerator[Page, None]:
        config = self.config
        if not config.lists:
            return _nothing()
        from airflow_integrations.incoming.http.for_each.children import (
            children_pages,  # who reads the file needs none of it
        )
        from airflow_integrations.incoming.http.job.pages import job_pages
        from airflow_integrations.incoming.http.walk import Plan, Walk

        base = services.base_names(run)
        if run.partition is not None:
            base["partition"] = run.partition.names()
        client = await services.client(config.connection)
        if self._alone is None and config.details is not None and asks_of_items_alone(config.details, self.route):
            self._alone = AloneDetails(config.details, client)
        plan = Plan(config, config.details, key_columns(self.route), alone=self._alone)
        if config.job is not None:
            return job_pages(config.job, plan, client, base, services, resume)

        def walk(names: Mapping[str, Any]) -> Walk:
            return Walk(plan, client, names, self._draft(run, names), services.log)

        if config.for_each is None:
            return walk(base).pages(resume)
        return children_pages(config.for_each, client, base, walk, services.log, resume, leaves_out=run.leaves_out)

    def _draft(self, run: Run, names: Mapping[str, Any]) -> RequestTemplate:
        draft = RequestTemplate.render(self.config, names)
        if self.config.cursor is not None and run.cursor is not None:
            draft = draft.with_query({self.config.cursor.param: run.cursor})
        return draft


async def _nothing() -> AsyncGenerator[Page, None]:
    yield Page([])


def key_columns(route: Route) -> frozenset[str]:
    """The fields of which a record must have one to have a key; none where the key takes the record otherwise."""
    from airflow_integrations.expressions.language.field_paths import only_fields

    entity = route.entity
    found = [only_fields([entity.key], name) for name in (entity.name, "source")]
    return frozenset(path[0] for paths in found if paths for path in paths)

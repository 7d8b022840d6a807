"""Reads what has changed since the delta link that a service gave, or everything where it takes the link no longer."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_integrations.errors import AnswerError
from airflow_integrations.incoming import Page
from airflow_integrations.incoming.http.pager import Pager
from airflow_integrations.incoming.http.source import HttpIncoming

if TYPE_CHECKING:
    from airflow_integrations.incoming.odata.options import ODataIncomingConfig
    from airflow_integrations.route.definition import Route
    from airflow_integrations.run import Run, Services

__all__ = ["delta_mistakes", "delta_pages"]

_GONE = 410
_NOT_EVERYTHING = (
    "missing: emit needs a source that gives everything every time, and a delta gives what has changed; write "
    "removed: delete"
)


def delta_mistakes(config: ODataIncomingConfig, route: Route) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is wrong with deltas in this route."""
    if route.missing != "ignore":
        yield ("delta",), _NOT_EVERYTHING
    if route.window.slice is not None:
        yield ("delta",), "a delta knows no window, so that window.slice would read it once for each slice"
    deletes = getattr(route.outgoing.component(), "deletes", False)
    if config.removed == "delete" and not (deletes and getattr(route.outgoing.config, "delete", True)):
        yield (
            ("removed",),
            f"outgoing {route.outgoing.kind} does not say how to delete; write its delete, or removed: ignore",
        )


async def delta_pages(http: HttpIncoming, run: Run, services: Services, resume: Any) -> AsyncGenerator[Page, None]:
    """As :meth:`Incoming.pages`. The cursor of the last page is the delta link and what it is about: with another
    filter, or other properties, an old link does not say what has changed."""
    asked = print_of(http, run, services)
    began, link = resume, None
    if resume is None and run.cursor is not None:
        about, _, link = run.cursor.partition(" ")
        if about != asked or not link:
            services.log.warning("the route asks for something else than its delta link is about: everything is read")
            link = None
        else:
            began = Pager(http.config.pagination, "").dump({"url": link})
    try:
        async for page in _marked(http, run, services, began, asked):
            yield page
    except AnswerError as error:
        if link is None or error.answer is None or error.answer.status != _GONE:
            raise
        services.log.warning(
            "the service no longer takes the delta link (%s): everything is read again. What was removed meanwhile is "
            "not told",
            error,
        )
        async for page in _marked(http, run, services, None, asked):
            yield page


async def _marked(
    http: HttpIncoming, run: Run, services: Services, resume: Any, asked: str
) -> AsyncGenerator[Page, None]:
    async with aclosing(http.pages(run, services, resume)) as pages:
        async for page in pages:
            if page.resume is None and page.cursor is None:
                services.log.warning("the service gave no delta link: the next run asks as this one did")
            yield page if page.cursor is None else replace(page, cursor=f"{asked} {page.cursor}")


def print_of(http: HttpIncoming, run: Run, services: Services) -> str:
    """What tells two requests for everything apart."""
    from airflow_integrations.incoming.http.request_template import RequestTemplate

    request = RequestTemplate.render(http.config, services.base_names(run)).request()
    return hashlib.sha256(repr((request.path, request.query)).encode("utf-8", "surrogatepass")).hexdigest()[:16]

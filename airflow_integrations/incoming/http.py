"""Entities from an HTTP API: any method, format and style of paging; one page ahead of whoever takes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_integrations.errors import AnswerError
from airflow_integrations.expressions import Expression
from airflow_integrations.incoming import Page
from airflow_integrations.incoming.http_asking import Asking, Said
from airflow_integrations.incoming.http_details import fetch_details
from airflow_integrations.incoming.http_draft import Draft
from airflow_integrations.incoming.http_options import HttpIncomingConfig
from airflow_integrations.incoming.http_pager import Pager
from airflow_integrations.incoming.http_streaming import can_stream, stream_pages
from airflow_integrations.model import Model
from airflow_integrations.route import Route
from airflow_integrations.run import Run, Services

if TYPE_CHECKING:
    from airflow_integrations.formats.partial import Cutter
    from airflow_integrations.http import HttpClient

__all__ = ["HttpIncoming"]


class HttpIncoming:
    """See :class:`HttpIncomingConfig`."""

    Config: ClassVar[type[Model]] = HttpIncomingConfig

    def __init__(self, config: HttpIncomingConfig, route: Route) -> None:
        self.config = config
        self.route = route

    async def pages(self, run: Run, services: Services, resume: Any = None) -> AsyncIterator[Page]:
        config = self.config
        base = services.base_names(run)
        client = await services.client(config.connection)
        draft = Draft.render(config, base)
        if config.cursor is not None and run.cursor is not None:
            draft = draft.with_query({config.cursor.param: run.cursor})
        asking = Asking(client, base, config, config.error_when, config.retry_when, _cutter(config))
        if can_stream(config):
            async for page in stream_pages(client, draft, config, asking.place(draft.request()), resume):
                yield page
            return
        pager = Pager(config.pagination, asking.place(draft.request()))
        at = pager.first() if resume is None else pager.restore(resume)
        task = asyncio.create_task(self._page(client, asking, pager.place_in(draft, at), resumed=resume is not None))
        try:
            while True:
                said, raw, records = await task
                following = pager.advance(at, said, raw)
                if following is None:
                    yield Page(records)
                    return
                saved = pager.dump(following)
                at = following
                # asked for while the page is being staged: the network and the processor work side by side
                task = asyncio.create_task(self._page(client, asking, pager.place_in(draft, at)))
                yield Page(records, saved)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _page(
        self, client: HttpClient, asking: Asking, draft: Draft, *, resumed: bool = False
    ) -> tuple[Said, list[Any], list[Any]]:
        said = await asking.ask(draft.request(), resumed=resumed)
        if said.records is not None:
            return said, said.records, said.records
        raw = said.evaluate(self.config.records, "records")
        if isinstance(raw, tuple):
            raw = list(raw)
        if not isinstance(raw, list):
            raise AnswerError(said.place + ": " + _no_list(self.config.records, raw, said.names["body"]))
        if self.config.details is None:
            return said, raw, raw
        return said, raw, await fetch_details(self.config.details, client, said, raw)


def _cutter(config: HttpIncomingConfig) -> Cutter | None:
    """Takes the records out of an answer without decoding them, where nothing else reads into them.

    Measured on records of 1 KB: half the time of a fetch, and the records' numbers stay exactly as they are written.
    """
    from airflow_integrations.expressions.chains import only_fields, plain_path
    from airflow_integrations.formats.partial import Cutter

    path = plain_path(config.records)
    if path is None or path[0] != "body" or config.details is not None:
        return None
    conditions = [condition for condition in (config.error_when, config.retry_when) if condition is not None]
    besides = only_fields([*conditions, *config.pagination.reads()], "body")
    return None if besides is None else Cutter.make(path[1:], besides)


def _no_list(records: Expression, value: Any, body: Any) -> str:
    what = "nothing" if value is None else f"no list but {_kind(value)}"
    text = f"records: {records.text} gives {what}; the body is {_kind(body)}"
    if isinstance(body, dict):
        names = [str(name)[:40] for name in list(body)[:20]]
        text += f" with the keys {', '.join(names)}{', …' if len(body) > 20 else ''}" if names else " without keys"
    if value is None and (body is None or isinstance(body, dict)):
        text += f"; where an empty list is left out or null, write {records.text} or []"
    elif isinstance(value, dict):
        text += f"; for a single record write [{records.text}]"
    return text


def _kind(value: Any) -> str:
    if value is None:
        return "empty"
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false"}
    return names.get(type(value), "a number")

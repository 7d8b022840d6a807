"""One list of an API from its first page to its last, one page ahead of whoever takes them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from msgspec import Raw

from airflow_integrations.errors import AnswerError, OutageError, SetupError
from airflow_integrations.expressions import Expression
from airflow_integrations.formats import BadRecord, ContentError, bad_record
from airflow_integrations.formats.json import read
from airflow_integrations.incoming import Page
from airflow_integrations.incoming.http.details import AloneDetails, Details, fetch_details
from airflow_integrations.incoming.http.listed import Listed
from airflow_integrations.incoming.http.next_page import overlooked
from airflow_integrations.incoming.http.pager import Pager
from airflow_integrations.incoming.http.pagination import ByRange
from airflow_integrations.incoming.http.request_template import RequestTemplate
from airflow_integrations.incoming.http.requester import Requester, Response
from airflow_integrations.incoming.http.streaming import can_stream, stream_pages

if TYPE_CHECKING:
    from airflow_integrations.formats.partial import Cutter
    from airflow_integrations.http import HttpClient

__all__ = ["Plan", "VanishedError", "Walk"]

TELL_EMPTY = 25
"""After so many empty pages in a row the log says that the fetch still goes on."""
ABSENT = (404, 410)


class VanishedError(AnswerError):
    """There is no such list: 404 or 410."""


class Plan:
    """How the answers of a list are read; the same for each list of one kind.

    ``required`` are the fields of which a record must have one. ``alone`` asks for the
    details, where an item whose details cannot be had does not hold up the others.
    """

    def __init__(
        self,
        config: Listed,
        details: Details | None = None,
        required: Collection[str] = (),
        *,
        alone: AloneDetails | None = None,
    ) -> None:
        self.config = config
        self.details = details
        self.alone = alone
        self.plain = config.records.text.strip() == "body"
        self.required = required if self.plain and details is None else frozenset[str]()
        self.identifying = required if details is None else frozenset[str]()
        self.cutter = _cutter(config) if details is None else None
        self.path = _records_path(config)
        self.streams = details is None and can_stream(config)

    def asking(self, client: HttpClient, names: Mapping[str, Any]) -> Requester:
        config = self.config
        conditions = config.error_when, config.retry_when, self.cutter, config.empty_when
        return Requester(
            client,
            names,
            config,
            *conditions,
            required=self.required,
            identifying=self.identifying,
            rejects=self.plain,
            path=self.path,
            ranges=isinstance(config.pagination, ByRange),
        )


class Walk:
    """One list. ``names`` are those that its expressions see besides its answers. ``repeats``: a page of it may be
    asked for again only to see whether the source is there; not so where it is a large file."""

    def __init__(
        self,
        plan: Plan,
        client: HttpClient,
        names: Mapping[str, Any],
        draft: RequestTemplate,
        log: logging.Logger,
        *,
        repeats: bool = True,
    ) -> None:
        self._plan = plan
        self._config = plan.config
        self._client = client
        self._draft = draft
        self._asking = plan.asking(client, names)
        self._log = log
        self._pager = self._new_pager()
        self._repeats = repeats
        self.may_be_absent = False
        """Whether 404 and 410 mean that there is no such list (VanishedError)."""

    def _new_pager(self) -> Pager:
        return Pager(self._config.pagination, self._asking.place(self._draft.request()))

    async def pages(self, resume: Any = None) -> AsyncGenerator[Page, None]:
        """As :meth:`Incoming.pages`."""
        if self._plan.streams:
            pages = stream_pages(self._client, self._draft, self._config, self._asking, resume, self._plan.required)
            try:
                async with aclosing(pages) as found:
                    async for page in found:
                        yield page
            except AnswerError as error:
                if self.may_be_absent and error.answer is not None and error.answer.status in ABSENT:
                    raise VanishedError(str(error)) from None
                raise
            return
        pager = self._pager
        at = pager.first() if resume is None else pager.restore(resume)
        task = asyncio.create_task(self._page(at, resumed=resume is not None))
        try:
            while True:
                said, raw, records = await task
                following = pager.advance(at, said, raw)
                if pager.empty_in_a_row and pager.empty_in_a_row % TELL_EMPTY == 0:
                    self._log.info(
                        "%s: %d pages without a record one after the other; fetch goes on",
                        said.place,
                        pager.empty_in_a_row,
                    )
                if following is None:
                    if not at and raw and (hint := overlooked(self._config.pagination, said)) is not None:
                        self._log.warning("%s: %s", said.place, hint)
                    yield pager.page(records)
                    return
                described = pager.page(records, following)
                at = following
                # asked for while the page is being staged: the network and the processor work side by side
                task = asyncio.create_task(self._page(at, beyond=pager.beyond))
                yield described
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _page(
        self, at: dict[str, Any], *, resumed: bool = False, beyond: bool = False
    ) -> tuple[Response, list[Any], list[Any]]:
        asking, pager, config = self._asking, self._pager, self._config
        request = pager.place_in(self._draft, at).request()
        if self.may_be_absent and not beyond:
            said = await self._maybe(at, resumed=resumed)
        else:
            said = await asking.ask(request, resumed=resumed, beyond=beyond)
        if said.records is not None:
            raw = said.records
        else:
            raw = said.evaluate(config.records, "records")
            if isinstance(raw, tuple):
                raw = list(raw)
            if not isinstance(raw, list):
                raise AnswerError(said.place + ": " + _no_list(config.records, raw, said.names["body"]))
        asking.mind_reported(said, raw)
        records = pager.unseen(at, said, raw)
        if self._plan.details is None:
            return said, raw, records

        async def lets_in() -> bool:
            try:
                await asking.ask(request, resumed=resumed)
            except (OutageError, SetupError, AnswerError):
                return False
            return True

        return said, raw, await self._with_details(said, records, lets_in if self._repeats else None)

    async def _with_details(
        self, said: Response, records: list[Any], lets_in: Callable[[], Awaitable[bool]] | None
    ) -> list[Any]:
        """The records with their details. Those that cannot be read, of which nothing can be asked, are the last."""
        assert self._plan.details is not None
        items, unreadable = [], []
        for record in records:
            try:
                if type(record) is BadRecord:
                    unreadable.append(record)
                else:
                    items.append(read(bytes(record)) if type(record) is Raw else record)
            except ContentError as error:
                unreadable.append(bad_record(str(error), bytes(record).decode("utf-8", "replace")))
        if self._plan.alone is not None:
            return await self._plan.alone.fetch(said, items, lets_in) + unreadable
        return await fetch_details(self._plan.details, self._client, said, items) + unreadable

    async def _maybe(self, at: dict[str, Any], *, resumed: bool) -> Response:
        """Raises VanishedError where there is no such list. The place of a later page may only have grown too old; then
        the list's first page is still there."""
        request = self._pager.place_in(self._draft, at).request()
        said = await self._asking.ask_maybe(request, absent=ABSENT, resumed=resumed)
        if said is not None:
            return said
        first = self._new_pager()
        again = first.place_in(self._draft, first.first()).request()
        if at and await self._asking.ask_maybe(again, absent=ABSENT) is not None:
            raise AnswerError(f"{self._asking.place(request)}: the place of the next page is no longer accepted")
        raise VanishedError(f"{self._asking.place(request)}: there is no such list (404 or 410)")


def _cutter(config: Listed) -> Cutter | None:
    """Takes the records out of an answer without decoding them, where nothing else reads into them.

    Measured on records of 1 KB: half the time of a fetch, and the records' numbers stay exactly as they are written.
    """
    from airflow_integrations.expressions.language.field_paths import only_fields, plain_path
    from airflow_integrations.formats.partial import Cutter

    path = plain_path(config.records)
    if path is None or path[0] != "body":
        return None
    conditions = [
        condition for condition in (config.empty_when, config.error_when, config.retry_when) if condition is not None
    ]
    besides = only_fields([*conditions, *config.pagination.reads()], "body")
    return None if besides is None else Cutter.make(path[1:], besides)


def _records_path(config: Listed) -> tuple[str, ...] | None:
    """Where the records are, for ``body.orders`` and ``body.orders or []``."""
    from airflow_integrations.expressions.language.field_paths import list_path

    path = list_path(config.records)
    return None if path is None or path[0] != "body" else path[1:]


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

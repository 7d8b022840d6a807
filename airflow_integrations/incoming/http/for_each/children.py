"""The children of each of many parents: asked for several parents at once, handed on in the parents' order.

A saved place holds the parents of the current page that are not done, with the place of the next page of parents, and
the place in the pages of the first one's children. So a fetch that goes on needs no parent to be where it was.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from msgspec import Raw

from airflow_integrations.errors import AnswerError, EntityError, IntegrationError, RunError
from airflow_integrations.formats import BadRecord, ContentError
from airflow_integrations.formats.json import encode, read
from airflow_integrations.incoming import Page
from airflow_integrations.incoming.http.for_each.options import ForEach
from airflow_integrations.incoming.http.for_each.parents import Parents, Place, Turn, behind
from airflow_integrations.incoming.http.for_each.set_aside import SetAside, named
from airflow_integrations.incoming.http.request_template import RequestTemplate
from airflow_integrations.incoming.http.walk import Plan, VanishedError, Walk
from airflow_integrations.plurals import counted

if TYPE_CHECKING:
    from airflow_integrations.http import HttpClient

__all__ = ["children_pages"]

AHEAD = 1
"""Pages of each parent that wait until it is their turn; one more is being read."""


async def children_pages(
    options: ForEach,
    client: HttpClient,
    base: Mapping[str, Any],
    child: Callable[[Mapping[str, Any]], Walk],
    log: logging.Logger,
    resume: Any = None,
    *,
    leaves_out: bool = False,
) -> AsyncGenerator[Page, None]:
    """The pages of all parents' children. ``child`` makes the list of one parent from the names that it sees.

    ``leaves_out``: a parent whose children cannot be read, while those of others can, is asked again behind the others,
    and then is :class:`LeftOut` on the last page. Raises what the lists raise besides, in the parents' order:
    AnswerError and RunError name the parent.
    """
    place = Place.restore(resume)
    draft = RequestTemplate.render(options, base, lambda text: RunError(f"for_each.{text}"))

    async def ask(parent: str) -> None:
        async with aclosing(child({**base, options.name: read(parent.encode())}).pages()) as pages:
            await anext(pages)

    aside = SetAside(options.name, ask, place)
    parents = Parents(Walk(Plan(options), client, base, draft, log), place, aside.refuse if leaves_out else None)
    window: deque[_Children] = deque()
    gone, answered = 0, place.answered
    feeding = asyncio.create_task(parents.feed())
    try:
        while True:
            while len(window) < options.concurrency and (turn := await parents.next(wait=not window)) is not None:
                window.append(_Children(options, base, child, turn, place.child if turn.resumed else None))
            if not window:
                break
            current = window[0]
            turn = current.turn
            try:
                async for page in current.pages():
                    answered = answered or not current.vanished
                    if page.resume is None and not current.vanished:
                        aside.served(turn.text)
                    following = turn.after(page.resume, {"answered": answered, **aside.saved}, ends=not aside.any)
                    yield parents.watched(replace(page, resume=following, total=None))
                    if following is None:
                        break
            except IntegrationError as error:
                too_old = current.went_on and isinstance(error, AnswerError)
                if not leaves_out or too_old or not await aside.takes(error, turn.text, current.place):
                    raise
            gone += current.vanished
            await window.popleft().close()
            if turn.is_last:
                break
        last = aside.any
        for one in list(aside.parents):
            current = _Children(options, base, child, Turn([one.parent], 0, None), one.child)
            window.append(current)
            try:
                async for page in current.pages():
                    answered = answered or not current.vanished
                    one.child = page.resume
                    if page.resume is None:
                        aside.served(one.parent)
                        aside.parents.remove(one)
                    left = behind([], None, None, {"answered": answered, **aside.saved})
                    yield parents.watched(replace(page, resume=left, total=None))
                gone += current.vanished
            except IntegrationError as error:
                aside.failed_again(one, error)
            await window.popleft().close()
        if gone and not answered:
            raise AnswerError(
                f"for_each: there are no children of any of the {counted(gone, options.name)} (404 or 410): check path"
            )
        if gone:
            log.warning("for_each: %s had gone (404 or 410) and left out", counted(gone, options.name))
        if last or not parents.any:
            yield parents.watched(Page(list(await aside.left_out())))
    finally:
        feeding.cancel()
        for each in window:
            await each.close()
        await asyncio.gather(feeding, return_exceptions=True)


class _Children:
    """The children of one parent: read from the beginning on, handed on when it is their turn."""

    def __init__(
        self,
        options: ForEach,
        base: Mapping[str, Any],
        child: Callable[[Mapping[str, Any]], Walk],
        turn: Turn,
        resume: Any,
    ) -> None:
        self.turn = turn
        self.place = resume
        """The place behind the last page that was handed on."""
        self.vanished = False
        """Whether it had gone before its first page was asked for."""
        self.went_on = resume is not None and turn.resumed
        """Whether what comes is the answer to a place that an earlier fetch had saved: that may have grown too old."""
        self._options = options
        self._base = base
        self._child = child
        self._resume = resume
        self._pages: asyncio.Queue[Page | Exception] = asyncio.Queue(AHEAD)
        self._reading = asyncio.create_task(self._read())

    async def pages(self) -> AsyncGenerator[Page, None]:
        """Only the last has no place to go on from."""
        while True:
            came = await self._pages.get()
            if isinstance(came, VanishedError) and self._options.missing == "skip":
                self.vanished = True
                came = Page([])
            if isinstance(came, Exception):
                raise came
            yield came
            self.place, self.went_on = came.resume, False
            if came.resume is None:
                return

    async def close(self) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self) -> None:
        try:
            parent = self.turn.parent
            walk = self._made(parent)
            walk.may_be_absent = True
            async with aclosing(walk.pages(self._resume)) as pages:
                async for page in pages:
                    await self._pages.put(self._with_parent(page, parent))
        except VanishedError as error:
            hint = "; if parents may go while they are read, write for_each.missing: skip"
            await self._pages.put(error if self._options.missing == "skip" else VanishedError(f"{error}{hint}"))
        except ContentError as error:
            await self._pages.put(AnswerError(f"for_each: a parent cannot be read: {error}"))
        except Exception as error:  # raised when it is its turn
            await self._pages.put(error)

    def _made(self, parent: Any) -> Walk:
        name = self._options.name
        try:
            return self._child({**self._base, name: parent})
        except (EntityError, RunError) as error:
            raise RunError(f"{error} (for_each: {name} {named(parent)!r})") from None

    def _with_parent(self, page: Page, parent: Any) -> Page:
        into = self._options.into
        if into is None or not page.records:
            return page
        text = encode(parent)
        return replace(page, records=[_joined(record, into, parent, text) for record in page.records])


def _joined(record: Any, into: str, parent: Any, text: bytes) -> Any:
    """The record with its parent in a field."""
    if type(record) is BadRecord:
        return record
    if isinstance(record, dict):
        return {**record, into: parent}
    content = bytes(record).strip() if type(record) is Raw else b""
    if not (content.startswith(b"{") and content.endswith(b"}")):
        raise AnswerError(f"for_each.into: {into!r} needs children that are objects")
    inner = content[1:-1].strip()
    # as the last of its name it counts, should the child have one, too
    return Raw(b"{" + inner + (b"," if inner else b"") + encode(into) + b":" + text + b"}")

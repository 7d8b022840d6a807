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
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from msgspec import Raw

from airflow_integrations.errors import AnswerError, EntityError, RunError
from airflow_integrations.formats import BadRecord, ContentError
from airflow_integrations.formats.json import encode, read
from airflow_integrations.incoming import Page
from airflow_integrations.incoming.http.for_each import ForEach
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
) -> AsyncGenerator[Page, None]:
    """The pages of all parents' children. ``child`` makes the list of one parent from the names that it sees.

    Raises what the lists raise, in the parents' order: AnswerError and RunError name the parent.
    """
    place = _Place.restore(resume)
    draft = RequestTemplate.render(options, base, lambda text: RunError(f"for_each.{text}"))
    parents = _Parents(Walk(Plan(options), client, base, draft, log), place)
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
            async for page in current.pages():
                answered = answered or not current.vanished
                following = current.turn.after(page.resume, answered=answered)
                yield parents.watched(replace(page, resume=following, total=None))
                if following is None:
                    break
            gone += current.vanished
            await window.popleft().close()
            if current.turn.is_last:
                break
        if gone and not answered:
            raise AnswerError(
                f"for_each: there are no children of any of the {counted(gone, options.name)} (404 or 410): check path"
            )
        if gone:
            log.warning("for_each: %s had gone (404 or 410) and left out", counted(gone, options.name))
        if not parents.any:
            yield Page([])
    finally:
        feeding.cancel()
        for each in window:
            await each.close()
        await asyncio.gather(feeding, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a fetch goes on."""

    parents: tuple[str, ...] = ()
    """JSON of the parents that are not done, of the page that was being worked on."""
    following: Any = None
    """The place of the next page of parents."""
    began: bool = False
    """Whether there was such a page."""
    child: Any = None
    answered: bool = False
    """Whether any parent had an answer."""

    @classmethod
    def restore(cls, saved: Any) -> _Place:
        if saved is None:
            return cls()
        try:
            if saved["v"] != 1 or not all(isinstance(text, str) for text in saved["parents"]):
                raise ValueError
            return cls(tuple(saved["parents"]), saved["next"], True, saved["child"], bool(saved["answered"]))
        except (KeyError, TypeError, ValueError):
            raise AnswerError("for_each: the saved place is of another kind than this incoming's") from None


@dataclass(frozen=True, slots=True)
class _Turn:
    """One parent whose turn it is, and what comes after it."""

    page: list[str]
    """JSON of the parents of its page."""
    index: int
    following: Any
    """The place of the next page of parents; None where there is none."""
    resumed: bool = False

    @property
    def parent(self) -> Any:
        return read(self.page[self.index].encode())

    @property
    def is_last(self) -> bool:
        return self.index + 1 == len(self.page) and self.following is None

    def after(self, child: Any, *, answered: bool) -> dict[str, Any] | None:
        """The place behind a page of its children, whose own place is ``child``."""
        if child is None and self.is_last:
            return None
        left = self.page[self.index + (child is None) :]
        return {"v": 1, "parents": left, "next": self.following, "child": child, "answered": answered}


class _Parents:
    """The parents in their order; a page of them is read ahead."""

    def __init__(self, walk: Walk, place: _Place) -> None:
        self._walk = walk
        self._place = place
        self._pages: asyncio.Queue[tuple[list[str], Any] | Exception | None] = asyncio.Queue(1)
        self._turns: deque[_Turn] = deque()
        self._over = False
        self.any = False
        """Whether there was any parent."""
        self._by_position = False
        self._doubt: str | None = None
        self._seen: set[bytes] = set()
        """Hashes of the parents, where they are asked for by where they stand."""

    async def feed(self) -> None:
        try:
            if self._place.began:
                await self._pages.put((list(self._place.parents), self._place.following))
            if not self._place.began or self._place.following is not None:
                async with aclosing(self._walk.pages(self._place.following)) as pages:
                    async for page in pages:
                        await self._pages.put((self._fresh(page), page.resume))
            await self._pages.put(None)
        except Exception as error:  # told when it is its turn
            await self._pages.put(error)

    async def next(self, *, wait: bool) -> _Turn | None:
        """The next parent; None where there is none, or, unless ``wait``, none yet."""
        while not self._turns:
            if self._over or (not wait and self._pages.empty()):
                return None
            came = await self._pages.get()
            if isinstance(came, Exception):
                if not wait:  # those before it come first
                    self._pages.put_nowait(came)
                    return None
                raise came
            if came is None:
                self._over = True
                return None
            page, following = came
            resumed = self._place.began and not self.any
            self._turns.extend(_Turn(page, index, following, resumed and index == 0) for index in range(len(page)))
            self.any = self.any or bool(page)
        return self._turns.popleft()

    def _fresh(self, page: Page) -> list[str]:
        """The page's parents, without those that an earlier page had, and a note of what says that they moved."""
        texts = _texts(page)
        if not page.by_position:
            return texts
        self._by_position = True
        prints = [blake2b(text.encode(), digest_size=12).digest() for text in texts]
        fresh = [text for text, print_ in zip(texts, prints, strict=True) if print_ not in self._seen]
        if len(fresh) < len(texts) - page.again:
            self._doubt = self._doubt or "a parent of for_each came on two pages"
        self._doubt = page.doubt or self._doubt
        self._seen.update(prints)
        return fresh

    def watched(self, page: Page) -> Page:
        """With what is known of the parents: where they moved, children may be missing."""
        return replace(page, by_position=True, doubt=page.doubt or self._doubt) if self._by_position else page


def _texts(page: Page) -> list[str]:
    texts = []
    for record in page.records:
        if type(record) is BadRecord:
            raise AnswerError(f"for_each: a parent cannot be read: {record.reason}")
        texts.append((bytes(record) if type(record) is Raw else encode(record)).decode())
    return texts


class _Children:
    """The children of one parent: read from the beginning on, handed on when it is their turn."""

    def __init__(
        self,
        options: ForEach,
        base: Mapping[str, Any],
        child: Callable[[Mapping[str, Any]], Walk],
        turn: _Turn,
        resume: Any,
    ) -> None:
        self.turn = turn
        self.vanished = False
        """Whether it had gone before its first page was asked for."""
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
            await self._pages.put(error if self._options.missing == "skip" else AnswerError(f"{error}{hint}"))
        except ContentError as error:
            await self._pages.put(AnswerError(f"for_each: a parent cannot be read: {error}"))
        except Exception as error:  # raised when it is its turn
            await self._pages.put(error)

    def _made(self, parent: Any) -> Walk:
        name = self._options.name
        try:
            return self._child({**self._base, name: parent})
        except (EntityError, RunError) as error:
            told = parent.get("id") if isinstance(parent, dict) else parent
            raise RunError(f"{error} (for_each: {name} {str(told)[:60]!r})") from None

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

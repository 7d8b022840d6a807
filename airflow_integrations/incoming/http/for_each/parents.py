"""The parents of ``for_each`` in their order, and the place in them where a fetch goes on."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

from msgspec import Raw

from airflow_integrations.errors import AnswerError
from airflow_integrations.formats import BadRecord
from airflow_integrations.formats.json import encode, read
from airflow_integrations.incoming import Page
from airflow_integrations.incoming.http.walk import Walk

__all__ = ["Parents", "Place", "Turn", "behind"]


@dataclass(frozen=True, slots=True)
class Place:
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
    aside: tuple[tuple[str, Any], ...] = ()
    """JSON of the parents that were set aside, each with the place in its children's pages."""
    unreadable: tuple[str, ...] = ()
    """Why parents of pages that are done could not be read."""
    good: str | None = None
    """JSON of a parent whose children came."""

    @classmethod
    def restore(cls, saved: Any) -> Place:
        if saved is None:
            return cls()
        try:
            if saved["v"] != 1 or not all(isinstance(text, str) for text in saved["parents"]):
                raise ValueError
            aside = tuple((str(parent), child) for parent, child in saved.get("aside", ()))
            unreadable = tuple(map(str, saved.get("unreadable", ())))
            done = bool(saved["answered"]), aside, unreadable, saved.get("good")
            return cls(tuple(saved["parents"]), saved["next"], True, saved["child"], *done)
        except (KeyError, TypeError, ValueError):
            raise AnswerError("for_each: the saved place is of another kind than this incoming's") from None


@dataclass(frozen=True, slots=True)
class Turn:
    """One parent whose turn it is, and what comes after it."""

    page: list[str]
    """JSON of the parents of its page."""
    index: int
    following: Any
    """The place of the next page of parents; None where there is none."""
    resumed: bool = False

    @property
    def text(self) -> str:
        """The parent's JSON."""
        return self.page[self.index]

    @property
    def parent(self) -> Any:
        return read(self.text.encode())

    @property
    def is_last(self) -> bool:
        return self.index + 1 == len(self.page) and self.following is None

    def after(self, child: Any, more: dict[str, Any], *, ends: bool) -> dict[str, Any] | None:
        """The place behind a page of its children, whose own place is ``child``. ``more``: what it has besides.
        ``ends``: nothing comes behind the last parent."""
        if child is None and self.is_last and ends:
            return None
        return behind(self.page[self.index + (child is None) :], self.following, child, more)


def behind(left: list[str], following: Any, child: Any, more: dict[str, Any]) -> dict[str, Any]:
    """A place as :meth:`Place.restore` reads it."""
    return {"v": 1, "parents": left, "next": following, "child": child, **more}


class Parents:
    """The parents in their order; a page of them is read ahead."""

    def __init__(self, walk: Walk, place: Place, refuse: Callable[[str], None] | None) -> None:
        """``refuse`` is told of a parent that cannot be read; without it, AnswerError is raised."""
        self._walk = walk
        self._refuse = refuse
        self._place = place
        self._pages: asyncio.Queue[tuple[list[str], Any] | Exception | None] = asyncio.Queue(1)
        self._turns: deque[Turn] = deque()
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

    async def next(self, *, wait: bool) -> Turn | None:
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
            self._turns.extend(Turn(page, index, following, resumed and index == 0) for index in range(len(page)))
            self.any = self.any or bool(page)
        return self._turns.popleft()

    def _fresh(self, page: Page) -> list[str]:
        """The page's parents, without those that an earlier page had, and a note of what says that they moved."""
        texts = self._texts(page)
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

    def _texts(self, page: Page) -> list[str]:
        texts = []
        for record in page.records:
            if type(record) is not BadRecord:
                texts.append((bytes(record) if type(record) is Raw else encode(record)).decode())
                continue
            why = f"for_each: a parent cannot be read: {record.reason}"
            if self._refuse is None:
                raise AnswerError(why)
            self._refuse(why)
        return texts

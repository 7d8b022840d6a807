"""Pieces of a source that are read one after the other, as one list of pages."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from airflow_integrations.engine.fetch.pages.listing import ListingWatch
from airflow_integrations.errors import AnswerError
from airflow_integrations.incoming import Page

__all__ = ["pages_in_turn"]


async def pages_in_turn(
    kind: str,
    count: int,
    read: Callable[[int, Any], AsyncGenerator[Page, None]],
    resume: Any,
    watch: ListingWatch | None,
) -> AsyncGenerator[Page, None]:
    """The pages of all pieces, which ``read`` gives by their index and saved place.

    A page's ``resume`` is then ``{kind: index, "page": the piece's own}``, and None behind the last page of the last
    piece. Raises AnswerError for a saved place that is of another kind.
    """
    index, place = _saved(kind, resume)
    for current in range(index, count):
        async with aclosing(read(current, place)) as pages:
            async for page in pages:
                if not page.final:
                    yield page
                    continue
                if page.resume is not None:
                    yield replace(page, resume={kind: current, "page": page.resume})
                    continue
                following = {kind: current + 1, "page": None} if current + 1 < count else None
                yield replace(page, resume=following)
                break
        place = None
        if watch is not None:
            watch.begin()


def _saved(kind: str, resume: Any) -> tuple[int, Any]:
    if resume is None:
        return 0, None
    try:
        return int(resume[kind]), resume["page"]
    except (KeyError, TypeError, ValueError):
        raise AnswerError(f"the saved place is not one of a {_READ_BY[kind]}") from None


_READ_BY = {"slice": "window in slices", "partition": "fetch in partitions"}

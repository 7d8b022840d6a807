"""A long window is fetched piece after piece: sources that are asked for a year at once refuse, or time out."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from typing import Any

from airflow_integrations.engine.fetch.pages.listing import ListingWatch, settled_pages
from airflow_integrations.errors import AnswerError
from airflow_integrations.incoming import Incoming, Page
from airflow_integrations.run import Run, Services
from airflow_integrations.window import Window

__all__ = ["pages_in_turn", "slice_count", "slice_of", "sliced_pages"]


def slice_count(window: Window, length: timedelta) -> int:
    """How many pieces of this length a window has; the last one may be shorter. An empty window is one piece."""
    return max(1, -((window.start - window.end) // length))


def slice_of(window: Window, length: timedelta, index: int) -> Window:
    """The piece at ``index``, from 0. Pieces touch and do not overlap."""
    start = window.start + index * length
    return Window(start, min(start + length, window.end))


async def sliced_pages(
    incoming: Incoming, run: Run, services: Services, resume: Any = None, watch: ListingWatch | None = None
) -> AsyncGenerator[Page, None]:
    """The pages of the run's window, in the pieces that ``window.slice`` of its route says.

    The incoming sees each piece as the run's window. A page's ``resume`` is then ``{"slice": index, "page": the
    incoming's own}``, and None behind the last page of the last piece. Raises AnswerError for a saved place that is of
    another kind, and what :meth:`Incoming.pages` raises.
    """
    length = run.route.window.slice
    if length is None:
        async with aclosing(settled_pages(incoming, run, services, resume, watch)) as pages:
            async for page in pages:
                yield page
        return

    def read(index: int, place: Any) -> AsyncGenerator[Page, None]:
        piece = replace(run, window=slice_of(run.window, length, index), interval=run.interval or run.window)
        return settled_pages(incoming, piece, services, place, watch)

    async with aclosing(pages_in_turn("slice", slice_count(run.window, length), read, resume, watch)) as pages:
        async for page in pages:
            yield page


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

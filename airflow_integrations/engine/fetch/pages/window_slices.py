"""A long window is fetched piece after piece: sources that are asked for a year at once refuse, or time out."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from typing import Any

from airflow_integrations.engine.fetch.pages.in_turn import pages_in_turn
from airflow_integrations.engine.fetch.pages.listing import ListingWatch, settled_pages
from airflow_integrations.incoming import Incoming, Page
from airflow_integrations.run import Run, Services
from airflow_integrations.window import Window

__all__ = ["slice_count", "slice_of", "sliced_pages"]


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

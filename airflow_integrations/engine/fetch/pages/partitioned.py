"""The partitions of a source, one after the other; or the one that a task fetches."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

from airflow_integrations.engine.fetch.pages.listing import ListingWatch
from airflow_integrations.engine.fetch.pages.window_slices import pages_in_turn, sliced_pages
from airflow_integrations.incoming import Incoming, Page
from airflow_integrations.route.partitions import partitions_of, told_by_source
from airflow_integrations.run import Run, Services

__all__ = ["partitioned_pages"]


def partitioned_pages(
    incoming: Incoming, run: Run, services: Services, resume: Any = None, watch: ListingWatch | None = None
) -> AsyncGenerator[Page, None]:
    """The pages of a route with ``partitions``: those of :attr:`Run.partition`, or where that is None of all. Where the
    source tells which there are, one task reads it as if it had none.

    The places of the former are those of :func:`sliced_pages`.
    """
    if run.partition is not None or told_by_source(run.route):
        return sliced_pages(incoming, run, services, resume, watch)
    found = partitions_of(run.route, run.window)

    def read(index: int, place: Any) -> AsyncGenerator[Page, None]:
        return sliced_pages(incoming, replace(run, partition=found[index]), services, place, watch)

    return pages_in_turn("partition", len(found), read, resume, watch)

"""Thin records of events, and of another route's fetches, on their way into staging: asked for, each question once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace

from airflow_integrations.engine.fetch.inbox_events import arrivals
from airflow_integrations.engine.fetch.incomplete_records import Asked, Item, ThinRecords
from airflow_integrations.engine.fetch.intake import Intake
from airflow_integrations.errors import EntityError
from airflow_integrations.incoming import Page
from airflow_integrations.ledger.records import RunRef
from airflow_integrations.run import Services

__all__ = ["completed_pages", "take_thin_events"]


async def take_thin_events(ref: RunRef, services: Services, thin: ThinRecords, intake: Intake) -> None:
    """All that the run has taken of the inbox. Raises what :meth:`Completer.complete` raises."""
    last: dict[bytes, tuple[int, int]] = {}
    async for some in arrivals(ref, services):
        last |= thin.last(some)
    asked = Asked(last)
    wanted: dict[int, list[str]] = {}
    async for some in arrivals(ref, services):
        asked.add(some, thin)
        for record, error in asked.refused:
            intake.reject_event(record, error)
        for _ in range(asked.superseded):
            intake.superseded_one()
        completed = await thin.complete(asked.items)
        for one in completed:
            intake.completed(one)
        wanted = asked.keys_of(completed)
        intake.close_full()
    if wanted:
        await asyncio.to_thread(services.ledger.inbox.note_keys, list(wanted.items()))


async def completed_pages(pages: AsyncIterator[Page], thin: ThinRecords, intake: Intake) -> AsyncGenerator[Page, None]:
    """The pages, without their records: these are completed and have gone to the intake."""
    async for page in pages:
        last: dict[bytes, Item] = {}
        for raw in page.records:
            try:
                record, question = thin.question(raw)
            except EntityError as error:
                intake.reject_event(raw, error)
                continue
            if last.pop(question, None) is not None:
                intake.superseded_one()
            last[question] = Item(record, question)
        for one in await thin.complete(list(last.values())):
            intake.completed(one)
        intake.close_full()
        yield replace(page, records=[], versions=None)

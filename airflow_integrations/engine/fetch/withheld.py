"""What stands on a page in the place of records: that the source no longer has them, or could not give them."""

from __future__ import annotations

from dataclasses import replace

from airflow_integrations.engine.fetch.incomplete_records import Completed, ThinRecords
from airflow_integrations.engine.fetch.intake import Intake
from airflow_integrations.engine.fetch.pages.listing import STAYS, ListingWatch
from airflow_integrations.errors import AnswerError, EntityError, OutageError
from airflow_integrations.incoming import Gone, LeftOut, Page, Unfinished

__all__ = ["decided_page", "read_part"]


async def decided_page(page: Page, thin: ThinRecords, intake: Intake, *, deletes: bool) -> Page:
    """The page with a :class:`Completed` in the place of what is unfinished, and without what the source no longer has:
    that is deleted at the target, if ``deletes`` and the target has it.

    Raises OutageError, or AnswerError for a refusal, where an unfinished record has no key under which it could be
    kept.
    """
    kinds = set(map(type, page.records))
    if Unfinished in kinds:
        wanted = [record for record in page.records if type(record) is Unfinished]
        found = iter(await thin.unfinished(wanted))
        records = [_kept(record, next(found)) if type(record) is Unfinished else record for record in page.records]
        page = replace(page, records=records)
    if Gone not in kinds:
        return page
    if deletes:
        for one in await thin.gone([record for record in page.records if type(record) is Gone]):
            intake.completed(one)
    kept = [(record, at) for at, record in enumerate(page.records) if type(record) is not Gone]
    versions = page.versions and [page.versions[at] for _, at in kept]
    return replace(page, records=[record for record, _ in kept], versions=versions)


def read_part(page: Page, intake: Intake, watch: ListingWatch | None) -> Page:
    """The page without the parts of the source that could not be read: each is rejected, and the window is not done."""
    assert watch is not None  # only a run that moves the route's mark leaves anything out
    for part in page.records:
        if type(part) is LeftOut:
            intake.reject("", part.item, EntityError(part.reason), watch)
            watch.unsettled = watch.unsettled or f"{part.reason}. {STAYS}"
    return replace(page, records=[record for record in page.records if type(record) is not LeftOut])


def _kept(record: Unfinished, one: Completed) -> Completed:
    if record.later and not one.key:
        raise (AnswerError if record.refused else OutageError)(record.reason)
    return one

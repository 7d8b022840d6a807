"""What stands on a page in the place of records: that the source no longer has them, or could not give them now."""

from __future__ import annotations

from dataclasses import replace

from airflow_integrations.engine.fetch.incomplete_records import Completed, ThinRecords
from airflow_integrations.engine.fetch.intake import Intake
from airflow_integrations.errors import OutageError
from airflow_integrations.incoming import Gone, Page, Unfinished

__all__ = ["decided_page"]


async def decided_page(page: Page, thin: ThinRecords, intake: Intake, *, deletes: bool) -> Page:
    """The page with a :class:`Completed` in the place of what is unfinished, and without what the source no longer has:
    that is deleted at the target, if ``deletes`` and the target has it.

    Raises OutageError where an unfinished record has no key under which it could be kept.
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


def _kept(record: Unfinished, one: Completed) -> Completed:
    if record.later and not one.key:
        raise OutageError(record.reason)
    return one

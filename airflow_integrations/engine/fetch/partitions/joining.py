"""Put together what the partitions of a run have staged: one fetch, in the order of the partitions."""

from __future__ import annotations

from collections.abc import Iterable

from airflow_integrations.engine.fetch.cursor.pages import greater
from airflow_integrations.engine.fetch.partitions.staged import put_together, staged_partitions
from airflow_integrations.engine.fetch.start import run_ref
from airflow_integrations.engine.fetch.upstream_route import publish
from airflow_integrations.engine.settle.rejections import note_rejections
from airflow_integrations.errors import RunError
from airflow_integrations.incoming.sort_value import of_text
from airflow_integrations.plurals import counted
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest

__all__ = ["join_partitions"]


async def join_partitions(run: Run, services: Services, staging: Staging) -> None:
    """Make the run's fetch complete, once all its partitions are. Does nothing where no partitions were planned, or
    where that was done; may be called again wherever it broke off.

    Raises RunError where some are not fetched as a whole.
    """
    planned = staging.manifest("fetch")
    if planned is None or planned.complete or not planned.partitions:
        return
    found = staged_partitions(staging, planned)
    whole = [each.part for each in found if each.complete]
    if missing := [number for number in range(1, planned.partitions + 1) if number not in whole]:
        tasks = sorted({f"fetch_{(number - 1) % planned.fetch_tasks + 1}" for number in missing})
        named = ", ".join(map(str, missing[:10])) + ("…" if len(missing) > 10 else "")
        raise RunError(
            f"{len(missing)} of {counted(planned.partitions, 'partition')} ({named}) were not fetched as a whole: "
            f"clear {', '.join(tasks)} of this run, with Downstream. What the others have fetched stays. If the route "
            "has no such task any more, clear fetch"
        )
    joined = put_together(planned, found)
    joined.cursor, joined.newest = _cursor(found), _newest(found)
    joined.complete, joined.saved_at = True, services.now()
    ref = await run_ref(run, services, staging)
    if not run.dry_run:
        await note_rejections(ref, services, staging, joined)
    staging.save(joined)
    await publish(run, ref, services, joined)
    for warning in joined.warnings:
        services.log.warning("%s", warning)
    count = counted(joined.counts["fetched"], "entity")
    services.log.info("%s of %s are one fetch now", count, counted(joined.partitions, "partition"))


def _cursor(found: Iterable[Manifest]) -> str | None:
    """The least of what the partitions would make the cursor.

    Of each partition that is a value up to which it has all changes that were made before it was fetched, and those
    with a greater value were made since its first request. A change up to the least of these values was made before any
    partition was fetched, so it was read in the partition that its record was in, or a later state of it was read. A
    greater one the next run reads. One that has nothing leaves the cursor where it was.
    See :mod:`airflow_integrations.engine.fetch.cursor.pages`.
    """
    least = None
    for each in found:
        if each.cursor is None:
            return None
        value = of_text(each.cursor)
        least = value if least is None or greater(least, value) is least else least
    return least.text if least is not None else None


def _newest(found: Iterable[Manifest]) -> str | None:
    most = None
    for each in found:
        if each.newest is not None:
            value = of_text(each.newest)
            most = value if most is None else greater(most, value)
    return most.text if most is not None else None

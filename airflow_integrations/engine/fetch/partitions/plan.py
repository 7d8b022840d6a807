"""Decide whether several tasks fetch the partitions of a run, and stage what comes besides them."""

from __future__ import annotations

from airflow_integrations.engine.fetch.at_work import FetchAtWork
from airflow_integrations.engine.fetch.fetch import RESUME_SECONDS, fetch
from airflow_integrations.engine.fetch.fresh import fresh_manifest
from airflow_integrations.engine.fetch.start import begin
from airflow_integrations.plurals import counted
from airflow_integrations.route.hash import data_hash
from airflow_integrations.route.partitions import partitions_of
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest

__all__ = ["fetch_or_plan", "is_planned"]


def is_planned(fetched: Manifest | None) -> bool:
    """Whether partitions of the run are, or were, fetched by tasks of their own."""
    return fetched is not None and fetched.partitions > 0


async def fetch_or_plan(run: Run, services: Services, staging: Staging, *, tasks: int) -> Manifest:
    """The finished manifest of a fetch; or, where the route has partitions for so many ``tasks``, one that is not
    complete and says how many partitions these are to fetch.

    A run that asks no source, or that ends with so many entities, is fetched here as a whole. Where an earlier attempt
    has planned the same fetch within the last hour that plan stays, and what the partitions have staged stays with it.
    Raises what :func:`fetch` raises, and RunError where a window has too many partitions.
    """
    if tasks < 2 or run.entities is not None or run.retry is not None or run.events or run.limit is not None:
        return await fetch(run, services, staging)
    begun = await begin(run, services, staging)
    count = len(partitions_of(run.route, begun.run.window))
    if count < 2:
        return await fetch(run, services, staging)
    saved = staging.manifest("fetch")
    if saved is not None and _stays(saved, begun.run, services.now(), count, min(tasks, count)):
        services.log.info("the %s stay as an earlier attempt planned them", counted(count, "partition"))
        return saved
    fresh = await fresh_manifest(begun, services, staging, saved)
    planned = await FetchAtWork(begun, services, staging, fresh).plan(count, min(tasks, count))
    told = counted(planned.fetch_tasks, "task")
    services.log.info("%s of %s are fetched by %s", counted(count, "partition"), begun.run.window, told)
    return planned


def _stays(saved: Manifest, run: Run, now: float, count: int, tasks: int) -> bool:
    return (
        not saved.complete
        and (saved.partitions, saved.fetch_tasks) == (count, tasks)
        and saved.route_hash == data_hash(run.route)
        and tuple(saved.window) == run.window.dump()
        and saved.since == run.cursor
        and 0 <= now - saved.saved_at < RESUME_SECONDS
    )

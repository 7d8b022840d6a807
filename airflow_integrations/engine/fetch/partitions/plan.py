"""Decide whether several tasks fetch the partitions of a run, and stage what comes besides them."""

from __future__ import annotations

from typing import Any

from airflow_integrations.engine.fetch.at_work import FetchAtWork
from airflow_integrations.engine.fetch.fetch import RESUME_SECONDS, fetch
from airflow_integrations.engine.fetch.fresh import fresh_manifest
from airflow_integrations.engine.fetch.partitions.planned import Parts, stage_parts, staged_parts
from airflow_integrations.engine.fetch.source_pieces import source_is_gone
from airflow_integrations.engine.fetch.start import Begun, begin
from airflow_integrations.plurals import counted
from airflow_integrations.route.hash import data_hash
from airflow_integrations.route.partitions import partitions_of, told_by_source
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest

__all__ = ["fetch_or_plan"]


async def fetch_or_plan(run: Run, services: Services, staging: Staging, *, tasks: int) -> Manifest:
    """The finished manifest of a fetch; or, where the route has partitions for so many ``tasks``, one that is not
    complete and says how many partitions these are to fetch.

    A run that asks no source, or that ends with so many entities, is fetched here as a whole. Where an earlier attempt
    has planned the same fetch within the last hour that plan stays, and what the partitions have staged stays with it;
    where the source tells which partitions there are, as long as they are still there as they were planned.
    Raises what :func:`fetch` raises, and RunError where a window has too many partitions.
    """
    if tasks < 2 or run.entities is not None or run.retry is not None or run.events or run.limit is not None:
        return await fetch(run, services, staging)
    begun = await begin(run, services, staging)
    if told_by_source(run.route):
        return await _as_source_tells(begun, services, staging, tasks)
    count = len(partitions_of(run.route, begun.run.window))
    if count < 2:
        return await fetch(run, services, staging)
    saved = staging.manifest("fetch")
    if saved is not None and saved.partitions == count and _stays(saved, begun.run, services.now(), tasks):
        return _told(saved, services)
    return await _planned(begun, services, staging, saved, count, tasks)


async def _as_source_tells(begun: Begun, services: Services, staging: Staging, tasks: int) -> Manifest:
    run, saved = begun.run, staging.manifest("fetch")
    incoming: Any = run.route.incoming.component()(run.route.incoming.config, run.route)
    if saved is not None and saved.partitions and _stays(saved, run, services.now(), tasks):
        parts = staged_parts(staging, saved)
        if parts is not None and await incoming.parts_stay(run, services, [part for _, part in parts]):
            return _told(saved, services)
    if saved is not None and await source_is_gone(run, services, saved):
        return await fetch(run, services, staging)  # which uses what is staged
    parts = await incoming.parts(run, services)
    if len(parts) < 2:
        return await fetch(run, services, staging)
    return await _planned(begun, services, staging, saved, len(parts), tasks, parts)


def _told(saved: Manifest, services: Services) -> Manifest:
    services.log.info("the %s stay as an earlier attempt planned them", counted(saved.partitions, "partition"))
    return saved


async def _planned(
    begun: Begun,
    services: Services,
    staging: Staging,
    saved: Manifest | None,
    count: int,
    tasks: int,
    parts: Parts | None = None,
) -> Manifest:
    fresh = await fresh_manifest(begun, services, staging, saved)
    if parts is not None:
        stage_parts(staging, fresh, parts)
    planned = await FetchAtWork(begun, services, staging, fresh).plan(count, min(tasks, count))
    told = counted(planned.fetch_tasks, "task")
    services.log.info("%s of %s are fetched by %s", counted(count, "partition"), begun.run.window, told)
    return planned


def _stays(saved: Manifest, run: Run, now: float, tasks: int) -> bool:
    return (
        not saved.complete
        and saved.fetch_tasks == min(tasks, saved.partitions)
        and saved.route_hash == data_hash(run.route)
        and tuple(saved.window) == run.window.dump()
        and saved.since == run.cursor
        and 0 <= now - saved.saved_at < RESUME_SECONDS
    )

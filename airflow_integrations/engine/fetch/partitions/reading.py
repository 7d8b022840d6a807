"""Fetch the partitions of one task, each with a manifest and a saved place of its own."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from airflow_integrations.engine.fetch.at_work import FetchAtWork
from airflow_integrations.engine.fetch.fetch import RESUME_SECONDS
from airflow_integrations.engine.fetch.partitions.planned import planned_partitions
from airflow_integrations.engine.fetch.partitions.staged import belongs
from airflow_integrations.engine.fetch.start import Begun, leaves_out, run_ref
from airflow_integrations.engine.fetch.windows import as_fetched
from airflow_integrations.errors import AnswerError, RunError
from airflow_integrations.ledger.runs.runs import route_state
from airflow_integrations.plurals import counted
from airflow_integrations.route.hash import data_hash
from airflow_integrations.route.incremental import Partition
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest

__all__ = ["fetch_partitions"]


async def fetch_partitions(run: Run, services: Services, staging: Staging, *, task: int) -> list[Manifest]:
    """Fetch those partitions of a planned run that are the ``task``-th task's, counted from 0. Returns the manifests of
    those that were fetched now.

    One that an earlier attempt has fetched as a whole stays as it is; one that broke off goes on behind its saved
    place for an hour, and then starts over. Where the source's answer for one cannot be used the others are fetched
    all the same. Raises what :meth:`Incoming.pages` raises, and RunError where the run was not planned, or by another
    definition of the route, or where its plan is gone.
    """
    planned = staging.manifest("fetch")
    if planned is None or not planned.partitions:
        raise RunError(
            f"fetch has planned no partitions in {staging.folder}: clear the task fetch of this run, with Downstream "
            "(staging must be one folder or bucket that every worker sees)"
        )
    if planned.route_hash != data_hash(run.route):
        raise RunError(
            "what the route does with data changed since this run began: clear the task fetch of this run, with "
            "Downstream; nothing that was delivered is sent again"
        )
    begun = await _begun(run, services, staging, planned)
    own = planned_partitions(begun.run, staging, planned)[task :: planned.fetch_tasks]
    own = own if task < planned.fetch_tasks else ()
    fetched, failed = list[Manifest](), list[AnswerError]()
    for partition in own:
        try:
            if (now := await _fetch_one(begun, partition, services, staging, planned)) is not None:
                fetched.append(now)
        except AnswerError as error:
            failed.append(error)
            services.log.error("partition %s could not be fetched: %s", partition, error)
    if failed:
        raise failed[0]
    return fetched


async def _begun(run: Run, services: Services, staging: Staging, planned: Manifest) -> Begun:
    """The run as its plan has it: its window, its cursor, and what earlier runs had seen before it began."""
    ref = await run_ref(run, services, staging)
    state = await asyncio.to_thread(route_state, services.ledger, run.route.route)
    as_planned = as_fetched(run, staging)
    known = planned.pages_seen.known if planned.pages_seen is not None else None
    return Begun(replace(as_planned, leaves_out=leaves_out(as_planned, state.mark)), ref, known)


async def _fetch_one(
    begun: Begun, partition: Partition, services: Services, staging: Staging, planned: Manifest
) -> Manifest | None:
    """Its manifest; None where it was staged already."""
    begun = replace(begun, run=replace(begun.run, partition=partition))
    saved = staging.manifest("fetch", partition.number)
    if saved is not None and belongs(saved, planned):
        if saved.complete:
            services.log.info("partition %s is staged already", partition)
            return None
        if saved.resume is not None and 0 <= services.now() - saved.saved_at < RESUME_SECONDS:
            count = counted(saved.counts.get("fetched", 0), "entity")
            services.log.info("partition %s goes on behind the %s that are committed", partition, count)
            place = saved.resume
            try:
                return await FetchAtWork(begun, services, staging, saved, planned).work()
            except AnswerError as error:
                saved = staging.manifest("fetch", partition.number)
                if saved is None or saved.resume != place:
                    raise  # it did go on from the saved place and met something else
                services.log.warning(
                    "the source does not go on from the saved place (%s); partition %s starts over", error, partition
                )
    fresh = Manifest(
        route=planned.route,
        run_id=planned.run_id,
        stage="fetch",
        route_hash=planned.route_hash,
        window=planned.window,
        since=planned.since,
        version=planned.version,
        attempt=planned.attempt,
        part=partition.number,
    )
    staging.save(fresh)
    return await FetchAtWork(begun, services, staging, fresh, planned).work()

"""transform: fetched segments go through the route's transformers and become the segments that push sends."""

from __future__ import annotations

import asyncio

import msgspec

from airflow_integrations.engine.fetch.start import run_ref
from airflow_integrations.engine.gc_tuning import fewer_collections
from airflow_integrations.engine.push.journal.replay import absorb
from airflow_integrations.engine.push.parts import counts_of, repeats_batches
from airflow_integrations.engine.settle.rejections import note_rejections
from airflow_integrations.engine.transform.steps_at_work import StepsAtWork
from airflow_integrations.ledger.runs.runs import restart_push
from airflow_integrations.route.by_key import why_not_by_key
from airflow_integrations.route.hash import data_hash
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest

__all__ = ["transform"]


async def transform(run: Run, services: Services, staging: Staging, *, spread: int = 1) -> Manifest:
    """Take the fetched entities through the transformers, in order, and return the finished manifest.

    ``spread``: how many tasks send them. What they send is divided where there are more than ``tasks.spread_above``.
    Where the route's steps allow it the fetched entities are only counted, and each of these tasks takes its share of
    them through the transformers.

    Where several tasks have fetched, what they have staged is put together first.

    Always starts over: it has no effect outside staging. Raises RunError where fetch has not finished or was done by
    another definition of the route, and AnswerError where the source breaks a contract that says so.
    """
    started = services.monotonic()
    digest = data_hash(run.route)
    if getattr(run.route.incoming.config, "partitions", None) is not None:
        from airflow_integrations.engine.fetch.partitions.joining import join_partitions

        await join_partitions(run, services, staging)
    fetched = staging.completed("fetch", route_hash=digest)
    ref = await run_ref(run, services, staging)
    await absorb(run, ref, services, staging)
    await asyncio.to_thread(restart_push, services.ledger, ref)
    if staging.manifest("transform") is not None and not run.dry_run:  # this attempt may fail for good
        from airflow_integrations.engine.fetch.held_payloads import hold_payloads

        await hold_payloads(ref, services, staging, fetched)
    staging.clear("transform", "push")
    manifest = Manifest(
        route=run.route.route,
        run_id=run.run_id,
        stage="transform",
        route_hash=digest,
        window=fetched.window,
        complete=True,
    )
    own = sum(segment.entities for segment in fetched.segments)
    whole = why_not_by_key(run.route)
    if whole is None and _is_divided(run, services, staging, fetched, spread, own):
        await asyncio.to_thread(_count_shares, manifest, staging, fetched, spread)
        manifest.entities = own
        manifest.saved_at, manifest.seconds = services.now(), services.monotonic() - started
        staging.save(manifest)
        told = " + ".join(map(str, manifest.shares))
        services.log.info("transform and push are spread over %d tasks: %s entities", spread, told)
        return manifest
    stage = StepsAtWork(run, services, staging, ref, fetched.version)
    with fewer_collections():
        await stage.work(fetched, staging.blocks)
    stage.put_into(manifest)
    if not fetched.entities:
        manifest.warnings = []
    if whole is not None and own and _is_divided(run, services, staging, fetched, spread, manifest.entities):
        manifest.parts = counts_of(staging.blocks([*manifest.segments, *fetched.carried]), spread)
        told = " + ".join(map(str, manifest.parts))
        services.log.info(
            "push is spread over %d tasks: %s entities; transform is not, because %s", spread, told, whole
        )
    manifest.saved_at, manifest.seconds = services.now(), services.monotonic() - started
    if not run.dry_run and manifest.problems:
        # First where they lie: a fetch that begins anew finds there what the ledger says was rejected or waits.
        staging.save(msgspec.structs.replace(manifest, complete=False))
        await note_rejections(ref, services, staging, manifest)
    staging.save(manifest)
    stage.log(manifest, manifest.warnings)
    return manifest


def _is_divided(run: Run, services: Services, staging: Staging, fetched: Manifest, spread: int, own: int) -> bool:
    """Whether so many entities of the run itself, and those taken over, are more than one task sends."""
    carried = sum(segment.entities for segment in fetched.carried)
    if spread == 1 or own == 0 or own + carried <= run.route.tasks.spread_above:
        return False
    if repeats_batches(staging.blocks(fetched.carried)):
        services.log.info(
            "push is not spread: batches that an earlier run sent, and nobody answered, go again as they were"
        )
        return False
    return True


def _count_shares(manifest: Manifest, staging: Staging, fetched: Manifest, spread: int) -> None:
    manifest.shares = counts_of(staging.blocks(fetched.segments), spread)
    manifest.parts = counts_of(staging.blocks(fetched.carried), spread)

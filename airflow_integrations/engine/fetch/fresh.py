"""The manifest of a fetch that begins, with what it takes over from earlier runs."""

from __future__ import annotations

import asyncio

from airflow_integrations.engine.begun_definition import keep_definition
from airflow_integrations.engine.fetch.carry_over import CarryOver
from airflow_integrations.engine.fetch.held_payloads import hold_payloads
from airflow_integrations.engine.fetch.start import Begun
from airflow_integrations.engine.fetch.upstream_route import begin_again, chosen
from airflow_integrations.engine.push.journal.exchange_log import held_exchange_files
from airflow_integrations.engine.push.journal.replay import absorb
from airflow_integrations.ledger.runs.runs import restart_push
from airflow_integrations.route.hash import data_hash
from airflow_integrations.run import Services
from airflow_integrations.staging.begun_fetch import begins_anew
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest

__all__ = ["fresh_manifest"]


async def fresh_manifest(begun: Begun, services: Services, staging: Staging, saved: Manifest | None) -> Manifest:
    """The manifest of a fetch that begins, with what it has taken over from earlier runs.

    It is saved before the files of earlier attempts are removed: some of them hold payloads that were taken over.
    """
    run, ref = begun.run, begun.ref
    if saved is not None:
        await absorb(run, ref, services, staging)
    fresh = Manifest(
        route=run.route.route,
        run_id=run.run_id,
        stage="fetch",
        route_hash=data_hash(run.route),
        window=run.window.dump(),
        version=f"{services.now() * 1e6:.0f}",
        since=run.cursor,
        attempt=0 if saved is None else saved.attempt + (saved.complete or not saved.taken),
    )
    if saved is not None and saved.complete:
        await asyncio.to_thread(begins_anew, staging, fresh)
    fresh.number, fresh.earlier = await begin_again(ref, services, saved)
    fresh.reads = await chosen(run, services)
    taking = CarryOver(run, ref, services, staging, fresh.attempt)
    if saved is not None and saved.taken and not saved.complete:
        taken = taking.once_more(saved)
    else:
        taken = await taking.work(again=saved is not None)
        if saved is not None:
            await hold_payloads(ref, services, staging, saved)
    fresh.held = [] if saved is None else saved.held
    fresh.carried, fresh.retried, fresh.problems = taken.carried, taken.retried, taken.problems
    fresh.segments, fresh.entities, fresh.taken = list(taken.retried), taken.records, True
    fresh.counts = {"fetched": 0, "rejected": taken.rejected, "carried_in": taken.count, "failed": taken.failed}
    if taken.retrying:
        fresh.counts["retrying"] = taken.retrying
    staging.save(fresh)
    keep_definition(run, staging, services.log)
    kept = {segment.name for segment in (*fresh.carried, *fresh.retried, *fresh.problems, *fresh.held)}
    kept |= {piece.segment.name for piece in fresh.earlier}
    kept |= held_exchange_files(staging)
    staging.clear("fetch", "transform", "push", keep={*kept, "fetch.json"})
    if saved is not None:
        await asyncio.to_thread(restart_push, services.ledger, ref)
    await taking.conclude()
    return fresh

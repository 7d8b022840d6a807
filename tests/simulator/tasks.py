"""What Airflow's tasks do, stage by stage, without Airflow: the operators' way through the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from airflow_integrations.engine.begun_definition import begun_with
from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.fetch.partitions.plan import fetch_or_plan
from airflow_integrations.engine.fetch.partitions.reading import fetch_partitions
from airflow_integrations.engine.fetch.windows import as_fetched
from airflow_integrations.engine.live.single_task import fits_single_task, run_all_stages
from airflow_integrations.engine.next_stages import anything, for_push, for_transform, needed_later
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.balance import Balance
from airflow_integrations.engine.settle.failure_summary import gather
from airflow_integrations.engine.settle.settle import problems, settle
from airflow_integrations.engine.transform.outage import open_circuit_after
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.errors import OutageError
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest

__all__ = ["Done", "quiet", "stage"]

STOP_SECONDS = 20.0


@dataclass
class Done:
    """How a stage ended well: which stages need not run, and the books, if it closed them."""

    skips: set[str] = field(default_factory=set)
    balance: Balance | None = None


async def stage(
    name: str,
    route: Route,
    run: Run,
    services: Services,
    staging: Staging,
    stop: asyncio.Event,
    *,
    final: bool,
    pushes: Sequence[str] = ("push",),
    fetches: Sequence[str] = (),
) -> Done:
    """One try of a task. It is stopped as Airflow stops one: by ``stop``, and given up some seconds later. ``pushes``
    are the names of the DAG's tasks that push, ``fetches`` of those that fetch partitions."""
    async with services:
        working = asyncio.create_task(_stage(name, route, run, services, staging, stop, final, pushes, fetches))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                await asyncio.wait({working}, timeout=STOP_SECONDS)
            if not working.done():
                working.cancel()
                await asyncio.wait({working})
                raise OutageError(f"{name} was stopped; the next attempt goes on")
            return working.result()
        finally:
            stopping.cancel()


async def _stage(
    name: str,
    route: Route,
    run: Run,
    services: Services,
    staging: Staging,
    stop: asyncio.Event,
    final: bool,
    pushes: Sequence[str],
    fetches: Sequence[str],
) -> Done:
    if name == "fetch":
        return await _fetch(replace(run, route=route), services, staging, stop, pushes, fetches)
    with begun_with(route, staging, services.log) as definition:
        run = as_fetched(replace(run, route=definition.route), staging)
        if name in fetches:
            await fetch_partitions(run, services, staging, task=fetches.index(name))
            return Done()
        if name == "transform":
            try:
                manifest = await transform(run, services, staging, spread=len(pushes))
            except OutageError as error:
                if final:
                    await open_circuit_after(error, run, services, staging)
                raise
            fetched = staging.manifest("fetch")
            nothing = fetched is not None and not for_push(fetched, manifest)
            return Done(set(pushes if nothing else pushes[len(manifest.parts) or 1 :]))
        if name in pushes:
            await push(run, services, staging, stop, final=final, part=pushes.index(name))
            return Done()
        gather(problems(staging))
        return Done(balance=await settle(run, services, staging))


async def _fetch(
    run: Run, services: Services, staging: Staging, stop: asyncio.Event, pushes: Sequence[str], fetches: Sequence[str]
) -> Done:
    if fetches:
        manifest = await fetch_or_plan(run, services, staging, tasks=len(fetches))
        if not manifest.complete:
            return Done(set(fetches[manifest.fetch_tasks :]))
    else:
        manifest = await fetch(run, services, staging)
    done = await _go_on(run, services, staging, manifest, stop, pushes)
    return replace(done, skips=done.skips | set(fetches))


async def _go_on(
    run: Run, services: Services, staging: Staging, manifest: Manifest, stop: asyncio.Event, pushes: Sequence[str]
) -> Done:
    """What the task that fetched does of the stages behind it."""
    if not anything(manifest):
        balance = await settle(as_fetched(run, staging), services, staging)
        if not needed_later(manifest):
            staging.clean()
        return Done({"transform", *pushes, "settle"}, balance)
    if fits_single_task(run, manifest):
        further, books = await run_all_stages(run, services, staging, manifest, stop)
        if books is not None:
            return Done({"transform", *pushes} | (set() if books.verdict else {"settle"}), books)
        return Done({"transform", *pushes[len(further[0].parts) or 1 :]} if further else set())
    return Done(set() if for_transform(manifest) else {"transform", *pushes})


def quiet(error: Any) -> str:
    """An error as the story tells it."""
    return f"{type(error).__name__}: {str(error)[:160]}"

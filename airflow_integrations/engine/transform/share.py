"""A part's share of transform: the task that sends a part of a large run first takes its own entities through the
steps."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import msgspec

from airflow_integrations.engine.gc_tuning import fewer_collections
from airflow_integrations.engine.push.parts import Part, lines_of, share_of
from airflow_integrations.engine.settle.rejections import note_rejections
from airflow_integrations.engine.transform.outage import open_circuit_after
from airflow_integrations.engine.transform.steps_at_work import StepsAtWork
from airflow_integrations.errors import OutageError
from airflow_integrations.ledger.records import RunRef
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest, SegmentRef

__all__ = ["transform_share"]


async def transform_share(
    run: Run,
    ref: RunRef,
    services: Services,
    staging: Staging,
    fetched: Manifest,
    part: Part,
    stop: asyncio.Event | None,
    *,
    final: bool,
) -> None:
    """Take what was fetched of a part through the route's transformers, unless an earlier attempt has finished it.

    Starts over otherwise: it has no effect outside staging before its manifest is saved. Raises OutageError where a
    system that is asked is away; with ``final`` (no attempt follows) the route's circuit opens then. So it does where
    ``stop`` is set.
    """
    if not part.share or share_of(staging, part) is not None:
        return
    started = services.monotonic()
    stage = StepsAtWork(run, services, staging, ref, fetched.version, part)

    def go_on() -> None:
        if stop is not None and stop.is_set():
            raise OutageError("push was asked to stop while it transformed its part; the next attempt starts it over")

    def own(segments: list[SegmentRef]) -> Iterator[bytes]:
        return (lines for _, lines in lines_of(part, staging.blocks(segments), 0))

    try:
        with fewer_collections():
            await stage.work(fetched, own, passed=go_on)
    except OutageError as error:
        if final and not (stop is not None and stop.is_set()):
            await open_circuit_after(error, run, services, staging)
        raise
    manifest = Manifest(
        route=run.route.route,
        run_id=run.run_id,
        stage="share",
        part=part.number,
        route_hash=fetched.route_hash,
        window=fetched.window,
        complete=True,
    )
    stage.put_into(manifest)
    manifest.saved_at, manifest.seconds = services.now(), services.monotonic() - started
    if not run.dry_run and manifest.problems:
        staging.save(msgspec.structs.replace(manifest, complete=False))  # as transform does
        await note_rejections(ref, services, staging, manifest, first=part.first)
    staging.save(manifest)
    stage.log(manifest, (), f" part {part.number + 1} of {part.of}")

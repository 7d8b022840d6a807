"""push: staged entities go to the target, batch by batch; the journal and the ledger keep what became of each.

The order of things for a batch is reserve, send, confirm. The states of one key never overtake each other, in this run
or beside others. Where transform has divided the run's entities, each part is a push of its own: with its journal, its
leases and its manifest, in any process. Where it has left them to the parts, a part goes through transform first.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from airflow_integrations.engine.fetch.start import run_ref
from airflow_integrations.engine.gc_tuning import fewer_collections
from airflow_integrations.engine.push.chunks import Chunks
from airflow_integrations.engine.push.circuit_breaker import clock, close_circuit
from airflow_integrations.engine.push.journal.journal import Journal
from airflow_integrations.engine.push.journal.replay import absorb_journal
from airflow_integrations.engine.push.outbounds import Outbounds
from airflow_integrations.engine.push.part_at_work import part_at_work
from airflow_integrations.engine.push.parts import parts_of
from airflow_integrations.engine.push.session import PushSession
from airflow_integrations.engine.settle.recovery import recover_others
from airflow_integrations.errors import OutageError
from airflow_integrations.ledger.records import Outcome, RunRef
from airflow_integrations.ledger.status import STATUSES
from airflow_integrations.route.connections import asked_by_delivery
from airflow_integrations.route.hash import data_hash
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest

__all__ = ["push"]


async def push(
    run: Run,
    services: Services,
    staging: Staging,
    stop: asyncio.Event | None = None,
    *,
    final: bool = False,
    part: int = 0,
) -> Manifest:
    """Send what is not yet sent of the run's entities and return the finished manifest.

    ``part``: which part of them, where transform has divided them. One that there is not has nothing to send.

    Delivers whatever it can: an entity that meets an outage is set aside and the others go on, until several batches
    in a row meet one. Then OutageError is raised and a later attempt sends the rest; with ``final`` (no attempt
    follows) what is left becomes *retrying*, the route's circuit opens, and push ends well.
    SetupError (credentials) stops at once. ``stop`` ends it early: batches in flight are waited for, nothing new is
    begun.
    """
    digest = data_hash(run.route)
    fetched = staging.completed("fetch", route_hash=digest)
    own = sum(segment.entities for segment in fetched.segments)
    transformed = staging.completed("transform", route_hash=digest) if own else None
    parts = parts_of(transformed)
    if part < len(parts):
        which = parts[part]
        ref = replace(await run_ref(run, services, staging), part=part)
        async with part_at_work(ref, services, which):
            if which.share:
                from airflow_integrations.engine.transform.share import transform_share

                await transform_share(run, ref, services, staging, fetched, which, stop, final=final)
            outbounds = Outbounds(staging, fetched, transformed, which)
            return await _push(run, ref, services, outbounds, fetched, stop, final=final)
    services.log.info("nothing to send: the other tasks of push send all of this run")
    return Manifest(
        route=run.route.route,
        run_id=run.run_id,
        stage="push",
        part=part,
        route_hash=digest,
        window=fetched.window,
        complete=True,
    )


async def _push(
    run: Run,
    ref: RunRef,
    services: Services,
    outbounds: Outbounds,
    fetched: Manifest,
    stop: asyncio.Event | None,
    *,
    final: bool,
) -> Manifest:
    """Send a part, and save its manifest."""
    staging, part = outbounds.staging, outbounds.part
    started = services.monotonic()
    journal = Journal.open(staging, outbounds.count, part.number)
    error: Exception | None = None
    try:
        with fewer_collections():
            if run.dry_run:
                _skip_all(journal, outbounds)
                await journal.durable()
            else:
                error = await _send(
                    run,
                    ref,
                    services,
                    journal=journal,
                    outbounds=outbounds,
                    fetched=fetched.version,
                    stop=stop,
                    final=final,
                )
    finally:
        journal.close()
    if journal.pending and error is None:
        error = OutageError(f"push was asked to stop; {journal.pending} of {outbounds.count} entities are not sent yet")
    counts = journal.counts
    manifest = Manifest(
        route=run.route.route,
        run_id=run.run_id,
        stage="push",
        part=part.number,
        route_hash=fetched.route_hash,
        window=fetched.window,
        complete=error is None,
        entities=outbounds.count,
        counts={status: counts[status] for status in STATUSES if counts[status]},
        saved_at=services.now(),
        seconds=services.monotonic() - started,
    )
    if journal.pending:
        manifest.counts["pending"] = journal.pending
    staging.save(manifest)
    told = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in manifest.counts.items())
    which = f" part {part.number + 1} of {part.of}" if part.of > 1 else ""
    services.log.info("pushed%s: %s in %.1f s", which, told or "nothing to send", manifest.seconds)
    services.log_traffic()
    if error is not None:
        raise error
    return manifest


async def _send(
    run: Run,
    ref: RunRef,
    services: Services,
    *,
    journal: Journal,
    outbounds: Outbounds,
    fetched: str | None,
    stop: asyncio.Event | None,
    final: bool,
) -> Exception | None:
    """Send everything that can be sent. Returns what stands in the way of the rest, if anything does."""
    staging, part = outbounds.staging, outbounds.part
    await absorb_journal(ref, services, journal, outbounds)
    await recover_others(run, ref, services, staging)  # what they may have sent must be known
    async with PushSession(
        run,
        ref,
        services,
        journal=journal,
        chunks=lambda session: Chunks(session, outbounds.read()),
        part=part,
        stop=stop,
    ) as session:
        closed_until = session.state.circuit_until
        if closed_until > services.now() and journal.pending:
            away = asked_by_delivery(run.route)
            reason = f"nothing is sent before {clock(closed_until)}: {away} was away"
            services.log.warning("%s", reason)
            await session.leave_rest(cause="outage", reason=reason, not_before=closed_until)
            return None
        await session.open_target(staging, fetched=fetched)
        error = await session.send()
        session.problems.log(services.log, "push")
        await close_circuit(session)
        if final and session.target_is_away(error):
            await session.leave_to_later_runs(error)
            return None
        await session.note_unanswered()
        return error


def _skip_all(journal: Journal, outbounds: Outbounds) -> None:
    """A dry run: nothing is sent, and the ledger does not hear of it."""
    for ordinal, outbound in enumerate(outbounds.read()):
        if not journal.concluded(ordinal):
            journal.done([ordinal], [Outcome(key=outbound.key, status="skipped", reason="dry run")])

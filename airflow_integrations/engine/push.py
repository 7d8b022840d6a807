"""push: staged entities go to the target, batch by batch; the journal and the ledger keep what became of each.

The order of things for a batch is reserve, send, confirm. The states of one key never overtake each other, in this run
or beside others.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import closing

from airflow_integrations.engine.absorb import absorb_journal
from airflow_integrations.engine.ages import Ages
from airflow_integrations.engine.books import Books
from airflow_integrations.engine.chunks import Chunks
from airflow_integrations.engine.circuit import clock, close_circuit, open_circuit
from airflow_integrations.engine.collector import fewer_collections
from airflow_integrations.engine.exchanges import Exchanges
from airflow_integrations.engine.journal import Journal
from airflow_integrations.engine.leftovers import close_rest
from airflow_integrations.engine.plan import Plan
from airflow_integrations.engine.recover import recover_others
from airflow_integrations.engine.run_ref import run_ref
from airflow_integrations.engine.sending import Sending
from airflow_integrations.engine.source import Outbounds
from airflow_integrations.engine.traffic import Traffic
from airflow_integrations.engine.verdicts import Verdicts
from airflow_integrations.errors import OutageError
from airflow_integrations.ledger.records import Outcome, RunRef
from airflow_integrations.ledger.status import STATUSES
from airflow_integrations.outgoing import Outgoing
from airflow_integrations.route_hash import route_hash
from airflow_integrations.run import Run, Services
from airflow_integrations.staging import Manifest, Staging

__all__ = ["push"]


async def push(
    run: Run, services: Services, staging: Staging, stop: asyncio.Event | None = None, *, final: bool = False
) -> Manifest:
    """Send what is not yet sent of the run's entities and return the finished manifest.

    Delivers whatever it can: an entity that meets an outage is set aside and the others go on, until several batches
    in a row meet one. Then OutageError is raised and a later attempt sends the rest; with ``final`` (no attempt
    follows) what is left becomes *retrying*, the route's circuit opens, and push ends well.
    SetupError (credentials) stops at once. ``stop`` ends it early: batches under way are waited for, nothing new is
    begun.
    """
    digest = route_hash(run.route)
    fetched = staging.completed("fetch", route_hash=digest)
    own = sum(segment.entities for segment in fetched.segments)
    outbounds = Outbounds(staging, fetched, staging.completed("transform", route_hash=digest) if own else None)
    started = time.monotonic()
    journal = Journal.open(staging, outbounds.count)
    stop = stop or asyncio.Event()
    error: Exception | None = None
    try:
        with fewer_collections():
            if run.dry_run:
                _skip_all(journal, outbounds)
                await journal.durable()
            else:
                ages = Ages(run, fetched.version)
                with closing(Exchanges(staging, run.route)) as exchanges:
                    work = _Push(run, services, journal, outbounds, stop, ages, exchanges)
                    error = await work.work(staging, final=final)
    finally:
        journal.close()
    if journal.pending and error is None:
        error = OutageError(f"push was asked to stop; {journal.pending} of {outbounds.count} entities are not sent yet")
    counts = journal.counts
    manifest = Manifest(
        route=run.route.route,
        run_id=run.run_id,
        stage="push",
        route_hash=digest,
        window=fetched.window,
        complete=error is None,
        entities=outbounds.count,
        counts={status: counts[status] for status in STATUSES if counts[status]},
        saved_at=services.now(),
        seconds=time.monotonic() - started,
    )
    if journal.pending:
        manifest.counts["pending"] = journal.pending
    staging.save(manifest)
    told = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in manifest.counts.items())
    services.log.info("pushed: %s in %.1f s", told or "nothing to send", manifest.seconds)
    if error is not None:
        raise error
    return manifest


class _Push:
    def __init__(
        self,
        run: Run,
        services: Services,
        journal: Journal,
        outbounds: Outbounds,
        stop: asyncio.Event,
        ages: Ages,
        exchanges: Exchanges,
    ) -> None:
        self.run = run
        self.services = services
        self.journal = journal
        self.outbounds = outbounds
        self.traffic = Traffic(stop)
        self.ages = ages
        stage = run.route.outgoing
        self.outgoing: Outgoing = stage.component()(stage.config, run.route)
        self.verdicts = Verdicts(run.route, self.outgoing, services)
        self.exchanges = exchanges

    async def work(self, staging: Staging, *, final: bool) -> Exception | None:
        """Send everything that can be sent. Returns what stands in the way of the rest, if anything does."""
        services, journal = self.services, self.journal
        ref = await run_ref(self.run, services, staging)
        await absorb_journal(ref, services, journal, self.outbounds)
        await recover_others(self.run, ref, services, staging)  # what they may have sent must be known
        state = await asyncio.to_thread(services.ledger.route_state, self.run.route.route)
        async with (
            Books(ref, services, journal) as books,
            Chunks(self.outbounds.read(), ref, services, journal, books, self.traffic) as chunks,
        ):
            plan = Plan(chunks, journal, books, self.verdicts, self.traffic, batch=self.run.route.delivery.batch)
            if state.circuit_until > services.now() and journal.pending:
                reason = f"nothing is sent before {clock(state.circuit_until)}: the target was away"
                services.log.warning("%s", reason)
                await self._close(plan, ref, reason, state.circuit_until)
                return None
            error = await self._send(plan, books)
            await close_circuit(ref, state, self.traffic, services)
            if final and isinstance(error, OutageError) and books.error is None and not self.traffic.stop.is_set():
                until = await open_circuit(ref, state, self.traffic, error, services)
                await self._close(plan, ref, str(error), until)
                return None
            return error

    async def _send(self, plan: Plan, books: Books) -> Exception | None:
        await self.outgoing.open(self.run, self.services)
        try:
            sending = Sending(
                self.run,
                self.services,
                self.journal,
                books,
                self.outgoing,
                self.verdicts,
                plan,
                self.traffic,
                self.ages,
                self.exchanges,
            )
            error = await sending.all()
        finally:
            await self.outgoing.close()
        sending.problems.log(self.services.log, "push")
        return error

    async def _close(self, plan: Plan, ref: RunRef, reason: str, not_before: float) -> None:
        self.traffic.outages_in_a_row = 0
        await close_rest(plan, ref, self.traffic, self.verdicts, cause="outage", reason=reason, not_before=not_before)


def _skip_all(journal: Journal, outbounds: Outbounds) -> None:
    """A dry run: nothing is sent, and the ledger does not hear of it."""
    for ordinal, outbound in enumerate(outbounds.read()):
        if not journal.concluded(ordinal):
            journal.done([ordinal], [Outcome(key=outbound.key, status="skipped", reason="dry run")])

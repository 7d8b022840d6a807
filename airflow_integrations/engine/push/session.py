"""The sending of a run's entities, wired once: for push, for live runs, and for settle, which closes what died."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Self, TypeGuard

from airflow_integrations.engine.grouped_log import GroupedProblems
from airflow_integrations.engine.push.batches import Batches
from airflow_integrations.engine.push.chunks import Chunks
from airflow_integrations.engine.push.circuit_breaker import open_circuit
from airflow_integrations.engine.push.in_flight import InFlight
from airflow_integrations.engine.push.journal.exchange_log import Exchanges
from airflow_integrations.engine.push.journal.journal import Journal
from airflow_integrations.engine.push.journal.step_progress import StepProgress
from airflow_integrations.engine.push.latency import Ages
from airflow_integrations.engine.push.ledger_writer import LedgerWriter
from airflow_integrations.engine.push.outcomes import UNANSWERED, Outcomes, target_of
from airflow_integrations.engine.push.parts import WHOLE, Part
from airflow_integrations.engine.push.workers import PushWorkers
from airflow_integrations.errors import OutageError
from airflow_integrations.ledger.records import RouteState, RunRef
from airflow_integrations.ledger.runs.claims import note_unanswered
from airflow_integrations.ledger.runs.runs import route_state
from airflow_integrations.outgoing import Result
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging

__all__ = ["PushSession"]


class PushSession:
    """Use as an asynchronous context: inside it the run's entities are reserved in the ledger, and what becomes of them
    is written there; at its end everything is written, and what is still reserved is given back.

    ``journal`` is open, and the ledger has all of it. ``chunks`` makes those of the run's entities. Once ``stop`` is
    set, nothing new is begun.

    Either :meth:`open_target`, then :meth:`send`; or, where nothing is to be sent, :meth:`leave_rest` alone.
    """

    def __init__(
        self,
        run: Run,
        ref: RunRef,
        services: Services,
        *,
        journal: Journal,
        chunks: Callable[[PushSession], Chunks],
        part: Part = WHOLE,
        stop: asyncio.Event | None = None,
    ) -> None:
        self.part = part
        self.run = run
        self.ref = ref
        self.services = services
        self.journal = journal
        self.traffic = InFlight(stop or asyncio.Event())
        self.outgoing = target_of(run.route)
        self.verdicts = Outcomes(run.route, self.outgoing, services)
        self.books = LedgerWriter(ref, services, journal)
        self.steps = StepProgress(ref, services, journal) if self.verdicts.in_steps else None
        """Where the kind sends an entity in several requests."""
        self.chunks = chunks(self)
        self.plan = Batches(self)
        self.problems = GroupedProblems()
        """What went wrong with entities, for the log."""
        self.state = RouteState()
        """What the route began with."""
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self.state = await asyncio.to_thread(route_state, self.services.ledger, self.run.route.route)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.books)
            await stack.enter_async_context(self.chunks)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *raised: object) -> bool | None:
        return await self._stack.__aexit__(*raised)  # type: ignore[arg-type]

    async def open_target(self, staging: Staging, *, fetched: str | None) -> None:
        """Be ready to send. ``fetched`` is the version that the run's fetch gave entities without one. Raises what the
        kind's ``open`` does, such as SetupError."""
        exchanges = Exchanges(staging, self.run.route, self.part.number)
        self._stack.callback(exchanges.close)
        await self.outgoing.open(self.run, self.services)
        self._stack.push_async_callback(self.outgoing.close)
        self._workers = PushWorkers(self, ages=Ages(self.run, fetched), exchanges=exchanges)

    async def send(self) -> Exception | None:
        """Send everything that can be sent. Returns what stands in the way of the rest, if anything does."""
        return await self._workers.all()

    def target_is_away(self, error: Exception | None) -> TypeGuard[OutageError]:
        """Whether what :meth:`send` returned is an outage of the target: not of the ledger, and no stop."""
        return isinstance(error, OutageError) and self.books.error is None and not self.traffic.stop.is_set()

    async def leave_to_later_runs(self, error: OutageError) -> None:
        """The target is away: open the route's circuit, and leave what was not sent to runs behind it."""
        until = await open_circuit(self, error)
        await self.leave_rest(cause="outage", reason=str(error), not_before=until)

    async def note_unanswered(self) -> None:
        """Sending ended early, and a later attempt goes on: tell the ledger, while the keys are still this run's, what
        the target may hold, and which steps it has confirmed. Else another run would find in between what it has to be
        *unchanged*, or would send those steps again."""
        broken_off = self._workers.broken_off
        aside = [(outbound, error) for _, _, outbound, error in self.traffic.set_aside]
        sent = broken_off + [
            outbound
            for outbound, error in aside
            if outbound.unanswered or (error is not None and self.verdicts.maybe_there(outbound, error))
        ]
        if not sent or self.books.error is not None:
            return
        await self.books.flush()
        if self.steps is not None:
            met_outage = [outbound for outbound, error in aside if error is not None]
            await self.steps.note(broken_off=broken_off, met_outage=met_outage)
        told = [(outbound.key, outbound.hash, outbound.version) for outbound in sent]
        await asyncio.to_thread(note_unanswered, self.services.ledger, self.ref, told, now=self.services.now())

    async def leave_rest(self, *, cause: str, reason: str, not_before: float) -> None:
        """Conclude everything that is not sent.

        It becomes *retrying*, not before the moment ``not_before`` and without having burnt an attempt; what is
        unanswered becomes *in doubt*.
        """
        plan, verdicts, traffic = self.plan, self.verdicts, self.traffic
        traffic.outages_in_a_row = 0
        result = Result("pending", reason=reason)
        while (batch := await plan.next()) is not None:
            outcomes = []
            if batch.unanswered:
                batch.went_unanswered(self.ref.id)
            for outbound in batch.outbounds:
                known = batch.chunk.known.get(outbound.key)
                if batch.unanswered:
                    outcome = verdicts.after(outbound, Result("in_doubt", reason=UNANSWERED), known)
                else:
                    outcome = verdicts.again(outbound, known, cause, result, burnt=False)
                    outcome.next_attempt = _later(outcome.next_attempt, not_before)
                outcomes.append(outcome)
            plan.conclude(batch.chunk, batch.ordinals, outcomes)
        for chunk, ordinal, outbound, error in traffic.take_set_aside():
            if traffic.held.get(outbound.key, outbound) is outbound:
                if error is None:
                    verdicts.forget_outdated_steps(outbound)
                outcome = verdicts.again(outbound, chunk.known.get(outbound.key), cause, result, burnt=False)
                outcome.next_attempt = _later(outcome.next_attempt, not_before)
                outcome.unanswered = verdicts.maybe_there(outbound, error)
            else:
                outcome = verdicts.superseded(outbound, error)
            plan.conclude(chunk, [ordinal], [outcome])


def _later(moment: float | None, not_before: float) -> float | None:
    return None if moment is None else max(moment, not_before)

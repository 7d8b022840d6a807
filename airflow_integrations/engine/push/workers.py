"""The workers of a push: ``delivery.concurrency`` of them take batches from the plan and hear what became of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from airflow_integrations.engine.push.chunk import Batch, Chunk
from airflow_integrations.engine.push.in_flight import SetAside
from airflow_integrations.engine.push.journal.exchange_log import Exchanges
from airflow_integrations.engine.push.latency import Ages
from airflow_integrations.engine.push.outcomes import leaves_unanswered
from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.ledger.records import Outcome
from airflow_integrations.ledger.status import WRONG
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.plurals import counted
from airflow_integrations.stop_times import ANSWER_SECONDS

if TYPE_CHECKING:
    from airflow_integrations.engine.push.gathering import Gathering
    from airflow_integrations.engine.push.session import PushSession

__all__ = ["PushWorkers"]

TOLD_SECONDS = 30.0
"""A push says this often in the log how far it has come."""
STOPPED = "it was being sent when an earlier attempt was stopped: the target may have it, and does not take it twice"


class PushWorkers:
    """Send everything that a session's plan gives, as long as the target takes it."""

    def __init__(self, session: PushSession, *, ages: Ages, exchanges: Exchanges) -> None:
        self._run_id = session.ref.id
        self._workers = session.part.requests(session.run.route.delivery.concurrency)
        self._services = session.services
        self._journal = session.journal
        self._books = session.books
        self._outgoing = session.outgoing
        self._verdicts = session.verdicts
        self._plan = session.plan
        self._traffic = session.traffic
        self._problems = session.problems
        self._ages = ages
        self._exchanges = exchanges
        self._taking = asyncio.Lock()
        self._gathering: Gathering | None = None
        if getattr(self._outgoing, "gathers", False):
            from airflow_integrations.engine.push.gathering import Gathering

            self._workers = 1
            self._gathering = Gathering(session, take_in=self._take_in, broke=self._broke)
            self._traffic.publish = self._gathering.publish
        self.broken_off: list[Outbound] = []
        """What was being sent when the workers were stopped."""
        self._told = self._services.monotonic()

    async def all(self) -> Exception | None:
        """Send until nothing is left or nothing new is to be begun. Returns what stands in the way of the rest."""
        traffic = self._traffic
        workers = {asyncio.create_task(self._worker()) for _ in range(self._workers)}
        stopping = asyncio.create_task(self._wake_on_stop())
        try:
            while workers and not traffic.stop.is_set():
                _, workers = await asyncio.wait({*workers, stopping}, return_when=asyncio.FIRST_COMPLETED)
                workers.discard(stopping)
            if workers:
                await asyncio.wait(workers, timeout=ANSWER_SECONDS)
        finally:  # what is broken off here stays *sent* in the journal: in doubt, or harmless to send again
            for task in (*workers, stopping):
                task.cancel()
            await asyncio.gather(*workers, stopping, return_exceptions=True)
        if traffic.answered and not traffic.ending:
            self._decide_set_aside(traffic.take_set_aside())
        return traffic.fatal or self._books.error or (traffic.outage if traffic.set_aside else None)

    async def _worker(self) -> None:
        traffic = self._traffic
        try:
            while not traffic.ending and self._books.error is None:
                async with self._taking:
                    batch = None if traffic.ending else await self._plan.next()
                    if batch is None:
                        break
                    traffic.begins(batch.keys)
                if self._gathering is not None:
                    await self._gather(self._gathering, batch)
                    continue
                try:
                    await self._deliver(batch)
                except asyncio.CancelledError:
                    self.broken_off += batch.outbounds
                    raise
                finally:
                    traffic.ends(batch.keys)
            if self._gathering is not None:
                await self._gathering.end(publish=not traffic.ending and self._books.error is None)
        except asyncio.CancelledError:
            if self._gathering is not None:
                self.broken_off += self._gathering.outbounds
            raise
        except Exception as error:  # kept and raised by push once the batches in flight have ended
            traffic.fatal = traffic.fatal or error
        finally:
            traffic.wake()

    async def _wake_on_stop(self) -> None:
        await self._traffic.stop.wait()
        self._traffic.wake()

    async def _deliver(self, batch: Batch) -> None:
        if batch.unanswered and self._verdicts.policy == "hold":
            self._conclude(batch, [Result("in_doubt", reason=STOPPED)] * len(batch.outbounds))
        elif (batch.unanswered or batch.unanswered_earlier) and self._verdicts.policy == "verify":
            await self._verify(batch)
        else:
            await self._send(batch)

    async def _send(self, batch: Batch) -> None:
        await self._journal.sent(batch.ordinals)
        try:
            results = await self._outgoing.send(batch.outbounds)
        except (OutageError, SetupError) as error:
            await self._broke(batch, error)
        else:
            if len(results) != len(batch.outbounds):
                raise RuntimeError(
                    f"{type(self._outgoing).__name__}.send gave "
                    f"{counted(len(results), 'result')} for {counted(len(batch.outbounds), 'entity')}"
                )
            await self._take_in(batch, results)
            self._exchanges.of(batch.places, batch.outbounds, results)

    async def _gather(self, gathering: Gathering, batch: Batch) -> None:
        """The same where the kind puts many batches into one thing: this one has its fate when that is published."""
        if batch.unanswered and self._verdicts.policy == "hold":
            self._conclude(batch, [Result("in_doubt", reason=STOPPED)] * len(batch.outbounds))
            self._traffic.ends(batch.keys)
            return
        await self._journal.sent(batch.ordinals)
        try:
            await gathering.take(batch)
        except (OutageError, SetupError) as error:
            await self._broke(batch, error)
            self._traffic.ends(batch.keys)

    async def _broke(self, batch: Batch, error: OutageError | SetupError) -> None:
        """Sending a batch met an outage, or credentials were refused: what is known of it then."""
        repeatable = self._outgoing.repeatable and len(batch.outbounds) > 1
        if isinstance(error, OutageError) and repeatable and leaves_unanswered(error):
            batch.went_unanswered(self._run_id)  # and stays unanswered in the journal: it goes again as it is
        else:
            await self._journal.back(batch.ordinals)
        self._met(batch, error)

    async def _verify(self, batch: Batch) -> None:
        """Ask the target whether it has them, one by one; what it has not is sent. Where it does not answer, they are
        as unanswered as before, in the journal as well."""
        verify = self._outgoing.verify  # type: ignore[attr-defined]  # optional in the protocol; the route was checked
        for place, (ordinal, outbound) in enumerate(zip(batch.ordinals, batch.outbounds, strict=True)):
            one = Batch(batch.chunk, [ordinal], [outbound])
            try:
                found: Result | None = await verify(outbound)
            except (OutageError, SetupError) as error:
                self._met(Batch(batch.chunk, batch.ordinals[place:], batch.outbounds[place:]), error)
                return
            if found is None:
                await self._send(one)
            else:
                await self._take_in(one, [found])
                self._exchanges.of([outbound.at], [outbound], [found])

    def _met(self, batch: Batch, error: OutageError | SetupError) -> None:
        """These had no answer: what becomes of them is decided by how others fare."""
        if isinstance(error, OutageError):
            self._traffic.met_outage(error, self._entities(batch))
        else:
            self._traffic.set_aside.extend((*entity, None) for entity in self._entities(batch))
            self._traffic.fatal = self._traffic.fatal or error
        self._exchanges.note(batch.places, batch.outbounds, error.exchange)

    async def _take_in(self, batch: Batch, results: Sequence[Result]) -> None:
        """Stretches that were not sent after all go back; what became of the others is written down."""
        waiting = [position for position, result in enumerate(results) if result.status == "pending"]
        if not waiting:
            self._conclude(batch, results)
        else:
            await self._journal.back([batch.ordinals[position] for position in waiting])
            decided = [position for position, result in enumerate(results) if result.status != "pending"]
            if decided:
                part = Batch(batch.chunk, [batch.ordinals[p] for p in decided], [batch.outbounds[p] for p in decided])
                self._conclude(part, [results[p] for p in decided])
            first = results[waiting[0]]
            for position in waiting:
                if results[position].cause == "setup":  # what was taken is written down; nothing more is begun
                    reason = self._verdicts.told(batch.outbounds[position], results[position])
                    self._traffic.fatal = self._traffic.fatal or SetupError(reason or "the credentials are refused")
                    break
            reason = self._verdicts.told(batch.outbounds[waiting[0]], first) or "the target is away"
            error = OutageError(reason, retry_after=first.retry_after, status=first.http_status)
            self._traffic.met_outage(error, [(batch.chunk, batch.ordinals[p], batch.outbounds[p]) for p in waiting])
        if not self._journal.local:
            await self._journal.durable()
        self._tell_progress()
        if self._services.progress:
            self._services.progress("push", dict(self._journal.counts))

    def _tell_progress(self) -> None:
        if (now := self._services.monotonic()) - self._told >= TOLD_SECONDS:
            self._told = now
            told = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in self._journal.counts.items())
            self._services.log.info("push: %s, %d to go", told or "nothing decided", self._journal.pending)

    def _conclude(self, batch: Batch, results: Sequence[Result]) -> None:
        if results[0].status == "in_doubt":
            batch.went_unanswered(self._run_id)
        if self._services.watch is not None:
            sent = [o for o, result in zip(batch.outbounds, results, strict=True) if result.status == "delivered"]
            self._services.watch.delivered(self._ages.of(sent, self._services.now()))
        verdicts, known = self._verdicts, batch.chunk.known
        if all(result.status == "delivered" and result.reason is None for result in results):
            outcomes = verdicts.delivered(batch.outbounds, results)
        else:
            outcomes = [
                verdicts.after(outbound, result, known.get(outbound.key))
                for outbound, result in zip(batch.outbounds, results, strict=True)
            ]
        self._plan.conclude(batch.chunk, batch.ordinals, outcomes)
        self._note_problems(outcomes)
        self._decide_set_aside(self._traffic.target_answered())

    def _decide_set_aside(self, entries: Sequence[SetAside]) -> None:
        """The target worked for others while these met an outage: they are tried again by themselves."""
        for entry in entries:
            chunk, ordinal, outbound, _ = entry
            outcome = self._verdicts.set_aside(entry, self._traffic.held[outbound.key])
            self._plan.conclude(chunk, [ordinal], [outcome])
            self._note_problems([outcome])

    def _note_problems(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            if outcome.status in WRONG or outcome.status == "retrying":
                self._problems.add(outcome.key, f"{outcome.status.replace('_', ' ')}: {outcome.reason}")

    def _entities(self, batch: Batch) -> list[tuple[Chunk, int, Outbound]]:
        return [(batch.chunk, o, outbound) for o, outbound in zip(batch.ordinals, batch.outbounds, strict=True)]

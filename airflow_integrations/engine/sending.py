"""The workers of a push: ``delivery.concurrency`` of them take batches from the plan and hear what became of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from airflow_integrations.engine.ages import Ages
from airflow_integrations.engine.books import Books
from airflow_integrations.engine.chunks import Chunk
from airflow_integrations.engine.exchanges import Exchanges
from airflow_integrations.engine.grouped_log import GroupedProblems
from airflow_integrations.engine.journal import Journal
from airflow_integrations.engine.plan import Batch, Plan
from airflow_integrations.engine.traffic import Limbo, Traffic
from airflow_integrations.engine.verdicts import Verdicts
from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.ledger.records import Outcome
from airflow_integrations.ledger.status import WRONG
from airflow_integrations.outgoing import Outbound, Outgoing, Result
from airflow_integrations.run import Run, Services

__all__ = ["Sending"]

GRACE_SECONDS = 3.0
"""After a stop was asked for, batches under way get this long to hear their answer: Airflow kills after 5 s."""
UNHEARD = "it was being sent when an earlier attempt was stopped: the target may have it, and does not take it twice"


class Sending:
    """Sends everything that a plan gives, as long as the target takes it."""

    def __init__(
        self,
        run: Run,
        services: Services,
        journal: Journal,
        books: Books,
        outgoing: Outgoing,
        verdicts: Verdicts,
        plan: Plan,
        traffic: Traffic,
        ages: Ages,
        exchanges: Exchanges,
    ) -> None:
        self._run_id = books.run.id
        self._workers = run.route.delivery.concurrency
        self._services = services
        self._journal = journal
        self._books = books
        self._outgoing = outgoing
        self._verdicts = verdicts
        self._plan = plan
        self._traffic = traffic
        self._ages = ages
        self._exchanges = exchanges
        self._taking = asyncio.Lock()
        self.problems = GroupedProblems()

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
                await asyncio.wait(workers, timeout=GRACE_SECONDS)
        finally:  # what is broken off here stays *sent* in the journal: in doubt, or harmless to send again
            for task in (*workers, stopping):
                task.cancel()
            await asyncio.gather(*workers, stopping, return_exceptions=True)
        if traffic.answered and not traffic.ending:
            self._fare_badly(traffic.out_of_limbo())
        return traffic.fatal or self._books.error or (traffic.outage if traffic.limbo else None)

    async def _worker(self) -> None:
        traffic = self._traffic
        try:
            while not traffic.ending and self._books.error is None:
                async with self._taking:
                    batch = None if traffic.ending else await self._plan.next()
                    if batch is None:
                        return
                    traffic.begins(batch.keys)
                try:
                    await self._deliver(batch)
                finally:
                    traffic.ends(batch.keys)
        except Exception as error:  # kept and raised by push once the batches under way have ended
            traffic.fatal = traffic.fatal or error
        finally:
            traffic.wake()

    async def _wake_on_stop(self) -> None:
        await self._traffic.stop.wait()
        self._traffic.wake()

    async def _deliver(self, batch: Batch) -> None:
        if batch.unheard and self._verdicts.policy == "hold":
            self._conclude(batch, [Result("in_doubt", reason=UNHEARD)] * len(batch.outbounds))
            return
        try:
            if (batch.unheard or batch.doubtful) and self._verdicts.policy == "verify":
                results: Sequence[Result] = await self._verified(batch)
            else:
                await self._journal.sent(batch.ordinals)
                results = await self._outgoing.send(batch.outbounds)
        except OutageError as error:
            if self._outgoing.repeatable and len(batch.outbounds) > 1 and _may_have_taken_effect(error):
                batch.went_unheard(self._run_id)  # and stays under way in the journal: it goes again as it is
            else:
                await self._journal.back(batch.ordinals)
            self._traffic.met_outage(error, self._entities(batch))
            self._exchanges.note(batch.ordinals, batch.outbounds, error.exchange)
        except SetupError as error:
            await self._journal.back(batch.ordinals)
            self._traffic.limbo.extend((*entity, None) for entity in self._entities(batch))
            self._traffic.fatal = self._traffic.fatal or error
            self._exchanges.note(batch.ordinals, batch.outbounds, error.exchange)
        else:
            if len(results) != len(batch.outbounds):
                raise RuntimeError(
                    f"{type(self._outgoing).__name__}.send gave {len(results)} results "
                    f"for {len(batch.outbounds)} entities"
                )
            await self._take_in(batch, results)
            self._exchanges.of(batch.ordinals, batch.outbounds, results)

    async def _verified(self, batch: Batch) -> list[Result]:
        """Ask the target first whether it has them; what it has not is sent, one by one."""
        results = []
        verify = self._outgoing.verify  # type: ignore[attr-defined]  # optional in the protocol; the route was checked
        for ordinal, outbound in zip(batch.ordinals, batch.outbounds, strict=True):
            found: Result | None = await verify(outbound)
            if found is None:
                await self._journal.sent([ordinal])
                (found,) = await self._outgoing.send([outbound])
            results.append(found)
        return results

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
            reason = self._verdicts.told(batch.outbounds[waiting[0]], first) or "the target is away"
            error = OutageError(reason, retry_after=first.retry_after, status=first.http_status)
            self._traffic.met_outage(error, [(batch.chunk, batch.ordinals[p], batch.outbounds[p]) for p in waiting])
        if not self._journal.local:
            await self._journal.durable()
        if self._services.progress:
            self._services.progress("push", dict(self._journal.counts))

    def _conclude(self, batch: Batch, results: Sequence[Result]) -> None:
        if results[0].status == "in_doubt":
            batch.went_unheard(self._run_id)
        if self._services.watch is not None:
            sent = [o for o, result in zip(batch.outbounds, results, strict=True) if result.status == "delivered"]
            self._services.watch.delivered(self._ages.of(sent, self._services.now()))
        verdicts, known = self._verdicts, batch.chunk.known
        if all(result.status == "delivered" and result.reason is None for result in results):
            outcomes = verdicts.delivered(batch.ordinals, batch.outbounds, results)
        else:
            outcomes = [
                verdicts.after(ordinal, outbound, result, known.get(outbound.key))
                for ordinal, outbound, result in zip(batch.ordinals, batch.outbounds, results, strict=True)
            ]
        self._plan.conclude(batch.chunk, batch.ordinals, outcomes)
        self._note_problems(outcomes)
        self._fare_badly(self._traffic.heard())

    def _fare_badly(self, limbo: Sequence[Limbo]) -> None:
        """The target worked for others while these met an outage: they are tried again by themselves."""
        for entry in limbo:
            chunk, ordinal, outbound, _ = entry
            outcome = self._verdicts.limbo(entry, self._traffic.held[outbound.key])
            self._plan.conclude(chunk, [ordinal], [outcome])
            self._note_problems([outcome])

    def _note_problems(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            if outcome.status in WRONG or outcome.status == "retrying":
                self.problems.add(outcome.key, f"{outcome.status.replace('_', ' ')}: {outcome.reason}")

    def _entities(self, batch: Batch) -> list[tuple[Chunk, int, Outbound]]:
        return [(batch.chunk, o, outbound) for o, outbound in zip(batch.ordinals, batch.outbounds, strict=True)]


def _may_have_taken_effect(error: OutageError) -> bool:
    """No answer says nothing, and a server's error may come after its work was done."""
    return error.status is None or error.status >= 500

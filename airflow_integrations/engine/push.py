"""push: staged entities go to the target, batch by batch, and the journal keeps what became of each.

The order of things for a batch is reserve, send, confirm. Batches are consecutive entities; one whose key is still
under way makes the ones behind it wait, so the states of one key never overtake each other.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from itertools import groupby

from airflow_integrations.engine.collector import fewer_collections
from airflow_integrations.engine.grouped_log import GroupedProblems
from airflow_integrations.engine.records import read_outbound
from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.ledger import Journal
from airflow_integrations.outgoing import Outbound, Outgoing, Result
from airflow_integrations.route_hash import route_hash
from airflow_integrations.run import Run, Services
from airflow_integrations.staging import Manifest, Staging

__all__ = ["push"]

OUTAGES_BEFORE_STOP = 3
"""So many batches in a row that met an outage, none delivered in between: the target is away, sending stops."""
BATCH_BYTES = 16 * 1024 * 1024
"""A batch is closed early at this size, whatever its count: bounds memory and the request's body."""
IN_DOUBT = "it was being sent when an earlier attempt was stopped: the target may have it, and does not take it twice"
GRACE_SECONDS = 3.0
"""After a stop was asked for, batches under way get this long to hear their answer: Airflow kills after 5 s."""


async def push(run: Run, services: Services, staging: Staging, stop: asyncio.Event | None = None) -> Manifest:
    """Send what is not yet sent of the run's entities and return the finished manifest.

    Delivers whatever it can: a batch that meets an outage is set aside and the others go on, until several in a row
    meet one. Then, or at the end, OutageError is raised and a later attempt sends the rest. SetupError (credentials)
    stops at once. ``stop`` ends it early: batches under way are waited for, nothing new is begun.
    """
    digest = route_hash(run.route)
    ready = staging.completed("transform", route_hash=digest)
    stage = _Push(run, services, staging, ready, stop or asyncio.Event())
    with fewer_collections():
        error: Exception | None = await stage.work()
    if stage.journal.pending and error is None and stage.stop.is_set():
        error = OutageError(
            f"push was asked to stop; {stage.journal.pending} of {ready.entities} entities are not sent yet"
        )
    counts = {name: stage.journal.counts[name] for name in ("delivered", "failed", "in_doubt", "skipped")}
    manifest = Manifest(
        route=run.route.route,
        run_id=run.run_id,
        stage="push",
        route_hash=digest,
        window=ready.window,
        complete=error is None,
        entities=ready.entities,
        counts={**counts, "pending": stage.journal.pending},
        saved_at=services.now(),
        seconds=stage.seconds,
    )
    staging.save(manifest)
    stage.log(manifest)
    if error is not None:
        raise error
    return manifest


class _Push:
    def __init__(self, run: Run, services: Services, staging: Staging, ready: Manifest, stop: asyncio.Event) -> None:
        self.run = run
        self.services = services
        self.staging = staging
        self.ready = ready
        self.stop = stop
        self.journal = Journal.open(staging, ready.entities)
        stage = run.route.outgoing
        self.outgoing: Outgoing = stage.component()(stage.config, run.route)
        self.problems = GroupedProblems()
        self.keys_under_way: set[str] = set()
        self.held_keys: set[str] = set()
        """Keys that met an outage: a later state of them must not go out before this one has."""
        self.source: Iterator[tuple[int, list[Outbound], bool]] = iter(())
        self.head: tuple[int, list[Outbound], bool] | None = None
        """The batch that is next: taken from the source, and waiting where one of its keys is under way."""
        self.outage: OutageError | None = None
        self.fatal: Exception | None = None
        self.outages_in_a_row = 0
        self.changed = asyncio.Event()
        self.seconds = 0.0

    async def work(self) -> Exception | None:
        """Send everything that can be sent. Returns what stands in the way of the rest, if anything does."""
        started = time.monotonic()
        try:
            if self.run.dry_run:
                await self._skip_all()
                return None
            await self.outgoing.open(self.run, self.services)
            try:
                await self._send_all()
            finally:
                await self.outgoing.close()
        finally:
            self.journal.close()
            self.seconds = time.monotonic() - started
        return self.fatal or self.outage

    async def _skip_all(self) -> None:
        result = Result("skipped", reason="dry run")
        for first, batch, _ in self._batches(1000):
            await self.journal.done(first, [o.key for o in batch], [result] * len(batch))

    async def _send_all(self) -> None:
        """``concurrency`` workers take batches from one source until it is empty or nothing new is to be begun."""
        self.source = self._batches(self.run.route.delivery.batch)
        workers = {asyncio.create_task(self._worker()) for _ in range(self.run.route.delivery.concurrency)}
        stopping = asyncio.create_task(self._wake_on_stop())
        try:
            while workers and not self.stop.is_set():
                _, workers = await asyncio.wait({*workers, stopping}, return_when=asyncio.FIRST_COMPLETED)
                workers.discard(stopping)
            if workers:
                await asyncio.wait(workers, timeout=GRACE_SECONDS)
        finally:  # what is broken off here stays *sent* in the journal: in doubt, or harmless to send again
            for task in (*workers, stopping):
                task.cancel()
            await asyncio.gather(*workers, stopping, return_exceptions=True)

    async def _worker(self) -> None:
        try:
            while not self.ending:
                self.head = self.head or next(self.source, None)
                if self.head is None:
                    return
                first, batch, doubtful = self.head
                if not self.keys_under_way.isdisjoint([outbound.key for outbound in batch]):
                    self.changed.clear()
                    self.journal.flush()
                    await self.changed.wait()
                    continue
                self.head = None
                if doubtful:
                    await self._conclude(first, batch, [Result("in_doubt", reason=IN_DOUBT)] * len(batch))
                    continue
                stretches = self._without_held(first, batch)
                self.keys_under_way.update(outbound.key for _, stretch in stretches for outbound in stretch)
                for start, stretch in stretches:
                    await self._deliver(start, stretch)
        except Exception as error:  # kept and raised by push once the batches under way have ended
            self.fatal = self.fatal or error
        finally:
            self.journal.flush()
            self.changed.set()

    def _without_held(self, first: int, batch: list[Outbound]) -> list[tuple[int, list[Outbound]]]:
        """The batch as it is, or what is left of it between entities whose key met an outage before."""
        held = self.held_keys
        if not held or held.isdisjoint(outbound.key for outbound in batch):
            return [(first, batch)]
        runs = groupby(enumerate(batch, first), key=lambda item: item[1].key in held)
        stretches = [list(run) for is_held, run in runs if not is_held]
        return [(stretch[0][0], [outbound for _, outbound in stretch]) for stretch in stretches]

    @property
    def ending(self) -> bool:
        """Nothing new is begun: a stop was asked for, something is wrong for good, or the target is away."""
        return self.stop.is_set() or self.fatal is not None or self.outages_in_a_row >= OUTAGES_BEFORE_STOP

    async def _wake_on_stop(self) -> None:
        await self.stop.wait()
        self.changed.set()

    def _batches(self, size: int) -> Iterator[tuple[int, list[Outbound], bool]]:
        """Consecutive entities whose fate is open, no key twice: ``(ordinal of the first, entities, doubtful)``.

        Doubtful ones were under way when an earlier attempt was killed, and the target does not take them twice.
        """
        journal, repeatable = self.journal, self.run.dry_run or self.outgoing.repeatable
        batch: list[Outbound] = []
        keys: set[str] = set()
        first = size_bytes = 0
        doubtful = False
        for ordinal, outbound in enumerate(
            read_outbound(self.staging.blocks(self.ready.segments), self.run.route.route)
        ):
            concluded = journal.concluded(ordinal)
            in_doubt = not repeatable and journal.in_flight(ordinal)
            if batch and (
                concluded
                or in_doubt != doubtful
                or len(batch) >= size
                or outbound.key in keys
                or size_bytes + len(outbound.encoded) > BATCH_BYTES
            ):
                yield first, batch, doubtful
                batch, keys, size_bytes = [], set(), 0
            if concluded:
                continue
            if not batch:
                first, doubtful = ordinal, in_doubt
            batch.append(outbound)
            keys.add(outbound.key)
            size_bytes += len(outbound.encoded)
        if batch:
            yield first, batch, doubtful

    async def _deliver(self, first: int, batch: list[Outbound]) -> None:
        try:
            if self.ending:
                return
            await self.journal.sent(first, len(batch))
            try:
                results = await self.outgoing.send(batch)
            except OutageError as error:
                await self.journal.back(first, len(batch))
                self._met_outage(error, batch)
            except SetupError as error:
                await self.journal.back(first, len(batch))
                self.fatal = self.fatal or error
            else:
                await self._conclude(first, batch, results)
        finally:
            self.keys_under_way.difference_update([outbound.key for outbound in batch])
            self.changed.set()

    async def _conclude(self, first: int, batch: list[Outbound], results: list[Result]) -> None:
        """Write down what became of a batch; stretches that were not sent after all go back."""
        if len(results) != len(batch):
            raise RuntimeError(
                f"{type(self.outgoing).__name__}.send gave {len(results)} results for {len(batch)} entities"
            )
        statuses = {result.status for result in results}
        if "pending" not in statuses:
            await self.journal.done(first, [outbound.key for outbound in batch], results)
            self.outages_in_a_row = 0
        else:
            await self._conclude_in_part(first, batch, results)
        if not statuses.isdisjoint(("failed", "in_doubt")):
            for outbound, result in zip(batch, results, strict=True):
                if result.status in ("failed", "in_doubt"):
                    self.problems.add(outbound.key, f"{result.status.replace('_', ' ')}: {result.reason}")
        if self.services.progress:
            self.services.progress("push", dict(self.journal.counts))

    async def _conclude_in_part(self, first: int, batch: list[Outbound], results: list[Result]) -> None:
        for waiting, run in groupby(range(len(batch)), key=lambda position: results[position].status == "pending"):
            start, *_ = stretch = list(run)
            part = slice(start, start + len(stretch))
            if waiting:
                await self.journal.back(first + start, len(stretch))
                self._met_outage(OutageError(results[start].reason or "the target is away"), batch[part])
            else:
                await self.journal.done(first + start, [outbound.key for outbound in batch[part]], results[part])
                self.outages_in_a_row = 0

    def _met_outage(self, error: OutageError, batch: list[Outbound]) -> None:
        self.held_keys.update(outbound.key for outbound in batch)
        self.outage = error
        self.outages_in_a_row += 1

    def log(self, manifest: Manifest) -> None:
        told = ", ".join(f"{count} {name}" for name, count in manifest.counts.items() if count) or "nothing to send"
        self.services.log.info("pushed: %s in %.1f s", told.replace("_", " "), self.seconds)
        self.problems.log(self.services.log, "push")

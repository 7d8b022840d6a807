"""A run that is open for a while: what comes in goes out within milliseconds, and its books are closed at the end.

It leaves behind what any run does, in one manifest, fetch's: the lines that transform made are there as those that were
taken over from earlier runs are, for they, too, need no further transform. So whoever has to do with the run later (the
recovery where it died, a retry that wants a payload, the books) needs to know nothing of it.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from airflow_integrations.engine.ages import Ages
from airflow_integrations.engine.arrivals import Arrival, arrival_of
from airflow_integrations.engine.books import LEASE_SECONDS, Books
from airflow_integrations.engine.chain import Chain
from airflow_integrations.engine.circuit import close_circuit, open_circuit
from airflow_integrations.engine.exchanges import Exchanges
from airflow_integrations.engine.hiding import Hiding
from airflow_integrations.engine.journal import Journal
from airflow_integrations.engine.keys import KeyReader
from airflow_integrations.engine.leftovers import close_rest
from airflow_integrations.engine.live_feed import Feed, LiveChunks
from airflow_integrations.engine.plan import Plan
from airflow_integrations.engine.records import Problem, encode_problem, read_entities, read_outbound
from airflow_integrations.engine.rejections import note_rejections, rejection
from airflow_integrations.engine.sending import Sending
from airflow_integrations.engine.settle import Balance, settle
from airflow_integrations.engine.taking_over import TakingOver
from airflow_integrations.engine.traffic import Traffic
from airflow_integrations.engine.verdicts import Verdicts
from airflow_integrations.entity import Entity
from airflow_integrations.errors import EntityError, OutageError
from airflow_integrations.formats import ContentError
from airflow_integrations.formats.json import read
from airflow_integrations.ledger.records import Outcome, RunRef
from airflow_integrations.route_hash import route_hash
from airflow_integrations.route_text import definition_yaml
from airflow_integrations.run import Run, Services
from airflow_integrations.staging import Manifest, SegmentWriter, Staging
from airflow_integrations.transform import TransformerBase

if TYPE_CHECKING:
    from airflow_integrations.outgoing import Outgoing

__all__ = ["LiveRun"]

TAKEN_EVENTS = 500
"""Events that are taken at a time."""
TAKEN_BYTES = 8 * 1024 * 1024
DRAIN_SECONDS = 3.0
"""What is under way gets so long to hear its answer where the run has to close in a hurry."""


class LiveRun:
    """Make one with :meth:`begin`, and :meth:`close` it whatever happened."""

    def __init__(self, run: Run, ref: RunRef, services: Services, staging: Staging) -> None:
        self.run = run
        self.ref = ref
        self._services = services
        self._ledger = services.ledger
        self._staging = staging
        self._hiding = Hiding(run.route)
        self._keys = KeyReader(run.route.entity, services.base_names(run))
        self._manifest = Manifest(
            route=run.route.route,
            run_id=run.run_id,
            stage="fetch",
            route_hash=route_hash(run.route),
            window=run.window.dump(),
            complete=True,
            taken=True,
            version=f"{services.now() * 1e6:.0f}",
        )
        self._staged_events: list[int] = []
        self._manifest.staged_events = self._staged_events
        self._fetched = self._rejected = self._superseded = 0
        self._decided: list[Outcome] = []
        self._noting: asyncio.Task[None] | None = None
        self._feed = Feed()
        self._stop = asyncio.Event()
        self._traffic = Traffic(self._stop)
        self._stack = AsyncExitStack()
        stage = run.route.outgoing
        self._outgoing: Outgoing = stage.component()(stage.config, run.route)
        self._verdicts = Verdicts(run.route, self._outgoing, services)

    @classmethod
    async def begin(cls, run: Run, services: Services, staging: Staging) -> LiveRun:
        """Open the books, take over what is due, and be ready to send. Raises OutageError where the ledger is away."""
        ledger, now, hash_ = services.ledger, services.now(), route_hash(run.route)
        ref = await asyncio.to_thread(
            ledger.begin_run,
            run.route.route,
            run.run_id,
            kind="live",
            window=run.window,
            route_hash=hash_,
            staging=str(staging.folder),
            now=now,
        )
        await asyncio.to_thread(ledger.remember_definition, ref, hash_, lambda: definition_yaml(run.route), now)
        made = cls(run, ref, services, staging)
        try:
            await made._open()
        except BaseException:
            await made._stack.aclose()
            raise
        return made

    async def _open(self) -> None:
        run, services, staging, manifest = self.run, self._services, self._staging, self._manifest
        self._state = await asyncio.to_thread(self._ledger.route_state, run.route.route)
        taking = TakingOver(run, self.ref, services, staging, manifest.attempt)
        taken = await taking.work(again=False)
        manifest.carried, manifest.problems = taken.carried, taken.problems
        self._taken = {"carried_in": taken.count, "failed": taken.failed}
        self._rejected = taken.rejected
        self._lines = SegmentWriter(staging, "carried-live", manifest.carried)
        self._problems = SegmentWriter(staging, "problems-fetch-live", manifest.problems)
        self._told = sum(segment.entities for segment in manifest.problems)
        self._stack.push_async_callback(self._close_chain)
        await self._open_chain()
        self._save()
        await taking.conclude()
        await note_rejections(self.ref, services, staging, manifest)
        self._journal = Journal.open(staging, 0)
        self._stack.callback(self._journal.close)
        exchanges = Exchanges(staging, run.route)
        self._stack.callback(exchanges.close)
        await self._outgoing.open(run, services)
        self._stack.push_async_callback(self._outgoing.close)
        self._books = await self._stack.enter_async_context(Books(self.ref, services, self._journal))
        given = (self.ref, services, self._journal, self._books, self._traffic)
        chunks = await self._stack.enter_async_context(LiveChunks(self._feed, *given))
        batch = run.route.delivery.batch
        self._plan = Plan(chunks, self._journal, self._books, self._verdicts, self._traffic, batch=batch)
        sending = Sending(
            run,
            services,
            self._journal,
            self._books,
            self._outgoing,
            self._verdicts,
            self._plan,
            self._traffic,
            Ages(run, manifest.version),
            exchanges,
        )
        self._sending = asyncio.create_task(sending.all())
        self._stack.push_async_callback(self._end_sending)
        for block in staging.blocks(taken.carried):
            self._hand_over(block)
        if taken.retried:
            for entities in read_entities(staging.blocks(taken.retried), self._chain.rejected):
                await self._through(entities)

    async def _open_chain(self) -> None:
        version = self._manifest.version
        self._chain = Chain(self.run.route, self._lines, self._problems, version, told=self._reject)
        self._holds_back = any(
            getattr(type(step), "flush", None) is not TransformerBase.flush for step in self._chain.steps
        )
        await self._chain.open(self.run, self._services)

    async def _close_chain(self) -> None:
        await self._chain.close()

    async def _end_sending(self) -> None:
        """Nothing is sent behind the end of the books."""
        if not self._sending.done():
            self._stop.set()
            await asyncio.gather(self._sending, return_exceptions=True)

    @property
    def ended(self) -> bool:
        """Nothing goes out any more: the target is away, or something is wrong for good."""
        return self._sending.done()

    @property
    def events(self) -> int:
        """How many it has taken."""
        return self._manifest.events

    @property
    def segments(self) -> int:
        """How many pieces the run has in staging: its manifest, which is written with each, grows with them."""
        return len(self._manifest.carried)

    async def take(self) -> int:
        """Take what waits, and have it sent; how many events. What comes of them is known to the ledger soon after."""
        now = self._services.now()
        taken = await asyncio.to_thread(
            self._ledger.inbox.grab,
            self.ref,
            limit=TAKEN_EVENTS,
            max_bytes=TAKEN_BYTES,
            lease_until=now + LEASE_SECONDS,
            now=now,
        )
        if not taken:
            return 0
        entities, wanted = self._entities([arrival_of(event) for event in taken])
        self._manifest.events += len(taken)
        self._staged_events += [event.number for event in taken]
        if wanted:
            await asyncio.to_thread(self._ledger.inbox.note_keys, wanted)
        await self._through(entities)
        return len(taken)

    def _entities(self, arrived: list[Arrival]) -> tuple[list[Entity], list[tuple[int, list[str]]]]:
        entities: list[Entity] = []
        wanted = []
        for arrival in arrived:
            first = len(entities)
            if arrival.refused is not None:
                self._turn_away(arrival.refused.reason, arrival.refused.record)
            for record in arrival.records:
                try:
                    value = read(bytes(record))
                    key, version = self._keys.read(value)
                except (EntityError, ContentError) as error:
                    self._turn_away(str(error), record)
                    continue
                self._fetched += 1
                entities.append(Entity(key, value, version=version or arrival.version))
            if arrival.wanted:
                wanted.append((arrival.number, [entity.key for entity in entities[first:]]))
        trigger = self.run.route.trigger
        if trigger is not None and trigger.latest:
            newest = {entity.key: entity for entity in entities}
            self._superseded += len(entities) - len(newest)
            entities = list(newest.values())
        return entities, wanted

    def _turn_away(self, reason: str, record: Any) -> None:
        """What has no key: it is in the run's books, and its payload in staging."""
        problem = Problem("", "fetch", "rejected", self._hiding.reason(reason, record), None, record)
        self._problems.add(encode_problem(problem))
        self._fetched += 1
        self._rejected += 1
        self._told += 1

    async def _through(self, entities: list[Entity]) -> None:
        await self._chain.through(entities)
        if self._holds_back:  # what was held back until the last batch has passed: here each is the last
            async for _ in self._chain.flush():
                pass
            earlier = self._chain
            await earlier.close()
            await self._open_chain()
            self._chain.add(earlier)
        content = self._lines.close_segment()
        self._problems.close_segment()
        self._save()
        self._hand_over(content)
        self._note_decided()

    def _reject(self, problem: Problem) -> None:
        """The ledger hears of what a transformer rejects, as of what is filtered."""
        if problem.key:
            self._decided.append(rejection(problem, "problems-fetch", self._told, self._manifest.version))
        self._told += 1

    def _note_decided(self) -> None:
        self._decided += self._chain.left
        self._chain.left = []
        if self._decided:
            decided, self._decided = self._decided, []
            self._noting = asyncio.create_task(self._note(decided, self._noting))
        self._books.hurry()

    async def _note(self, decided: list[Outcome], before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await before
        await asyncio.to_thread(self._ledger.conclude, self.ref, decided, now=self._services.now())

    def _hand_over(self, content: bytes) -> None:
        if content:
            outbounds = list(read_outbound(iter((content,)), self.run.route.route, self._manifest.version))
            self._journal.grow(len(outbounds))
            self._feed.extend(outbounds)

    def _save(self) -> None:
        manifest, chain = self._manifest, self._chain
        manifest.carried, manifest.problems = self._lines.segments, self._problems.segments
        manifest.passed = chain.passed
        manifest.counts = {
            **self._taken,
            **chain.counts,
            "fetched": self._fetched,
            "superseded": self._superseded,
            "rejected": self._rejected + chain.counts["rejected"],
        }
        manifest.saved_at = self._services.now()
        self._staging.save(manifest)

    async def close(self, hurry: asyncio.Event) -> Balance:
        """Send what it has taken, however long the target takes for it, and close the books. Once ``hurry`` is set,
        what is not sent a moment later is left to a later run. Raises what stood in the way for good, such as a
        SetupError, when the books are closed."""
        self._feed.close()
        try:
            error = await self._drained(hurry)
            if isinstance(error, OutageError) and self._books.error is None and not self._stop.is_set():
                until = await open_circuit(self.ref, self._state, self._traffic, error, self._services)
                self._traffic.outages_in_a_row = 0
                await close_rest(
                    self._plan,
                    self.ref,
                    self._traffic,
                    self._verdicts,
                    cause="outage",
                    reason=str(error),
                    not_before=until,
                )
                error = None
            else:
                await close_circuit(self.ref, self._state, self._traffic, self._services)
            if self._noting is not None:
                await self._noting
        finally:
            await self._stack.aclose()
        balance = await settle(self.run, self._services, self._staging)
        if error is not None and not isinstance(error, OutageError):
            raise error
        return balance

    async def _drained(self, hurry: asyncio.Event) -> Exception | None:
        hurrying = asyncio.create_task(hurry.wait())
        try:
            await asyncio.wait({self._sending, hurrying}, return_when=asyncio.FIRST_COMPLETED)
            if not self._sending.done():
                await asyncio.wait({self._sending}, timeout=DRAIN_SECONDS)
        finally:
            hurrying.cancel()
            await asyncio.gather(hurrying, return_exceptions=True)
        if not self._sending.done():
            self._stop.set()
        return await self._sending

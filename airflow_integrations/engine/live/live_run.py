"""A run that is open for a while: what comes in goes out within milliseconds, and its books are closed at the end.

It leaves behind what any run does, in one manifest, fetch's: the lines that transform made are there as those that were
taken over from earlier runs are, for they, too, need no further transform. So whoever has to do with the run later (the
recovery where it died, a retry that wants a payload, the books) needs to know nothing of it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

from airflow_integrations.engine.begun_definition import keep_definition
from airflow_integrations.engine.fetch.carry_over import CarriedOver, CarryOver
from airflow_integrations.engine.fetch.inbox_events import (
    Arrival,
    Newest,
    Received,
    arrival_of,
    keys_for_senders,
    received,
)
from airflow_integrations.engine.fetch.incomplete_records import Asked, ThinRecords, completer_of
from airflow_integrations.engine.fetch.keys import KeyReader
from airflow_integrations.engine.live.decided import Decided
from airflow_integrations.engine.live.draining import drained
from airflow_integrations.engine.live.feed import Feed, LiveChunks
from airflow_integrations.engine.live.put_off import put_off
from airflow_integrations.engine.live.saved_manifest import SavedManifest
from airflow_integrations.engine.outbound_lines import read_outbound
from airflow_integrations.engine.push.circuit_breaker import close_circuit, open_circuit_in_transform
from airflow_integrations.engine.push.journal.journal import Journal
from airflow_integrations.engine.push.session import PushSession
from airflow_integrations.engine.segment_lines import Problem, encode_deletion, encode_problem, read_entities
from airflow_integrations.engine.settle.balance import Balance
from airflow_integrations.engine.settle.rejections import note_rejections, rejection
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.chain import Chain
from airflow_integrations.engine.transform.contract_of_run import contract_of
from airflow_integrations.entity import Entity
from airflow_integrations.errors import EntityError, OutageError
from airflow_integrations.ledger.lease_times import PUSH_SECONDS
from airflow_integrations.ledger.records import RunRef
from airflow_integrations.ledger.runs.definitions import remember_definition
from airflow_integrations.ledger.runs.runs import begin_run
from airflow_integrations.masking.mask import Mask
from airflow_integrations.masking.reasons import Hiding
from airflow_integrations.route.dump import definition_yaml
from airflow_integrations.route.hash import data_hash, route_hash
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest
from airflow_integrations.staging.segment_writer import SegmentWriter
from airflow_integrations.transform import TransformerBase

__all__ = ["LiveRun"]

TAKEN_EVENTS = 500
"""Events that are taken at a time."""
TAKEN_BYTES = 8 * 1024 * 1024


class LiveRun:
    """Make one with :meth:`begin`, and :meth:`close` it whatever happened."""

    def __init__(self, run: Run, ref: RunRef, services: Services, staging: Staging) -> None:
        self.run = run
        self.ref = ref
        self._services = services
        self._ledger = services.ledger
        self._staging = staging
        self._hiding = Hiding(Mask(run.route.mask, entity=run.route.entity.name))
        self._keys = KeyReader(run.route.entity, services.base_names(run))
        self._manifest = Manifest(
            route=run.route.route,
            run_id=run.run_id,
            stage="fetch",
            route_hash=data_hash(run.route),
            window=run.window.dump(),
            complete=True,
            taken=True,
            version=f"{services.now() * 1e6:.0f}",
        )
        self._staged_events: list[int] = []
        self._manifest.staged_events = self._staged_events
        self._fetched = self._rejected = self._superseded = self._retrying = self._deletes = 0
        self._decided = Decided(ref, services)
        self._saved = SavedManifest(staging, self._manifest)
        self._takeovers = 0
        self._blocked: OutageError | None = None
        """A system that a transformer asks is away: nothing more goes through transform, and what is not staged yet
        waits. The manifest stays as it was saved last."""
        self._worked = False
        """Whether something has come through transform."""
        self._feed = Feed()
        self._stop = asyncio.Event()
        self._stack = AsyncExitStack()

    @classmethod
    async def begin(cls, run: Run, services: Services, staging: Staging) -> LiveRun:
        """Open the books, take over what is due, and be ready to send. Raises OutageError where the ledger is away."""
        ledger, now, hash_ = services.ledger, services.now(), route_hash(run.route)
        ref = await asyncio.to_thread(
            begin_run,
            ledger,
            run.route.route,
            run.run_id,
            kind="live",
            window=run.window,
            route_hash=hash_,
            staging=str(staging.folder),
            now=now,
        )
        await asyncio.to_thread(remember_definition, ledger, ref, hash_, lambda: definition_yaml(run.route), now)
        made = cls(run, ref, services, staging)
        try:
            await made._open()
        except BaseException:
            await made._stack.aclose()
            raise
        return made

    async def _open(self) -> None:
        run, services, staging, manifest = self.run, self._services, self._staging, self._manifest
        taking = CarryOver(run, self.ref, services, staging, manifest.attempt)
        taken = await taking.work(again=False)
        manifest.carried, manifest.problems = taken.carried, taken.problems
        self._taken = Counter(carried_in=taken.count - taken.records, failed=taken.failed)
        self._rejected, self._retrying = taken.rejected, taken.retrying
        completer = await completer_of(run, services, events=True)
        self._thin = None if completer is None else ThinRecords(completer, run, services, self._keys)
        self._lines = SegmentWriter(staging, "carried-live", manifest.carried)
        self._problems = SegmentWriter(staging, "problems-fetch-live", manifest.problems)
        self._told = sum(segment.entities for segment in manifest.problems)
        self._contract = await contract_of(run, services)
        self._stack.push_async_callback(self._close_chain)
        try:
            await self._open_chain()
        except OutageError as error:
            self._blocked = error
        self._save()
        await asyncio.to_thread(keep_definition, run, staging, services.log)  # for whoever closes its books if it dies
        await taking.conclude()
        await note_rejections(self.ref, services, staging, manifest)
        self._journal = Journal.open(staging, 0)
        self._stack.callback(self._journal.close)
        self._session = await self._stack.enter_async_context(
            PushSession(
                run,
                self.ref,
                services,
                journal=self._journal,
                chunks=lambda session: LiveChunks(session, self._feed),
                stop=self._stop,
            )
        )
        await self._session.open_target(staging, fetched=manifest.version)
        self._sending = asyncio.create_task(self._session.send())
        self._stack.push_async_callback(self._end_sending)
        await self._go_on_with(taken)

    async def _go_on_with(self, taken: CarriedOver) -> None:
        """What was taken over goes out, or through transform first. What has to go through it is in the books together
        with what became of it: until then it belongs to no run, should this one die."""
        staging, left_over = self._staging, taken.records
        for block in staging.blocks(taken.carried):
            self._hand_over(block)
        for entities in read_entities(staging.blocks(taken.retried), self._chain.rejected) if taken.retried else ():
            left_over -= len(entities)
            if self._blocked is None:
                self._taken["carried_in"] += len(entities)
                await self._through(entities, again=True)
            if self._blocked is not None:
                await asyncio.to_thread(put_off, self.ref, entities, self._blocked, self._services, staging)
        self._taken["carried_in"] += left_over  # what could not be read: it is rejected

    async def take_over(self) -> int:
        """Take over what has become due since the run began, as what another route has delivered something for does;
        how many entities."""
        self._takeovers += 1
        again = f"again-{self._takeovers}"
        taking = CarryOver(self.run, self.ref, self._services, self._staging, again, fresh=True)
        taken = await taking.work(again=False)
        if not taken.count:
            return 0
        self._problems.close_segment()
        before = len(self._problems.segments)
        self._lines.segments.extend(taken.carried)
        self._problems.segments.extend(taken.problems)
        self._told += sum(segment.entities for segment in taken.problems)
        self._taken.update(carried_in=taken.count - taken.records, failed=taken.failed)
        self._rejected += taken.rejected
        self._retrying += taken.retrying
        self._save()
        await taking.conclude()
        await note_rejections(self.ref, self._services, self._staging, self._manifest, behind=before)
        await self._go_on_with(taken)
        return taken.count

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
        """Nothing goes out any more: a system is away, or something is wrong for good."""
        return self._sending.done() or self._blocked is not None

    @property
    def events(self) -> int:
        """How many it has taken."""
        return self._manifest.events

    @property
    def segments(self) -> int:
        """How many pieces the run has in staging: its manifest, which is written with each, grows with them."""
        return len(self._manifest.carried)

    async def take(self) -> int:
        """Take what waits, and have it sent; how many events. What comes of them is known to the ledger soon after.

        Where a transformer meets an outage the run has :attr:`ended`, and what was taken waits again once it is closed.
        """
        now = self._services.now()
        most = {"limit": TAKEN_EVENTS, "max_bytes": TAKEN_BYTES}
        until = now + PUSH_SECONDS
        taken = await asyncio.to_thread(self._ledger.inbox.grab, self.ref, **most, lease_until=until, now=now)
        if not taken:
            return 0
        arrived = [arrival_of(event) for event in taken]
        if self._thin is not None:
            try:
                await self._take_thin(arrived, self._thin)
            except OutageError as error:
                self._blocked = error
            return len(taken)
        found = received(arrived, self._keys, self._reject_event, decoded=True)
        self._manifest.events += len(taken)
        self._staged_events += [event.number for event in taken]
        if wanted := keys_for_senders(arrived, found):
            await asyncio.to_thread(self._ledger.inbox.note_keys, wanted)
        await self._through(self._entities(found))
        return len(taken)

    async def _take_thin(self, arrived: list[Arrival], thin: ThinRecords) -> None:
        """Events that say little more than what they are about: that is asked for, once, after the last of them."""
        asked = Asked(thin.last(arrived))
        asked.add(arrived, thin)
        completed = await thin.complete(asked.items)
        # An outage has come before this: of what follows nothing was noted then.
        self._manifest.events += len(arrived)
        self._staged_events += [arrival.number for arrival in arrived]
        self._fetched += asked.superseded
        self._superseded += asked.superseded
        for raw, error in asked.refused:
            self._reject_event(raw, error)
        if wanted := asked.keys_of(completed):
            await asyncio.to_thread(self._ledger.inbox.note_keys, list(wanted.items()))
        entities = []
        for one in completed:
            if one.problem is not None:
                self._keep_problem(one.problem)
            elif one.deleted:
                self._deletes += 1
                self._lines.add(encode_deletion(one.key, one.version, one.target_id))
            elif not one.nothing:
                self._fetched += 1
                entities.append(Entity(one.key, one.record, version=one.version))
        await self._through(entities)

    def _keep_problem(self, problem: Problem) -> None:
        problem.reason = self._hiding.reason(problem.reason, problem.value)
        self._problems.add(encode_problem(problem))
        self._fetched += 1
        if problem.later is None:
            self._rejected += 1
        else:
            self._retrying += 1
        self._reject(problem)

    def _entities(self, found: list[Received]) -> list[Entity]:
        self._fetched += len(found)
        trigger = self.run.route.trigger
        if trigger is not None and trigger.latest:
            last = Newest()
            last.see(found)
            going = [one for one in found if last.has(one)]
            self._superseded += len(found) - len(going)
            found = going
        return [Entity(one.key, one.record, version=one.version) for one in found]

    def _reject_event(self, record: Any, error: EntityError) -> None:
        """What has no key: it is in the run's books, and its payload in staging."""
        reason = self._hiding.reason(error.reason, record)
        self._problems.add(encode_problem(Problem("", "fetch", "rejected", reason, error.field, record)))
        self._fetched += 1
        self._rejected += 1
        self._told += 1

    async def _through(self, entities: list[Entity], *, again: bool = False) -> None:
        try:
            await self._transform(entities, again)
        except OutageError as error:
            self._blocked = error
            return
        self._worked = self._chain.out > 0
        content = self._lines.close_segment()
        self._problems.close_segment()
        left, self._chain.left = self._chain.left, []
        self._saved.where_problems_lie(self._problems.segments)
        await self._decided.write(left)
        self._save()
        self._hand_over(content)
        self._session.books.hurry()

    async def _transform(self, entities: list[Entity], again: bool) -> None:
        if self._contract is not None:
            entities = self._contract.admit(entities, self._chain.rejected)
        await self._chain.through(entities, again=again)
        if self._holds_back:  # what was held back until the last batch has passed: here each is the last
            async for _ in self._chain.flush():
                pass
            earlier = self._chain
            await earlier.close()
            await self._open_chain()
            self._chain.add(earlier)

    def _reject(self, problem: Problem) -> None:
        """The ledger hears of what a transformer rejects, as of what is filtered."""
        if problem.key:
            self._decided.add(rejection(problem, "problems-fetch", self._told, self._manifest.version))
        self._told += 1

    def _hand_over(self, content: bytes) -> None:
        if content:
            first, version = self._journal.entities, self._manifest.version
            outbounds = list(read_outbound(iter((content,)), self.run.route.route, version, first=first))
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
            "retrying": self._retrying + chain.counts.get("retrying", 0),
            "deletes_emitted": self._deletes,
        }
        manifest.saved_at = self._services.now()
        self._saved.whole()

    async def close(self, hurry: asyncio.Event) -> Balance:
        """Send what it has taken, however long the target takes for it, and close the books. Once ``hurry`` is set,
        what is not sent a moment later is left to a later run. Raises what stood in the way for good, such as a
        SetupError, when the books are closed."""
        self._feed.close()
        try:
            error = await drained(self._sending, hurry, self._stop)
            if self._session.target_is_away(error):
                await self._session.leave_to_later_runs(error)
                error = None
            elif self._blocked is not None:
                state = self._session.state
                state = replace(state, outages=0) if self._worked else state
                await open_circuit_in_transform(self.ref, state, self._blocked, self._services)
            else:
                await close_circuit(self._session)
            if error is not None:
                await self._session.note_unanswered()
        finally:
            await self._stack.aclose()
        if self._contract is not None:
            await self._contract.end_live()
        balance = await settle(self.run, self._services, self._staging)
        if error is not None and not isinstance(error, OutageError):
            raise error
        return balance

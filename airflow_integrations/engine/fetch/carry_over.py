"""A run takes over what earlier runs left open: entities that are due again, or that were asked to be retried."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from airflow_integrations.engine.fetch.incomplete_records import Completed, Item, ThinRecords, completer_of
from airflow_integrations.engine.fetch.keys import KeyReader
from airflow_integrations.engine.fetch.staged_payloads import Payload, Wanted, read_payloads
from airflow_integrations.engine.segment_lines import (
    THIN,
    Problem,
    encode_carried,
    encode_deletion,
    encode_fetched,
    encode_problem,
)
from airflow_integrations.engine.settle.dead_consumers import recover_dead_consumer
from airflow_integrations.engine.settle.recovery import recover_others
from airflow_integrations.entity import compare
from airflow_integrations.errors import EntityError, OutageError
from airflow_integrations.formats.json import encode, read
from airflow_integrations.formats.unwritable_json import NOT_JSON, why_not_json
from airflow_integrations.ledger.lease_times import FETCH_SECONDS
from airflow_integrations.ledger.queries.payload_locations import places
from airflow_integrations.ledger.records import Due, Outcome, RetryWanted, RunRef
from airflow_integrations.ledger.runs.carry_over import take_due
from airflow_integrations.ledger.runs.fetch_queries import kept_in
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.ledger.status import Status
from airflow_integrations.masking.mask import Mask
from airflow_integrations.masking.reasons import Hiding
from airflow_integrations.plurals import counted, plural
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest, SegmentRef
from airflow_integrations.staging.segment_writer import SegmentWriter

__all__ = ["CarriedOver", "CarryOver", "takes_over"]

CHUNK = 10_000
"""Entities that are taken over at a time: bounds memory."""
EVENTS_TAKE = 1_000
"""Entities that a run for events takes over: after an outage of the target there may be many, and events wait behind
them. A run that fetches, or one that the maintenance starts for them, takes the others."""
GONE = "its payload is no longer staged: fetch the entity again, with a run whose keys name it"


def takes_over(run: Run) -> bool:
    """A run of a few entities, or one that sends nothing, leaves the others where they are."""
    return run.keys is None and run.entities is None and not run.dry_run and (run.retry is not None or not run.limit)


@dataclass(slots=True)
class CarriedOver:
    """What was taken over, staged."""

    carried: list[SegmentRef]
    """Entities as transform left them."""
    retried: list[SegmentRef]
    """Rejected ones: the records that the source gave."""
    problems: list[SegmentRef]
    count: int = 0
    """How many were taken over: carried, retried, rejected again or failed."""
    records: int = 0
    """How many are in ``retried``."""
    rejected: int = 0
    failed: int = 0
    """Their payload is gone."""
    retrying: int = 0
    """Their details could not be had, and are asked for again later."""


def _problems(attempt: int | str) -> str:
    return f"problems-fetch-{attempt}"


def _later(attempt: int | str) -> str:
    """Where those are that wait for their details."""
    return f"problems-later-{attempt}"


class CarryOver:
    """For one attempt of one run. The files of earlier attempts stay as they are: some payloads may lie there."""

    def __init__(
        self, run: Run, ref: RunRef, services: Services, staging: Staging, attempt: int | str, *, fresh: bool = False
    ) -> None:
        """``fresh``: only what is due and no run has taken, for a run that is at work already."""
        self._fresh = fresh
        self._run = run
        self._ref = ref
        self._services = services
        self._ledger = services.ledger
        self._staging = staging
        self._carried = SegmentWriter(staging, f"carried-{attempt}")
        self._retried = SegmentWriter(staging, f"retried-{attempt}")
        self._problems = SegmentWriter(staging, _problems(attempt))
        self._later = SegmentWriter(staging, _later(attempt))
        self._thin: list[tuple[Due, object]] = []
        """Records that only say which they are, of entities that were taken over."""
        self._hiding = Hiding(Mask(run.route.mask, entity=run.route.entity.name))
        self._keys = KeyReader(run.route.entity, services.base_names(run))
        # By its end the ledger tells this attempt's lease from that of an earlier one, which comes again.
        self._lease_until = services.now() + FETCH_SECONDS + services.rng.random()
        self._seen: set[str] = set()
        self._records: set[tuple[str, str | None]] = set()
        """Key and version of those that go through transform: parts of one state share a record."""
        self._taken = CarriedOver([], [], [])
        self._outcomes: list[Outcome] = []

    async def work(self, *, again: bool) -> CarriedOver:
        """Take over and stage everything. Raises OutageError where the ledger cannot be reached.

        ``again`` says that the run has worked before and starts over. Then what it left open is taken over as well,
        due or not: its files are about to go.
        """
        if again:
            kept = await asyncio.to_thread(kept_in, self._ledger, self._ref)
            for first in range(0, len(kept), CHUNK):
                await self._take(RetryWanted(keys=frozenset(kept[first : first + CHUNK])), CHUNK)
        if takes_over(self._run):
            if not self._fresh:
                await recover_others(self._run, self._ref, self._services, self._staging)
                await recover_dead_consumer(self._run, self._services, self._staging)
            limit = EVENTS_TAKE if self._run.events and self._run.limit is None else self._run.limit
            await self._take(self._run.retry, limit)
        for writer in (self._carried, self._retried, self._problems, self._later):
            writer.close_segment()
        taken = self._taken
        taken.carried, taken.retried = self._carried.segments, self._retried.segments
        taken.problems = self._problems.segments + self._later.segments
        self._tell()
        return taken

    @staticmethod
    def once_more(saved: Manifest) -> CarriedOver:
        """What an attempt that broke off in its fetch had taken over: it stands in its manifest, and stays."""
        ours = f"{_problems(saved.attempt)}-"
        problems = [segment for segment in saved.problems if segment.name.startswith(ours)]
        later = [segment for segment in saved.problems if segment.name.startswith(f"{_later(saved.attempt)}-")]
        failed = saved.counts["failed"]
        return CarriedOver(
            carried=saved.carried,
            retried=saved.retried,
            problems=problems + later,
            retrying=sum(segment.entities for segment in later),
            count=saved.counts["carried_in"],
            records=sum(segment.entities for segment in saved.retried),
            rejected=sum(segment.entities for segment in problems) - failed,
            failed=failed,
        )

    async def _take(self, wanted: RetryWanted | None, limit: int | None) -> None:
        left = limit
        while left is None or left > 0:
            most = CHUNK if left is None else min(CHUNK, left)
            dues = await asyncio.to_thread(
                take_due,
                self._ledger,
                self._ref,
                now=self._services.now(),
                lease_until=self._lease_until,
                limit=most,
                wanted=wanted,
                fresh=self._fresh,
            )
            fresh = [due for due in dues if due.key not in self._seen]
            if not fresh:
                return
            self._seen.update(due.key for due in fresh)
            await asyncio.to_thread(self._stage, fresh)
            if self._thin:
                await self._complete_thin()
            if left is not None:
                left -= len(fresh)

    async def conclude(self) -> None:
        """Tell the ledger the fate of those that end here. Call it when what was staged is in a manifest: until then
        they can be taken over once more."""
        if self._outcomes:
            await asyncio.to_thread(conclude, self._ledger, self._ref, self._outcomes, now=self._services.now())

    def _stage(self, dues: Sequence[Due]) -> None:
        missing = {due.key: self._as_edited(due) for due in dues}
        self._read([Wanted(due.key, due.payload) for due in dues if due.payload is not None], missing)
        if any(due.payload is not None for due in missing.values()):
            # A run that was cleared in this moment has put them elsewhere.
            there = places(self._ledger, self._ref.route, missing)
            now = [(key, place.ref) for key, place in there.items() if place.ref is not None]
            self._read([Wanted(key, ref) for key, ref in now if ref != missing[key].payload], missing)
        for due in missing.values():
            self._without_payload(due)

    def _as_edited(self, due: Due) -> Due:
        """Without a person's edit of the source's record where the source has given a newer state since: the edit would
        count as superseded by that state, which would wait for ever."""
        if due.overlay is None or due.version is None or due.payload is None or due.payload.stage == "push":
            return due
        try:
            _, version = self._keys.read(read(due.overlay.encode()))
        except EntityError:
            return due  # rejected for it
        if version is None or compare(version, due.version) != "older":
            return due
        self._services.log.warning(
            "%s %s: the payload that a person has edited is of version %s, and the source has given version %s since: "
            "that one is tried, and the edit is not used",
            self._run.route.entity.name,
            due.key,
            version,
            due.version,
        )
        return replace(due, overlay=None)

    def _read(self, wanted: Sequence[Wanted], missing: dict[str, Due]) -> None:
        for index, payload in read_payloads(self._staging, wanted):
            self._one(missing.pop(wanted[index].key), payload)

    def _without_payload(self, due: Due) -> None:
        if due.overlay is not None and due.payload is not None:  # what a person wrote stands for all of it
            line = encode((due.key, due.version, None)) if due.payload.stage == "push" else None
            self._one(due, Payload(line=line))
            return
        self._taken.count += 1
        self._taken.failed += 1
        self._problems.add(encode_problem(Problem(due.key, "fetch", "failed", GONE)))
        self._end(due, "failed", GONE, "payload_gone")

    def _one(self, due: Due, payload: Payload) -> None:
        overlay = None if due.overlay is None else read(due.overlay.encode())
        if payload.line is None:
            record = payload.record if due.overlay is None else overlay
            if payload.thin:
                self._thin.append((due, record))
            else:
                self._record(due, record)
            return
        edited = None if due.overlay is None else encode(overlay)
        self._carried.add(encode_carried(payload.line, due.version, edited, None if edited else due.batch))
        self._taken.count += 1
        if self._carried.full:
            self._carried.close_segment()

    async def _complete_thin(self) -> None:
        """Ask once more for the details of those of which they could not be had. Raises SetupError."""
        thin, self._thin = self._thin, []
        run, services = self._run, self._services
        completer = await completer_of(run, services, events=True) or await completer_of(run, services, events=False)
        if completer is None:  # the route has changed: what came is all there is
            for due, record in thin:
                self._record(due, record)
            return
        records = ThinRecords(completer, run, services, self._keys)
        asked: list[tuple[Due, Item]] = []
        for due, record in thin:
            try:
                asked.append((due, Item(*records.question(record))))
            except EntityError as error:
                self._reject(due, record, error.reason, THIN)
        items = [item for _, item in asked]
        try:
            completed = await records.again(items)
        except OutageError as error:
            completed = await records.put_off(items, str(error))
        for (due, _), one in zip(asked, completed, strict=True):
            self._completed(due, one)

    def _completed(self, due: Due, one: Completed) -> None:
        if one.problem is not None:
            problem = msgspec.structs.replace(one.problem, key=due.key)
            problem.reason = self._hiding.reason(problem.reason, problem.value)
            self._taken.count += 1
            if problem.later is None:
                self._taken.rejected += 1
                self._problems.add(encode_problem(problem))
            else:
                self._taken.retrying += 1
                self._later.add(encode_problem(problem))
        elif one.deleted:
            self._carried.add(encode_deletion(due.key, one.version, one.target_id))
            self._taken.count += 1
        elif one.nothing:
            self._end(due, "merged", "the source no longer has it")
        else:
            self._record(due, one.record, one.version)

    def _record(self, due: Due, record: object, newer: str | None = None) -> None:
        """A rejected entity begins again at the beginning: with the record that the source gave; or gives now, of the
        version ``newer``. One of several that were split from this record comes forth from it again, and keeps its
        attempts until then; where it does not, settle ends it (:func:`end_former`)."""
        try:
            key, version = self._keys.read(record)
            state = key, version or newer or due.version
            line = encode_fetched(*state, record)
        except EntityError as error:
            self._reject(due, record, error.reason, error.field)
            return
        except NOT_JSON as error:
            self._reject(due, record, why_not_json(error, record, "the entity"), None)
            return
        if state not in self._records:
            self._records.add(state)
            self._retried.add(line)
            self._taken.count += 1
            self._taken.records += 1
            if self._retried.full:
                self._retried.close_segment()

    def _reject(self, due: Due, record: object, reason: str, field: str | None) -> None:
        told = self._hiding.reason(reason, record)
        problem = Problem(due.key, "fetch", "rejected", told, field, record, version=due.version)
        self._problems.add(encode_problem(problem))
        self._taken.count += 1
        self._taken.rejected += 1

    def _end(self, due: Due, status: Status, reason: str, error_class: str | None = None) -> None:
        self._outcomes.append(
            Outcome(key=due.key, status=status, version=due.version, reason=reason, error_class=error_class)
        )

    def _tell(self) -> None:
        taken, log = self._taken, self._services.log
        if taken.count:
            log.info("took over %s that earlier runs left open", counted(taken.count, "entity"))
        if taken.failed:
            log.warning("%d of them %s failed: %s", taken.failed, plural(taken.failed, "has", "have"), GONE)

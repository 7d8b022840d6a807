"""fetch: what earlier runs left open, and pages from the source, become segments.

A page is staged, with everything before it, before the next one is staged; segments end where pages end, so the saved
place (``Manifest.resume``) always stands exactly behind the last entity that is on disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from airflow_integrations.engine.absorb import absorb
from airflow_integrations.engine.arrivals import Arrival, arrivals, take_events, takes_events
from airflow_integrations.engine.beginning import Begun, begin, cursor_options
from airflow_integrations.engine.collector import fewer_collections
from airflow_integrations.engine.cursor_watch import CursorWatch
from airflow_integrations.engine.grouped_log import GroupedProblems
from airflow_integrations.engine.hiding import Hiding
from airflow_integrations.engine.keys import KeyReader
from airflow_integrations.engine.records import NOT_JSON, Problem, encode_fetched, encode_problem, why_not_json
from airflow_integrations.engine.rejections import note_rejections
from airflow_integrations.engine.slices import sliced_pages
from airflow_integrations.engine.taking_over import LEASE_SECONDS, TakingOver
from airflow_integrations.engine.vanished import looks_for_vanished, stage_deletions
from airflow_integrations.engine.windows import moves_cursor
from airflow_integrations.errors import AnswerError, EntityError
from airflow_integrations.incoming import Incoming, Page
from airflow_integrations.route_hash import route_hash
from airflow_integrations.run import Run, Services
from airflow_integrations.staging import Manifest, SegmentWriter, Staging

__all__ = ["fetch"]

COMMIT_SECONDS = 5.0
"""A slow source's pages are committed at least this often, however small they are."""
RESUME_SECONDS = 3600.0
"""A saved place older than this is not trusted: the fetch starts over."""


async def fetch(run: Run, services: Services, staging: Staging) -> Manifest:
    """Fetch the run's entities into staging, with what earlier runs left open, and return the finished manifest.

    The window and the cursor are decided here, once for a run, and stand in the manifest. Goes on behind the last
    committed page where an earlier attempt of the same window, cursor and definition broke off within the last hour;
    otherwise it starts over and whatever the run had staged is forgotten, but for what it had taken over.
    Raises what :meth:`Incoming.pages` raises; what was committed until then stays for the next attempt. Raises
    AnswerError where too much of the source's entities vanished, OutageError where the ledger is away.
    """
    begun = await begin(run, services, staging)
    saved = staging.manifest("fetch")
    if saved and _can_resume(saved, begun.run, services.now()):
        services.log.info(
            "fetch goes on behind the %d entities that an earlier attempt committed", saved.counts.get("fetched", 0)
        )
        place = saved.resume
        try:
            return await _Fetch(begun, services, staging, saved).work()
        except AnswerError as error:
            saved = staging.manifest("fetch")
            if saved is None or saved.resume != place:
                raise  # it did go on from the saved place and met something else
            services.log.warning("the source does not go on from the saved place (%s); fetch starts over", error)
    return await _Fetch(begun, services, staging, await _fresh(begun, services, staging, saved)).work()


def _can_resume(saved: Manifest, run: Run, now: float) -> bool:
    return (
        not saved.complete
        and saved.resume is not None
        and saved.route_hash == route_hash(run.route)
        and tuple(saved.window) == run.window.dump()
        and saved.since == run.cursor
        and 0 <= now - saved.saved_at < RESUME_SECONDS
        and run.entities is None
    )


async def _fresh(begun: Begun, services: Services, staging: Staging, saved: Manifest | None) -> Manifest:
    """The manifest of a fetch that begins, with what it has taken over from earlier runs.

    It is saved before the files of earlier attempts are removed: some of them hold payloads that were taken over.
    """
    run, ref = begun.run, begun.ref
    if saved is not None:
        await absorb(run, ref, services, staging)
    fresh = Manifest(
        route=run.route.route,
        run_id=run.run_id,
        stage="fetch",
        route_hash=route_hash(run.route),
        window=run.window.dump(),
        version=f"{services.now() * 1e6:.0f}",
        since=run.cursor,
        attempt=0 if saved is None else saved.attempt + (saved.complete or not saved.taken),
    )
    taking = TakingOver(run, ref, services, staging, fresh.attempt)
    if saved is not None and saved.taken and not saved.complete:
        taken = taking.once_more(saved)
    else:
        taken = await taking.work(again=saved is not None)
    fresh.carried, fresh.retried, fresh.problems = taken.carried, taken.retried, taken.problems
    fresh.segments, fresh.entities, fresh.taken = list(taken.retried), taken.records, True
    fresh.counts = {"fetched": 0, "rejected": taken.rejected, "carried_in": taken.count, "failed": taken.failed}
    staging.save(fresh)
    kept = {segment.name for segment in (*fresh.carried, *fresh.retried, *fresh.problems)}
    staging.clear("fetch", "transform", "push", keep={*kept, "fetch.json"})
    if saved is not None:
        await asyncio.to_thread(services.ledger.restart_push, ref)
    await taking.conclude()
    return fresh


class _Fetch:
    def __init__(self, begun: Begun, services: Services, staging: Staging, manifest: Manifest) -> None:
        self.run = run = begun.run
        self.ref = begun.ref
        self.services = services
        self.staging = staging
        self.manifest = manifest
        self.writer = SegmentWriter(staging, "fetch", manifest.segments)
        self.problem_writer = SegmentWriter(staging, "problems-fetch", manifest.problems)
        self.problems = GroupedProblems()
        self.name = run.route.entity.name
        self.keys = KeyReader(run.route.entity, services.base_names(run))
        self.fetched = manifest.counts.get("fetched", 0)
        self.rejected = manifest.counts.get("rejected", 0)
        self.superseded = manifest.counts.get("superseded", 0)
        """Older states of entities that came several times in events, where only the newest counts."""
        self.taken_over = manifest.entities - self.fetched + self.rejected + self.superseded
        """What goes on to transform beside what was fetched and not rejected; less what was rejected of it."""
        self.keyless = False
        self.hiding = Hiding(run.route)
        cursor = cursor_options(run)
        saved_cursor = manifest.cursor or begun.cursor
        self.cursor = CursorWatch(cursor, saved_cursor) if cursor is not None and moves_cursor(run) else None
        self.resumed = manifest.resume is not None
        self.looks_for_vanished = looks_for_vanished(run)
        self.seen: list[str] | None = [] if self.looks_for_vanished else None
        self.leased = services.now()
        self.seconds = manifest.seconds
        self.started = time.monotonic()

    async def work(self) -> Manifest:
        with fewer_collections():
            return await self._work()

    async def _work(self) -> Manifest:
        committed = time.monotonic()
        if takes_events(self.run) and not self.resumed:  # else they were staged before the place that was saved
            await self._take_events()
        async with aclosing(self._pages()) as pages:
            async for page in pages:
                enough = self._take(page.records)
                if enough or page.resume is None:
                    break
                if self.writer.full or self.problem_writer.full or time.monotonic() - committed > COMMIT_SECONDS:
                    await self._commit(resume=page.resume)
                    committed = time.monotonic()
        self.manifest.warnings = self.keys.warnings() + (self.cursor.warnings() if self.cursor else [])
        if self.looks_for_vanished:
            await self._stage_deletions()
        await self._commit(resume=None, complete=True)
        self._log()
        return self.manifest

    async def _pages(self) -> AsyncGenerator[Page, None]:
        if self.run.entities is not None:
            yield Page(list(self.run.entities))
            return
        if self.run.retry is not None or self.run.events:
            return
        stage = self.run.route.incoming
        incoming: Incoming = stage.component()(stage.config, self.run.route)
        async with aclosing(sliced_pages(incoming, self.run, self.services, self.manifest.resume)) as pages:
            async for page in pages:
                yield page

    async def _take_events(self) -> None:
        self.manifest.events = await take_events(self.run, self.ref, self.services)
        if not self.manifest.events:
            return
        trigger = self.run.route.trigger
        newest = await self._newest() if trigger is not None and trigger.latest else None
        async for some in arrivals(self.ref, self.services):
            noted = []
            for arrival in some:
                keys = self._take_event(arrival, newest)
                if arrival.wanted:
                    noted.append((arrival.number, keys))
            await asyncio.to_thread(self.services.ledger.inbox.note_keys, noted)
            for writer in (self.writer, self.problem_writer):
                if writer.full:
                    writer.close_segment()

    async def _newest(self) -> dict[str, tuple[int, int]]:
        """Where the last state of each entity stands: the event's number and the record's place in it."""
        newest = {}
        async for some in arrivals(self.ref, self.services):
            for arrival in some:
                for place, record in enumerate(arrival.records):
                    with contextlib.suppress(EntityError):  # rejected when it is staged
                        newest[self.keys.read(record)[0]] = arrival.number, place
        return newest

    def _take_event(self, arrival: Arrival, newest: dict[str, tuple[int, int]] | None) -> list[str]:
        """The keys of its entities."""
        keys = []
        for place, record in enumerate(arrival.records):
            try:
                key, version = self.keys.read(record)
            except EntityError as error:
                self._reject("", record, error)
                continue
            keys.append(key)
            if newest is not None and newest[key] != (arrival.number, place):
                self.fetched += 1
                self.superseded += 1
                continue
            self._stage(key, version or arrival.version, record)
        return keys

    def _take(self, records: list[Any]) -> bool:
        """Stage a page's records. True when the run's limit is reached."""
        run, stage, read = self.run, self._stage, self.keys.read
        seen = self.seen
        if self.cursor is not None:
            self.cursor.see(records)
        for record in records:
            if run.limit is not None and self.fetched >= run.limit:
                break
            try:
                key, version = read(record)
            except EntityError as error:
                if run.keys is None:
                    self.keyless = True
                    self._reject("", record, error)
                continue
            if seen is not None:
                seen.append(key)
            if run.keys is not None and key not in run.keys:
                continue
            stage(key, version, record)
        if self.services.progress:
            self.services.progress("fetch", {"fetched": self.fetched})
        return run.limit is not None and self.fetched >= run.limit

    def _stage(self, key: str, version: str | None, record: Any) -> None:
        try:
            line = encode_fetched(key, version, record)
        except NOT_JSON as error:
            self._reject(key, record, EntityError(why_not_json(error)))
            return
        self.fetched += 1
        self.writer.add(line)

    def _reject(self, key: str, record: Any, error: EntityError) -> None:
        self.fetched += 1
        self.rejected += 1
        reason = self.hiding.reason(error.reason, record)
        self.problems.add(key or "no key", reason)
        self.problem_writer.add(encode_problem(Problem(key, "fetch", "rejected", reason, error.field, record)))

    async def _commit(self, *, resume: Any, complete: bool = False) -> None:
        self.writer.close_segment()
        self.problem_writer.close_segment()
        await self._tell_ledger()
        manifest = self.manifest
        manifest.segments, manifest.problems = self.writer.segments, self.problem_writer.segments
        manifest.entities = self.fetched - self.rejected - self.superseded + self.taken_over
        manifest.counts = {**manifest.counts, "fetched": self.fetched, "rejected": self.rejected}
        if self.superseded:
            manifest.counts["superseded"] = self.superseded
        manifest.cursor = self.cursor.value if self.cursor else None
        if complete and not self.run.dry_run:
            await note_rejections(self.ref, self.services, self.staging, manifest)
        manifest.resume, manifest.complete = resume, complete
        manifest.seconds = self.seconds + time.monotonic() - self.started
        manifest.saved_at = self.services.now()
        self.staging.save(manifest)

    async def _tell_ledger(self) -> None:
        """What came is seen before it is committed, so that a crash in between makes nothing vanish."""
        now, ledger = self.services.now(), self.services.ledger
        if self.seen:
            keys, self.seen = self.seen, []
            await asyncio.to_thread(ledger.seen, self.ref, [keys], now)
        if self.manifest.counts.get("carried_in") and now - self.leased > LEASE_SECONDS / 4:
            await asyncio.to_thread(ledger.renew, self.ref, lease_until=now + LEASE_SECONDS)
            self.leased = now

    async def _stage_deletions(self) -> None:
        """Only a fetch that surely had everything knows what is missing."""
        manifest, log = self.manifest, self.services.log
        if self.resumed or self.keyless:
            why = "some records have no key" if self.keyless else "the fetch broke off and went on from a saved place"
            log.warning("entities that vanished from the source are not looked for in this run: %s", why)
            return
        await self._tell_ledger()
        writer = SegmentWriter(self.staging, f"carried-{manifest.attempt}", manifest.carried)
        count = await stage_deletions(self.run.route, self.ref, self.services.ledger, writer, manifest.version)
        manifest.carried = writer.segments
        manifest.counts["deletes_emitted"] = count
        if count:
            log.info("%d %s entities are gone from the source: their deletion is sent", count, self.name)

    def _log(self) -> None:
        log, manifest = self.services.log, self.manifest
        if self.run.entities is not None:
            log.info("took %d %s entities from the run's conf; the source was not asked", self.fetched, self.name)
        elif self.run.events:
            came = manifest.events
            log.info("took %d %s entities of %d events; the source was not asked", self.fetched, self.name, came)
        elif self.run.retry is not None:
            log.info("retries %d entities; the source was not asked", manifest.counts.get("carried_in", 0))
        else:
            told = self.fetched, self.name, self.run.window, manifest.seconds
            log.info("fetched %d %s entities of %s in %.1f s", *told)
        self.problems.log(log, "rejected by fetch")
        for warning in manifest.warnings:
            log.warning("%s", warning)

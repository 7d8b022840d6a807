"""The work of a fetch: pages from the source become segments, and the saved place stands behind what is on disk.

A page is staged, with everything before it, before the next one is staged; segments end where pages end, so the saved
place (``Manifest.resume``) always stands exactly behind the last entity that is on disk.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from itertools import repeat
from typing import Any

from airflow_integrations.engine.fetch.cursor.of_fetch import cursor_watch
from airflow_integrations.engine.fetch.deletions import looks_for_vanished, stage_deletions
from airflow_integrations.engine.fetch.inbox_events import (
    Newest,
    arrivals,
    keys_for_senders,
    received,
    take_events,
    takes_events,
)
from airflow_integrations.engine.fetch.incomplete_records import Completed, ThinRecords, completer_of
from airflow_integrations.engine.fetch.intake import Intake
from airflow_integrations.engine.fetch.keys import KeyReader
from airflow_integrations.engine.fetch.pages.grouping import grouped_pages
from airflow_integrations.engine.fetch.pages.listing import ListingWatch
from airflow_integrations.engine.fetch.pages.window_slices import sliced_pages
from airflow_integrations.engine.fetch.start import Begun
from airflow_integrations.engine.fetch.thin_events import completed_pages, take_thin_events
from airflow_integrations.engine.fetch.upstream_route import Unread, publish
from airflow_integrations.engine.fetch.withheld import decided_page, read_part
from airflow_integrations.engine.gc_tuning import fewer_collections
from airflow_integrations.engine.settle.rejections import note_rejections
from airflow_integrations.errors import EntityError, IntegrationError
from airflow_integrations.incoming import Completer, Gone, Incoming, LeftOut, Page, Unfinished
from airflow_integrations.ledger.lease_times import FETCH_SECONDS
from airflow_integrations.ledger.runs.claims import renew_leases
from airflow_integrations.ledger.runs.vanished import note_seen
from airflow_integrations.plurals import counted, plural
from airflow_integrations.run import Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest

__all__ = ["FetchAtWork"]

COMMIT_SECONDS = 5.0
"""A slow source's pages are committed at least this often, however small they are."""
TOGETHER = 1_000
"""Records of a page that are taken in one go, where they have nothing about them: bounds memory."""


class FetchAtWork:
    """``planned``: the manifest of the run's fetch, where ``manifest`` is that of one of its partitions."""

    def __init__(
        self, begun: Begun, services: Services, staging: Staging, manifest: Manifest, planned: Manifest | None = None
    ) -> None:
        self.run = run = begun.run
        self.ref = begun.ref
        self.services = services
        self.staging = staging
        self.manifest = manifest
        self.intake = Intake(run, staging, manifest)
        self.name = run.route.entity.name
        self.keys = KeyReader(run.route.entity, services.base_names(run))
        self.pages = 0
        """Pages with records, in this attempt."""
        self.keyless = False
        self.cursor = cursor_watch(begun, services, manifest)
        self.given: str | None = None
        """The cursor that the source itself has given."""
        self.told_watch = False
        self.resumed = manifest.resume is not None
        self.went_on = self.resumed and self.intake.fetched > 0
        """Whether an earlier attempt has fetched a part."""
        self.looks_for_vanished = looks_for_vanished(run)
        self.seen: list[str] | None = [] if self.looks_for_vanished else None
        self.planned = planned
        self.in_partitions = getattr(run.route.incoming.config, "partitions", None) is not None
        part = run.limit is not None or run.keys is not None or run.entities is not None
        self.watch = None if part else ListingWatch(manifest.unsettled)
        self.leased = (
            services.now() if manifest.resume is None and planned is None else 0.0
        )  # nobody knows when it was renewed last
        self.unread = Unread(run, manifest.reads, services, staging) if manifest.reads else None
        self.seconds = manifest.seconds
        self.started = self.services.monotonic()

    async def work(self) -> Manifest:
        with fewer_collections():
            return await self._work()

    async def plan(self, partitions: int, tasks: int) -> Manifest:
        """Stage what the inbox has and return the manifest, which says how many partitions so many tasks are to fetch:
        none of them is asked for here."""
        if takes_events(self.run):
            await self._take_events()
        self.manifest.partitions, self.manifest.fetch_tasks = partitions, tasks
        await self._commit(resume=None)
        return self.manifest

    async def _work(self) -> Manifest:
        monotonic = self.services.monotonic
        committed = monotonic()
        if (
            self.planned is None and takes_events(self.run) and not self.resumed
        ):  # else they were staged before the place that was saved
            await self._take_events()
        place = None  # behind the last page that is staged as a whole and not committed
        try:
            async with aclosing(self._pages()) as pages:
                async for page in pages:
                    place = None
                    self.pages += bool(page.records)
                    if not {Gone, Unfinished}.isdisjoint(map(type, page.records)):
                        deletes = not self.looks_for_vanished  # else what was not seen is deleted anyway
                        page = await decided_page(page, self._thin(None), self.intake, deletes=deletes)
                    if LeftOut in map(type, page.records):
                        page = read_part(page, self.intake, self.watch)
                    enough = self._take(page)
                    self.manifest.source_pieces += page.finished
                    self.intake.acknowledge(page.acknowledgements)
                    self.given = page.cursor
                    if enough or (page.resume is None and page.final):
                        break
                    if page.resume is None:  # the same page comes again, so a later attempt cannot continue here
                        self.intake.close_full()
                        await self._renew()
                        continue
                    place = page.resume
                    if self.intake.full or page.urgent or monotonic() - committed > COMMIT_SECONDS:
                        await self._commit(resume=place)
                        place, committed = None, monotonic()
        except Exception:
            if place is not None:
                await self._keep(place)
            raise
        self.manifest.warnings = self.keys.warnings() + (self.cursor.warnings() if self.cursor else [])
        self.manifest.warnings += self.unread.warnings if self.unread else []
        self.manifest.warnings += [self.watch.unsettled] if self.watch and self.watch.unsettled else []
        if self.looks_for_vanished:
            await self._stage_deletions()
        await self._commit(resume=None, complete=True)
        if self.planned is None:
            await publish(self.run, self.ref, self.services, self.manifest)
        self._log()
        return self.manifest

    async def _pages(self) -> AsyncGenerator[Page, None]:
        if self.run.entities is not None:
            yield Page(list(self.run.entities))
            return
        if self.unread is not None:
            completer = await completer_of(self.run, self.services, events=False)
            unread = self.unread.pages(self.manifest.resume)
            if completer is not None:
                unread = completed_pages(unread, self._thin(completer), self.intake)
            async with aclosing(unread) as pages:
                async for page in pages:
                    yield page
            return
        if self.run.retry is not None or self.run.events:
            return
        stage = self.run.route.incoming
        incoming: Incoming = stage.component()(stage.config, self.run.route)
        group = self.run.route.entity.group
        watch = self.watch if group is None else None
        read = sliced_pages
        if self.in_partitions:
            from airflow_integrations.engine.fetch.pages.partitioned import partitioned_pages as read
        listed = read(incoming, self.run, self.services, self.manifest.resume, watch)
        async with aclosing(listed if group is None else grouped_pages(listed, group)) as pages:
            async for page in pages:
                yield page

    async def _take_events(self) -> None:
        self.manifest.events = await take_events(self.run, self.ref, self.services)
        if not self.manifest.events:
            return
        if (completer := await completer_of(self.run, self.services, events=True)) is not None:
            await take_thin_events(self.ref, self.services, self._thin(completer), self.intake)
            return
        trigger = self.run.route.trigger
        last = await self._newest() if trigger is not None and trigger.latest else None
        async for some in arrivals(self.ref, self.services):
            found = received(some, self.keys, self.intake.reject_event)
            for one in found:
                if last is not None and not last.has(one):
                    self.intake.superseded_one()
                else:
                    self.intake.stage(one.key, one.version, one.record)
            await asyncio.to_thread(self.services.ledger.inbox.note_keys, keys_for_senders(some, found))
            self.intake.close_full()

    async def _newest(self) -> Newest:
        """Which state of each entity is the newest; what has no key is rejected when it is staged."""
        last = Newest()
        async for some in arrivals(self.ref, self.services):
            last.see(received(some, self.keys, lambda record, error: None))
        return last

    def _thin(self, completer: Completer | None) -> ThinRecords:
        return ThinRecords(completer, self.run, self.services, self.keys)

    def _take(self, page: Page) -> bool:
        """Stage a page's records. True when the run's limit is reached."""
        run, intake = self.run, self.intake
        if self.cursor is not None:
            came = (record for record in page.records if type(record) is not Completed)
            self.cursor.see(came, page.again)
        watch = self.watch if page.by_position else None
        if watch is not None:
            self._tell_watch(watch)
            watch.page(page)
        whole = watch is None and run.limit is None and run.keys is None
        for first in range(0, len(page.records), TOGETHER):
            records = page.records[first : first + TOGETHER]
            versions = page.versions and page.versions[first : first + TOGETHER]
            if not whole or not self._take_together(records, versions):
                self._take_each(records, versions, watch, page.again - first)
        if self.services.progress:
            self.services.progress("fetch", {"fetched": intake.fetched})
        return run.limit is not None and intake.fetched >= run.limit

    def _take_together(self, records: list[Any], versions: Sequence[str] | None) -> bool:
        """Stage records that have nothing about them. False, and nothing was done, where one has."""
        found = self.keys.read_together(records)
        if found is None:
            return False
        lines = [
            (key, version or given, record)
            for (key, version), given, record in zip(found, versions or repeat(None), records)  # noqa: B905 - as below
        ]
        if not self.intake.stage_together(lines):
            return False
        if self.seen is not None:
            self.seen.extend([key for key, _ in found])
        return True

    def _take_each(
        self, records: list[Any], versions: Sequence[str] | None, watch: ListingWatch | None, again: int
    ) -> None:
        """The first ``again`` of them stand where records were read before."""
        run, intake, read, seen = self.run, self.intake, self.keys.read, self.seen
        pairs = zip(records, versions or repeat(None))  # noqa: B905 - one of them has no end
        for place, (record, given) in enumerate(pairs):
            if run.limit is not None and intake.fetched >= run.limit:
                break
            if type(record) is Completed:
                if seen is not None and record.key:
                    seen.append(record.key)
                self.keyless = self.keyless or not record.key
                intake.completed(record, watch, place < again)
                continue
            try:
                key, version = read(record)
            except EntityError as error:
                if run.keys is None:
                    self.keyless = True
                    intake.reject("", record, error, watch, place < again)
                continue
            if seen is not None:
                seen.append(key)
            if run.keys is not None and key not in run.keys:
                continue
            intake.stage(key, version or given, record, watch, place < again)

    def _tell_watch(self, watch: ListingWatch) -> None:
        """Once, what an earlier attempt has staged."""
        manifest, told, self.told_watch = self.manifest, self.told_watch, True
        if told or not self.resumed:
            return
        several = self.run.route.window.slice is not None or (self.in_partitions and self.planned is None)
        if manifest.events or several:
            watch.doubt("the fetch went on from a saved place")  # what is staged is not of this listing alone
        else:
            watch.staged(self.staging, manifest.segments[len(manifest.retried) :])

    async def _commit(self, *, resume: Any, complete: bool = False) -> None:
        self.intake.close()
        await self._tell_ledger()
        manifest = self.manifest
        self.intake.note(manifest)
        if self.cursor is None:
            manifest.cursor = self.given
        else:
            self.cursor.note(manifest)
        manifest.unsettled = self.watch.unsettled if self.watch else None
        if complete and self.planned is None and not self.run.dry_run:
            await note_rejections(self.ref, self.services, self.staging, manifest)
        manifest.resume, manifest.complete = resume, complete
        manifest.seconds = self.seconds + self.services.monotonic() - self.started
        manifest.saved_at = self.services.now()
        self.staging.save(manifest)

    async def _keep(self, place: Any) -> None:
        """The source broke off: what was staged until then is in the books, and the next attempt goes on behind it.

        But where the route looks for what vanished and can still see everything by starting over, it starts over.
        """
        starts_over = self.looks_for_vanished and self.manifest.resume is None
        with contextlib.suppress(IntegrationError, OSError):  # what broke off is what people are told
            await self._commit(resume=None if starts_over else place)

    async def _tell_ledger(self) -> None:
        """What came is seen before it is committed, so that a crash in between makes nothing vanish."""
        if self.seen:
            keys, self.seen = self.seen, []
            await asyncio.to_thread(note_seen, self.services.ledger, self.ref, [keys], self.services.now())
        await self._renew()

    async def _renew(self) -> None:
        """What was taken over stays this run's."""
        now, ledger = self.services.now(), self.services.ledger
        held = self.planned or self.manifest
        if (held.counts.get("carried_in") or held.events) and now - self.leased > FETCH_SECONDS / 4:
            await asyncio.to_thread(renew_leases, ledger, self.ref, lease_until=now + FETCH_SECONDS)
            self.leased = now

    async def _stage_deletions(self) -> None:
        """Only a fetch that surely had everything knows what is missing."""
        manifest, log = self.manifest, self.services.log
        why = "the fetch broke off and went on from a saved place" if self.went_on else ""
        why = "some records have no key" if self.keyless else why
        why = "some records may be missing" if self.watch and self.watch.unsettled else why
        if why:
            log.warning("entities that vanished from the source are not looked for in this run: %s", why)
            return
        await self._tell_ledger()
        writer = self.intake.carried_writer
        count = await stage_deletions(self.run.route, self.ref, self.services.ledger, writer, manifest.version)
        self.intake.deletes += count
        if count:
            log.info(
                "%s %s gone from the source: %s deletion is sent",
                counted(count, _entity(self.name)),
                plural(count, "is", "are"),
                plural(count, "its", "their"),
            )

    def _log(self) -> None:
        log, manifest = self.services.log, self.manifest
        entities = counted(self.intake.fetched, _entity(self.name))
        if self.run.entities is not None:
            log.info("took %s that the run was given; the source was not asked", entities)
        elif self.unread is not None:
            source, fetches = self.unread.source, counted(self.unread.fetches, "fetch")
            read = f"what {source} has to acknowledge" if self.unread.answers else f"{fetches} of {source}"
            log.info("read %s of %s; the source was not asked", entities, read)
        elif self.run.events:
            log.info("took %s of %s; the source was not asked", entities, counted(manifest.events, "event"))
        elif self.run.retry is not None:
            log.info("retries %s; the source was not asked", counted(manifest.counts.get("carried_in", 0), "entity"))
        else:
            pages = counted(self.pages, "page")
            of = self.run.window if self.run.partition is None else f"partition {self.run.partition}"
            log.info("fetched %s of %s in %s and %.1f s", entities, of, pages, manifest.seconds)
        if self.cursor is not None:
            self.cursor.log(log)
        self.services.log_traffic()
        self.intake.problems.log(log, "rejected by fetch")
        self.intake.waiting.log(log, "asked for again later")
        for warning in manifest.warnings:
            log.warning("%s", warning)


def _entity(name: str) -> str:
    """``order entity``; ``entity`` alone where the route gives it no name."""
    return name if name == "entity" else f"{name} entity"

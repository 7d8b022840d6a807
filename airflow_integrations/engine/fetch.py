"""fetch: pages from the source become segments.

A page is staged, with everything before it, before the next one is staged; segments end where pages end, so the saved
place (``Manifest.resume``) always stands exactly behind the last entity that is on disk.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from airflow_integrations.engine.collector import fewer_collections
from airflow_integrations.engine.grouped_log import GroupedProblems
from airflow_integrations.engine.keys import KeyReader
from airflow_integrations.engine.records import NOT_JSON, Problem, encode_fetched, encode_problem, why_not_json
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
    """Fetch the run's entities into staging and return the finished manifest.

    Goes on behind the last committed page where an earlier attempt of the same window and definition broke off within
    the last hour; otherwise it starts over and whatever the run had staged is forgotten.
    Raises what :meth:`Incoming.pages` raises; what was committed until then stays for the next attempt.
    """
    digest = route_hash(run.route)
    saved = staging.manifest("fetch")
    if saved and _can_resume(saved, digest, run, services.now()):
        services.log.info(
            "fetch goes on behind the %d entities that an earlier attempt committed", saved.counts.get("fetched", 0)
        )
        try:
            return await _Fetch(run, services, staging, saved).work()
        except AnswerError as error:
            if staging.manifest("fetch").resume != saved.resume:  # type: ignore[union-attr]
                raise  # it did go on from the saved place and met something else
            services.log.warning("the source does not go on from the saved place (%s); fetch starts over", error)
    staging.clear("fetch", "transform", "push")
    fresh = Manifest(
        route=run.route.route, run_id=run.run_id, stage="fetch", route_hash=digest, window=run.window.dump()
    )
    return await _Fetch(run, services, staging, fresh).work()


def _can_resume(saved: Manifest, digest: str, run: Run, now: float) -> bool:
    return (
        not saved.complete
        and saved.resume is not None
        and saved.route_hash == digest
        and tuple(saved.window) == run.window.dump()
        and 0 <= now - saved.saved_at < RESUME_SECONDS
        and run.entities is None
    )


class _Fetch:
    def __init__(self, run: Run, services: Services, staging: Staging, manifest: Manifest) -> None:
        self.run = run
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
        self.seconds = manifest.seconds
        self.started = time.monotonic()

    async def work(self) -> Manifest:
        with fewer_collections():
            return await self._work()

    async def _work(self) -> Manifest:
        committed = time.monotonic()
        async with aclosing(self._pages()) as pages:
            async for page in pages:
                enough = self._take(page.records)
                if enough or page.resume is None:
                    break
                if self.writer.full or self.problem_writer.full or time.monotonic() - committed > COMMIT_SECONDS:
                    self._commit(resume=page.resume)
                    committed = time.monotonic()
        self.manifest.warnings = self.keys.warnings()
        self._commit(resume=None, complete=True)
        self._log()
        return self.manifest

    async def _pages(self) -> AsyncGenerator[Page, None]:
        if self.run.entities is not None:
            yield Page(list(self.run.entities))
            return
        stage = self.run.route.incoming
        incoming: Incoming = stage.component()(stage.config, self.run.route)
        async with aclosing(incoming.pages(self.run, self.services, self.manifest.resume)) as pages:
            async for page in pages:
                yield page

    def _take(self, records: list[Any]) -> bool:
        """Stage a page's records. True when the run's limit is reached."""
        run, add, read = self.run, self.writer.add, self.keys.read
        for record in records:
            if run.limit is not None and self.fetched >= run.limit:
                break
            try:
                key, version = read(record)
            except EntityError as error:
                if run.keys is None:
                    self._reject("", record, error)
                continue
            if run.keys is not None and key not in run.keys:
                continue
            try:
                line = encode_fetched(key, version, record)
            except NOT_JSON as error:
                self._reject(key, record, EntityError(why_not_json(error)))
                continue
            self.fetched += 1
            add(line)
        if self.services.progress:
            self.services.progress("fetch", {"fetched": self.fetched})
        return run.limit is not None and self.fetched >= run.limit

    def _reject(self, key: str, record: Any, error: EntityError) -> None:
        self.fetched += 1
        self.rejected += 1
        self.problems.add(key or "no key", error.reason)
        self.problem_writer.add(encode_problem(Problem(key, "fetch", "rejected", error.reason, error.field, record)))

    def _commit(self, *, resume: Any, complete: bool = False) -> None:
        self.writer.close_segment()
        self.problem_writer.close_segment()
        manifest = self.manifest
        manifest.segments, manifest.problems = self.writer.segments, self.problem_writer.segments
        manifest.entities = self.fetched - self.rejected
        manifest.counts = {"fetched": self.fetched, "rejected": self.rejected}
        manifest.resume, manifest.complete = resume, complete
        manifest.seconds = self.seconds + time.monotonic() - self.started
        manifest.saved_at = self.services.now()
        self.staging.save(manifest)

    def _log(self) -> None:
        log, manifest = self.services.log, self.manifest
        if self.run.entities is not None:
            log.info("took %d %s entities from the run's conf; the source was not asked", self.fetched, self.name)
        else:
            told = self.fetched, self.name, self.run.window, manifest.seconds
            log.info("fetched %d %s entities of %s in %.1f s", *told)
        self.problems.log(log, "rejected by fetch")
        for warning in manifest.warnings:
            log.warning("%s", warning)

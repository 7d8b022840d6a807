"""Fetch what another route has fetched, and keep what this run fetches for other routes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from functools import partial

import msgspec

from airflow_integrations.engine.fetch.inbox_events import takes_events
from airflow_integrations.engine.segment_lines import read_fetched
from airflow_integrations.errors import AnswerError, OutageError, RunError
from airflow_integrations.incoming import Page
from airflow_integrations.ledger.acknowledgements import acknowledgements_between
from airflow_integrations.ledger.records import RunRef
from airflow_integrations.ledger.runs.published_fetches import FetchedRun, Fetches
from airflow_integrations.plurals import counted, plural
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.staging.manifest import Manifest, Piece, Reads, ReadWhat

__all__ = ["Unread", "begin_again", "chosen", "publish", "reads_on", "source_of"]

ANSWERS = 200
"""Acknowledgements on one page."""


def source_of(route: Route) -> str | None:
    """The route whose fetches this one reads."""
    name: str | None = route.incoming.config.name if route.incoming.kind == "route" else None
    return name


def reads_on(run: Run) -> bool:
    """Whether the run takes what waits of another route, and the next one goes on behind it. A run of a few entities,
    of another time, or one that sends nothing, reads it and leaves it waiting: the same that leave the inbox alone."""
    return takes_events(run)


async def chosen(run: Run, services: Services) -> Reads | None:
    """Which fetches of the other route the run reads. None: it reads no other route, or was given its entities.

    A run for a few keys, or for a window that was asked for, reads all that is still staged, in that window; every
    other one what the route has not read yet. A route that reads for the first time is a subscriber from then on.
    """
    source = source_of(run.route)
    if source is None or run.entities is not None or run.retry is not None:
        return None
    return await asyncio.to_thread(_chosen, run, source, services)


def _chosen(run: Run, source: str, services: Services) -> Reads:
    fetches: Fetches = services.others.fetches
    name, config = run.route.route, run.route.incoming.config
    what: ReadWhat = config.what
    if reads_on(run) and not services.previews:
        position: int | None = fetches.subscribe(name, source, oldest=config.from_ == "oldest", what=what)
    else:
        position = fetches.position(name, source, what)
    again = run.keys is not None or _of_a_window(run)
    return Reads(source, 0 if again or position is None else position, fetches.newest(source, what), what)


def _of_a_window(run: Run) -> bool:
    return run.explicit or run.kind == "backfill"


class Unread:
    """The records that a run reads of another route. Pages end where the other route's segments end; or they are some
    hundred of its acknowledgements."""

    def __init__(self, run: Run, reads: Reads, services: Services, near: Staging) -> None:
        self._run = run
        self._reads = reads
        self._services = services
        self._near = near
        self.source = reads.source
        self.fetches = 0
        """How many fetches have been read."""
        self.answers = reads.what == "acknowledgements"
        """Whether acknowledgements are read, and no fetches."""
        self.warnings: list[str] = []

    async def pages(self, resume: list[str | int] | None) -> AsyncGenerator[Page, None]:
        """``resume`` is that of a page: the number of its fetch, and its segment.

        Raises AnswerError for a saved place that is no longer there, RunError where staging lacks what the ledger
        knows, OutageError where the other route fetches again what is being read.
        """
        if self.answers:
            async for page in self._answer_pages(resume):
                yield page
            return
        reads = self._reads
        found = await asyncio.to_thread(self._services.others.fetches.between, reads.source, reads.after, reads.upto)
        for fetched in found:
            if not self._wanted(fetched):
                continue
            if not fetched.folder:
                self.warnings.append(
                    f"what run {fetched.run_id} of {reads.source} had fetched was forgotten before this route read it"
                )
                continue
            self.fetches += 1
            staging = self._near.sibling(fetched.folder)
            for piece in self._pieces(fetched, staging):
                place: list[str | int] = [fetched.number, piece.segment.name]
                if resume is not None:
                    resume = None if resume == place else resume
                    continue
                yield self._page(piece, staging, place, fetched)
        if resume is not None:
            raise AnswerError(f"{reads.source} has fetched anew what was being read")
        yield Page([])

    async def _answer_pages(self, resume: list[str | int] | None) -> AsyncGenerator[Page, None]:
        reads, lost = self._reads, 0
        after = reads.after if resume is None else _number_of(resume)
        while True:
            read = partial(acknowledgements_between, self._services.others, reads.source, after, reads.upto, ANSWERS)
            found = await asyncio.to_thread(read)
            if not found:
                break
            lost += found[0].number - after - 1
            after = found[-1].number
            records = [msgspec.Raw(each.content.encode()) for each in found if self._is_of_time(each.at)]
            yield Page(records, [after, "acknowledgements"])
        lost += max(0, reads.upto - after)
        if lost and reads_on(self._run):
            told = counted(lost, "acknowledgement")
            self.warnings.append(f"{told} of {self.source} {plural(lost, 'was', 'were')} forgotten before it was read")
        yield Page([])

    def _is_of_time(self, at: float) -> bool:
        window = self._run.window
        return not _of_a_window(self._run) or window.start.timestamp() < at <= window.end.timestamp()

    def _wanted(self, fetched: FetchedRun) -> bool:
        return self._is_of_time(datetime.fromisoformat(fetched.window_end).timestamp())

    def _pieces(self, fetched: FetchedRun, staging: Staging) -> Sequence[Piece]:
        manifest = staging.manifest("fetch")
        if manifest is None:
            raise RunError(
                f"what run {fetched.run_id} of {self._reads.source} has fetched is not in {staging.folder}: staging "
                "must be one folder or bucket that every worker sees"
            )
        return manifest.pieces()

    def _page(self, piece: Piece, staging: Staging, place: list[str | int], fetched: FetchedRun) -> Page:
        records: list[msgspec.Raw] = []
        versions: list[str] = []
        try:
            for block in staging.blocks([piece.segment]):
                for version, record in read_fetched(block):
                    # A place within its fetch keeps two states of one entity in order, also when they are read again.
                    versions.append(version or f"{piece.version}.{piece.first + len(records):010d}")
                    records.append(record)
        except RunError as error:
            raise OutageError(
                f"run {fetched.run_id} of {self._reads.source} fetches again while it is read ({error}); a later "
                "attempt reads the new fetch"
            ) from None
        return Page(records, place, versions)


def _number_of(resume: list[str | int]) -> int:
    if resume[1] != "acknowledgements":
        raise AnswerError("the saved place is that of a fetch")
    return int(resume[0])


async def begin_again(ref: RunRef, services: Services, saved: Manifest | None) -> tuple[int | None, list[Piece]]:
    """For a run that fetches anew: what it is known as to routes that have yet to read its earlier fetch, and what
    that consists of. Its files have to stay."""
    kept = await asyncio.to_thread(services.ledger.fetches.begin_again, ref)
    return kept.number, saved.pieces() if saved is not None and kept.wanted else []


async def publish(run: Run, ref: RunRef, services: Services, fetched: Manifest) -> None:
    """A fetch that is finished and saved can be read by other routes. May be called again."""
    if not run.dry_run and fetched.complete and fetched.pieces():
        await asyncio.to_thread(services.ledger.fetches.publish, ref, after=fetched.number)

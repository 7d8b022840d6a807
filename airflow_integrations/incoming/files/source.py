"""``incoming: {files: …}``: the records of files, each file read once, one page ahead of whoever takes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator, Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from airflow_integrations.config.model import Model
from airflow_integrations.discovery import Bounds, Discovery
from airflow_integrations.errors import AnswerError, OutageError, SetupError
from airflow_integrations.files.pgp.keyring import Keyring, keyring_of
from airflow_integrations.files.pgp.options import PgpRead
from airflow_integrations.files.place import place_of
from airflow_integrations.files.store import FileStore, Found
from airflow_integrations.incoming import Page
from airflow_integrations.incoming.files.check import mistakes
from airflow_integrations.incoming.files.choice import Chosen, FileChoice
from airflow_integrations.incoming.files.discover import CONNECTION_TYPES, discovered
from airflow_integrations.incoming.files.options import FilesIncomingConfig, MoveTo
from airflow_integrations.incoming.files.planned import PlannedFiles, files_of, parts_of
from airflow_integrations.incoming.files.records import FileRecords
from airflow_integrations.plurals import counted
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.manifest import SourcePiece

__all__ = ["FilesIncoming"]

Loc = tuple[int | str, ...]


class FilesIncoming:
    """See :class:`FilesIncomingConfig`."""

    Config: ClassVar[type[Model]] = FilesIncomingConfig

    def __init__(self, config: FilesIncomingConfig, route: Route) -> None:
        self.config = config
        self.route = route

    @classmethod
    def mistakes(cls, config: FilesIncomingConfig, route: Route) -> Iterator[tuple[Loc, str]]:
        return mistakes(config, route)

    @classmethod
    async def check_online(cls, config: FilesIncomingConfig, route: Route, services: Services) -> list[tuple[Loc, str]]:
        """Whether the place is there, and can be listed and read: it raises SetupError and OutageError."""
        store = await asyncio.to_thread(_store, config, services)
        await asyncio.to_thread(store.require_folder)
        for file in (await asyncio.to_thread(store.list))[-1:]:
            await asyncio.to_thread(store.require_readable, file)
        if config.pgp is not None:
            await asyncio.to_thread(_check_keys, config.pgp, services)
        return []

    discovers: ClassVar[frozenset[str]] = CONNECTION_TYPES

    @classmethod
    async def discover(cls, connection: str, place: str | None, services: Services, bounds: Bounds) -> Discovery:
        """The folders and kinds of files of a folder, or of what a pattern or path names."""

        def look() -> Discovery:
            at = place_of(connection, services.connections)
            assert at is not None
            return discovered(place, at, bounds, services.monotonic)

        return await asyncio.to_thread(look)

    async def pages(self, run: Run, services: Services, resume: Any = None) -> AsyncGenerator[Page, None]:
        store = await asyncio.to_thread(_store, self.config, services)
        reading = _Reading(self.config, self.route, run, services, store)
        if run.partition is None:
            files = await self._chosen(run, services, store, begins=resume is None)
        else:
            files = files_of(run.partition.part)
            await asyncio.to_thread(store.require_folder)
        pages = reading.pages(files, resume)
        task = asyncio.create_task(asyncio.to_thread(next, pages, None))
        try:
            while (page := await task) is not None:
                if page.resume is None:
                    yield page
                    return
                # read while the page before it is being staged
                task = asyncio.create_task(asyncio.to_thread(next, pages, None))
                yield page
        finally:
            await asyncio.gather(task, return_exceptions=True)
            pages.close()
            await asyncio.to_thread(reading.close)

    async def _chosen(self, run: Run, services: Services, store: FileStore, *, begins: bool) -> list[Chosen]:
        """Those that the run reads, once what has changed a moment ago has come to rest."""
        choice = FileChoice(self.config, run, services, store)
        files = await asyncio.to_thread(choice.look)
        if wait := choice.wait:
            await services.sleep(wait)
            files = await asyncio.to_thread(choice.look, choice.unsettled)
        if choice.unsettled:
            found, first = counted(len(choice.unsettled), "file"), choice.unsettled[0].path
            services.log.info("left %s to the next run: not settled yet, such as %s", found, first)
        elif not files and begins:
            services.log.info("%s", choice.why_none())
        if services.creates and not (run.dry_run or services.previews or run.limit is not None):
            await asyncio.to_thread(self._put_away, services, store, choice.done)
        return files

    async def parts(self, run: Run, services: Services) -> list[tuple[str, Any]]:
        store = await asyncio.to_thread(_store, self.config, services)
        assert self.config.partitions is not None
        return parts_of(await self._chosen(run, services, store, begins=True), self.config.partitions.files)

    async def parts_stay(self, run: Run, services: Services, parts: Sequence[Any]) -> bool:
        """Whether all files are there as they were: else those that are there are listed anew."""
        store = await asyncio.to_thread(_store, self.config, services)
        there = {file.mark for file in await asyncio.to_thread(store.list)}
        return all(chosen.file.mark in there for part in parts for chosen in files_of(part))

    async def settled(self, run: Run, services: Services, pieces: Sequence[SourcePiece]) -> None:
        """Move or delete files whose entities have their fate. One that has changed since is another, and stays."""
        if self.config.after == "keep":
            return
        store = await asyncio.to_thread(_store, self.config, services)
        named = {piece.name: piece.intact for piece in pieces}

        def work() -> None:
            there = [(file, named[file.mark]) for file in store.list() if file.mark in named]
            self._put_away(services, store, there)

        await asyncio.to_thread(work)

    async def still_there(self, run: Run, services: Services, pieces: Sequence[SourcePiece]) -> bool:
        store = await asyncio.to_thread(_store, self.config, services)
        there = {file.mark for file in await asyncio.to_thread(store.list)}
        return all(piece.name in there for piece in pieces)

    def _put_away(self, services: Services, store: FileStore, files: Sequence[tuple[Found, bool]]) -> None:
        """What ``after`` says, for files that were read; those with mistakes stay. What fails is tried again by the
        next run."""
        after = self.config.after
        if after == "keep":
            return
        for file, intact in files:
            if not intact:
                continue
            try:
                marker = self.config.settled.marker_of(file.path)
                of_marker = store.find(marker) if marker is not None else None
                if of_marker is not None and store.find(file.path) == file:
                    store.delete(of_marker)  # before its file: one that is left behind would vouch for the next
                if isinstance(after, MoveTo):
                    store.move(file, after.move)
                else:
                    store.delete(file)
            except OutageError as error:
                services.log.warning("could not put away a file that was read; the next run does it: %s", error)


def _check_keys(pgp: PgpRead, services: Services) -> None:
    keyring = keyring_of(pgp.connection, services.connections)
    try:
        keyring.require(own=True, others=pgp.signed)
    finally:
        keyring.close()


def _store(config: FilesIncomingConfig, services: Services) -> FileStore:
    if services.rehearsal is not None:
        raise SetupError(
            "files are not read here; give the entities themselves, such as given.entities in a route test"
        )
    return FileStore(config.path, place_of(config.connection, services.connections))


class _Reading:
    """The chosen files of one fetch. Its generator is used by one thread at a time."""

    def __init__(
        self, config: FilesIncomingConfig, route: Route, run: Run, services: Services, store: FileStore
    ) -> None:
        self._store, self._log = store, services.log
        self._config, self._connections = config, services.connections
        self._keys: Keyring | None = None
        self._records = FileRecords(config, route, services.base_names(run), store, self._keyring)
        self._planned = None if run.partition is None else PlannedFiles(config, run, store, services.log)

    def _keyring(self) -> Keyring:
        """Made with the first file: most runs find none. Raises SetupError."""
        if self._keys is None:
            assert self._config.pgp is not None
            self._keys = keyring_of(self._config.pgp.connection, self._connections)
        return self._keys

    def close(self) -> None:
        if self._keys is not None:
            self._keys.close()

    def pages(self, files: Sequence[Chosen], resume: Any) -> Generator[Page, None, None]:
        """Only the last one has no place to go on from. Raises AnswerError where the saved place is not there."""
        files, passed, answered = self._behind(files, resume)
        before: Page | None = None
        for number, chosen in enumerate(files):
            for page in self._pages_of(chosen, *((0, 0) if number else (passed, answered))):
                if before is not None:
                    yield before
                before = page
        yield Page([]) if before is None else replace(before, resume=None)

    def _behind(self, files: Sequence[Chosen], resume: Any) -> tuple[Sequence[Chosen], int, int]:
        """What is left to read, and how many records and acknowledgements of its first file are staged already."""
        if resume is None:
            return files, 0, 0
        try:
            if resume["v"] != 1:
                raise ValueError
            order, mark, passed = tuple(resume["order"]), resume["file"], int(resume["passed"])
            answered = int(resume.get("answered", 0))
        except (AttributeError, KeyError, TypeError, ValueError):
            raise AnswerError("the saved place is of another kind than this incoming's") from None
        left = [each for each in files if each.order >= order]
        if mark is None:
            return [each for each in left if each.order > order], 0, 0
        if left and left[0].file.mark == mark:
            return left, passed, answered
        path = mark.rpartition("?")[0]
        if self._store.find(path) is None:
            self._log.warning("%s was taken away before all of it was read: %d records of it were", path, passed)
            return left, 0, 0
        raise AnswerError(f"{path} has changed since a part of it was read")

    def _pages_of(self, chosen: Chosen, passed: int, answered: int) -> Iterator[Page]:
        """The pages of one file, behind what is staged of it; the last one finishes it."""
        if self._planned is not None:
            now = self._planned.now(chosen, passed, begun=passed > 0 or answered > 0)
            if now is None:
                return
            chosen = now
        file, order, count, answers = chosen.file, list(chosen.order), 0, 0
        reading = self._records.of(chosen)
        try:
            for records, acknowledged in reading:
                count, answers = count + len(records), answers + len(acknowledged)
                if count <= passed and answers <= answered:
                    continue
                fresh = records[max(0, len(records) - max(0, count - passed)) :]
                told = acknowledged[max(0, len(acknowledged) - max(0, answers - answered)) :]
                at = {"passed": max(count, passed)} | ({"answered": max(answers, answered)} if answers else {})
                yield Page(fresh, {"v": 1, "order": order, "file": file.mark, **at}, acknowledgements=told)
        except OutageError:
            if self._store.find(file.path) is not None:
                raise
            self._log.warning("%s was taken away before all of it was read: %d records of it were", file.path, count)
            return
        if count < passed:
            raise AnswerError(f"{file.path} has {count} records; the saved place is behind {passed}")
        there = self._store.find(file.path)
        if there is not None and there.mark != file.mark:
            raise OutageError(f"{file.path} changed while it was read; it is read again from the beginning")
        behind = {"v": 1, "order": order, "file": None, "passed": 0}
        piece = SourcePiece(file.mark, self._records.intact)
        yield Page([], behind, finished=() if self._records.refused else (piece,))

"""``outgoing: {files: …}``: entities are gathered, and a file with all of them appears at once.

The order of things: the content is complete on this machine; it is written aside at the place; a receipt that says what
is in it is written; it is renamed; its marks are written beside it. A receipt whose file is no longer aside is of one
that has appeared, whatever became of us and of the file since.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence

from airflow_integrations.errors import EntityError, OutageError, SetupError
from airflow_integrations.files.place import place_of
from airflow_integrations.files.writing import FileWriter
from airflow_integrations.formats.writing.control import Control
from airflow_integrations.ledger.control_numbers import reserve
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.outgoing.files.options import FilesOptions
from airflow_integrations.outgoing.files.receipts import Receipt, Receipts
from airflow_integrations.outgoing.files.spool import Spool, writer_for
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.window import EPOCH, Window

__all__ = ["FilesOutgoing"]

Loc = tuple[int | str, ...]
WRITTEN = "an earlier attempt had written it"
DEAD = 3600.0
"""Seconds after which a run that was about to rename a file surely no longer does."""
NOTHING_WRITTEN = 409
"""A status for outages that leave nothing at the place."""


class FilesOutgoing:
    """See :class:`FilesOptions`."""

    Config = FilesOptions
    gathers = True

    def __init__(self, config: FilesOptions, route: Route) -> None:
        self._options, self._route = config, route
        self._spool: Spool | None = None
        self._keys: list[str] = []
        self._unread: list[Receipt] = []
        """Receipts of files whose results are not on disk yet."""
        self._published: dict[str, str] = {}
        """Idempotency keys of entities whose file has appeared in an earlier attempt, with its path."""

    @classmethod
    def mistakes(cls, config: FilesOptions, route: Route) -> Iterator[tuple[Loc, str]]:
        """What is wrong with the configuration in this route: places below the configuration, and messages."""
        if config.connection is None and "://" not in config.path.text and not config.path.text.startswith("/"):
            yield ("path",), "write it from the root, such as /out/orders.csv: a task may run in any folder"
        if re.search(r"%[YmdHMSyj]", config.path.text):
            yield (
                ("path",),
                "%Y is not filled in; write {{ window.start | date }}, or {{ window.start | format('YYYYMMDD') }}",
            )
        if route.trigger is not None and route.trigger.latency == "low":
            yield ("path",), "a file is written when a run is complete, and latency: low has none; leave it at run"

    @classmethod
    async def check_online(cls, config: FilesOptions, route: Route, services: Services) -> list[tuple[Loc, str]]:
        """Whether the place is there: it raises SetupError and OutageError."""
        run = Run(route, "validate", Window(EPOCH, EPOCH), params=dict(route.params))
        await asyncio.to_thread(cls(config, route)._connect, run, services)
        return []

    @property
    def repeatable(self) -> bool:
        """A receipt tells what was written."""
        return True

    @property
    def full(self) -> bool:
        return len(self._keys) >= self._options.most

    async def open(self, run: Run, services: Services) -> None:
        self._services = services
        if services.rehearsal is None:
            await asyncio.to_thread(self._connect, run, services)
            await asyncio.to_thread(self._look_back)
        else:
            self._path = self._rendered(run, services)

    def _connect(self, run: Run, services: Services) -> None:
        self._services = services
        options = self._options
        path = self._rendered(run, services)
        self._writer = FileWriter(path, place_of(options.connection, services.connections))
        self._path = self._writer.path(path)
        folder = self._writer.path(f"{options.folder}/.integrations/{run.route.route}")
        self._folder = folder
        self._receipts = Receipts(self._writer, folder, run.run_id)
        self._writer.names(folder)

    def _rendered(self, run: Run, services: Services) -> str:
        try:
            path = self._options.path.render(services.base_names(run))
        except EntityError as error:
            raise SetupError(f"outgoing.files.path: {error.reason}") from None
        parts = path.split("/")
        if not parts[-1] or {".", ".."} & set(parts) or any(ord(character) < 32 for character in path):
            raise SetupError(f"outgoing.files.path gives {path!r}, which is not the path of a file")
        return path

    def _look_back(self) -> None:
        """What earlier attempts and runs had written, and died before they knew it."""
        now = self._services.now()
        for receipt in self._receipts.load(now):
            if self._has_appeared(receipt, now):
                self._published.update(dict.fromkeys(receipt.keys, receipt.path))
                if self._writer.size(receipt.path) == receipt.size:
                    self._mark(receipt)

    def _has_appeared(self, receipt: Receipt, now: float) -> bool:
        own = receipt.run == self._receipts.run
        if not receipt.aside:
            if self._writer.size(receipt.path) == receipt.size:
                return True
            if own or receipt.at < now - DEAD:
                self._receipts.drop(receipt)
            return False
        dropped = f"{receipt.aside}.dropped"
        if self._writer.size(dropped) is None:
            if not own and receipt.at >= now - DEAD:  # it may be about to appear
                return self._writer.size(receipt.aside) is None
            if not self._writer.rename(receipt.aside, dropped):
                return True
        # from now on it cannot appear any more
        self._receipts.drop(receipt)
        self._writer.remove(dropped)
        return False

    async def send(self, batch: Sequence[Outbound]) -> list[Result]:
        results = await self.take(batch)
        published = iter(await self.publish() if None in results else [])
        await self.forget()
        return [next(published) if result is None else result for result in results]

    async def take(self, batch: Sequence[Outbound]) -> list[Result | None]:
        """See :class:`Outgoing`."""
        if self._services.rehearsal is not None:
            return [self._rehearsed(outbound) for outbound in batch]
        return await asyncio.to_thread(lambda: [self._taken(outbound) for outbound in batch])

    def _taken(self, outbound: Outbound) -> Result | None:
        known = self._published.get(outbound.idempotency_key)
        if known is not None:
            return Result("delivered", known, WRITTEN)
        if self._spool is None:
            packed = self._path.lower().endswith(".gz")
            control = self._control()
            self._spool = Spool(lambda out: writer_for(out, self._options, control), packed=packed)
        try:
            self._spool.add(outbound)
        except EntityError as error:
            why = f"{error.field}: {error}" if error.field else str(error)
            return Result("failed", reason=why[:500], cause="unwritable")
        self._keys.append(outbound.idempotency_key)
        return None

    def _control(self) -> Control | None:
        """The number of the next file, for formats that have one: a further attempt at this file gets the same."""
        counted = self._options.partner
        if counted is None:
            return None
        partner, first, most = counted
        holder = f"{self._route.route} {self._receipts.run} {self._next_number}"
        now = self._services.now()
        return Control(
            *reserve(self._services.ledger, partner, holder, route=self._route.route, first=first, most=most, now=now)
        )

    @property
    def _next_number(self) -> int:
        """Of the next file among those of the run."""
        return max((each.number for each in self._receipts.own), default=0) + 1

    def _rehearsed(self, outbound: Outbound) -> Result:
        assert self._services.rehearsal is not None
        self._services.rehearsal(self._options.connection or "files", "WRITE", self._path, outbound.encoded)
        return Result("delivered", self._path)

    async def publish(self) -> list[Result]:
        """See :class:`Outgoing`."""
        spool, keys = self._spool, self._keys
        self._spool, self._keys = None, []
        if spool is None:
            return []
        try:
            path = await asyncio.to_thread(self._write, spool, keys) if keys else ""
        finally:
            spool.close()
        return [Result("delivered", path)] * len(keys)

    def _write(self, spool: Spool, keys: list[str]) -> str:
        writer, receipts = self._writer, self._receipts
        spool.complete()
        number = self._next_number
        path = self._free_path()
        aside = f"{self._folder}/{receipts.run}-{number:06d}.part" if writer.renames else ""
        receipt = Receipt(
            run=receipts.run,
            number=number,
            path=path,
            aside=aside,
            size=spool.size,
            sha256=spool.sha256,
            at=self._services.now(),
            keys=keys,
        )
        try:
            if aside:
                writer.write(aside, spool.copy_to)
                writer.require(aside, spool.size)
            receipts.write(receipt)
        except OutageError as error:
            raise OutageError(str(error), status=NOTHING_WRITTEN) from None
        if aside:
            writer.rename(aside, path)
        else:
            writer.write(path, spool.copy_to)
        writer.require(path, spool.size)
        self._mark(receipt)
        self._unread.append(receipt)
        return path

    def _free_path(self) -> str:
        """The name of the next file. Raises OutageError where it is taken and must not be."""
        own = {receipt.path for receipt in self._receipts.own}
        path, rule = self._path, self._options.if_exists
        if path not in own:
            if rule == "replace" or self._writer.size(path) is None:
                return path
            if rule == "fail":
                raise OutageError(
                    f"{path} is there already, from another run; it is written when that was taken away "
                    "(if_exists: replace or number)",
                    status=NOTHING_WRITTEN,
                )
        folder, slash, name = path.rpartition("/")
        stem, dot, ending = name.partition(".")
        number = 2
        while (numbered := f"{folder}{slash}{stem}-{number}{dot}{ending}") in own or self._writer.size(
            numbered
        ) is not None:
            number += 1
        return numbered

    def _mark(self, receipt: Receipt) -> None:
        """Write what says beside a file that it is complete."""
        path = receipt.path
        if self._options.checksum is not None:
            name = path.rpartition("/")[2]
            self._writer.write(f"{path}.sha256", f"{receipt.sha256}  {name}\n".encode())
        if self._options.done is not None:
            self._writer.write(path + self._options.done, b"")

    async def forget(self) -> None:
        """See :class:`Outgoing`."""
        closed, self._unread = self._unread, []
        for receipt in closed:
            try:
                await asyncio.to_thread(self._receipts.close, receipt)
            except OutageError as error:  # it stays open, which costs a look
                self._services.log.warning("a receipt could not be closed: %s", error)

    async def close(self) -> None:
        if self._spool is not None:
            self._spool.close()
            self._spool = None

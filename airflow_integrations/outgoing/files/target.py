"""``outgoing: {files: …}``: entities are gathered, and a file with all of them, or one for each, appears as a whole.

The order of things: the content is complete on this machine; it is written aside at the place; a receipt that says what
is in it is written; it is renamed; its marks are written beside it. A receipt whose file is no longer aside is of one
that has appeared, whatever became of us and of the file since.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_integrations.entity import content_hash
from airflow_integrations.errors import EntityError, OutageError, SetupError
from airflow_integrations.files.pgp.keyring import Keyring, keyring_of
from airflow_integrations.files.place import place_of
from airflow_integrations.files.writing import FileWriter
from airflow_integrations.formats.writing.control import Control
from airflow_integrations.formats.writing.written_format import WrittenFile
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.outgoing.files.free_path import free_path
from airflow_integrations.outgoing.files.look_back import appeared
from airflow_integrations.outgoing.files.names import FileNames
from airflow_integrations.outgoing.files.options import FilesOptions
from airflow_integrations.outgoing.files.receipts import Receipt, Receipts
from airflow_integrations.outgoing.files.spool import ArchiveSpool, Content, Pieces, Seal, Spool
from airflow_integrations.outgoing.http.steps.check import lookup_names
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.window import EPOCH, Window

__all__ = ["FilesOutgoing"]

Loc = tuple[int | str, ...]
WRITTEN = "an earlier attempt had written it"
NOTHING_WRITTEN = 409
"""A status for outages that leave nothing at the place."""
TOGETHER, BYTES = 500, 64 * 1024 * 1024
"""With a file for each entity: so many, or so much, are written with one receipt."""
SEQUENCE = 999_999_999_999


@dataclass(frozen=True, slots=True)
class _File:
    """One that is about to be written."""

    path: str
    """As the place has it; not yet told from what is there."""
    content: Content
    keys: list[str]
    """Idempotency keys of its entities."""
    entity: str = ""
    """Hash of the key of the only one."""


class FilesOutgoing:
    """See :class:`FilesOptions`."""

    Config = FilesOptions
    gathers = True

    def __init__(self, config: FilesOptions, route: Route) -> None:
        self._options, self._route = config, route
        self._each = config.per == "entity"
        self._spool: Spool | None = None
        self._pieces: Pieces | None = None
        self._files: dict[str, _File] = {}
        """What waits to be written, by its path as the writer's ``same`` has it; with a file for each entity."""
        self._keys: list[str] = []
        self._keyring: Keyring | None = None
        self._unread: list[list[Receipt]] = []
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
        alone = config.per == "entity" or config.member is not None
        if not alone and not config.addresses:
            yield (
                (str(config.written), "recipient"),
                "a file of a run has one recipient: write it, or write per: entity, and each entity names its own",
            )
        if not alone and config.written == "xml" and config.xml.record is None:
            yield ("xml", "record"), "with record: null a file has one entity: write per: entity"
        of_one = {route.entity.name, "source", "key", *lookup_names(route)}
        read = sorted(frozenset(config.path.names) & of_one)
        within = frozenset() if config.member is None else frozenset(config.member.names)
        if config.member is not None and (not within & of_one or "sequence" in within):
            yield ("member",), "put into it what tells one entity's file from another's, such as {{ key }}; no sequence"
        if config.per == "run":
            for name in read:
                yield ("path",), f"{name} is one entity's, and one file has all of a run: write per: entity"
        elif not read and not config.path.names & {"sequence"} and config.if_exists != "number":
            yield ("path",), "every entity has this name; put into it what tells them apart, such as {{ key }}"

    @classmethod
    async def check_online(cls, config: FilesOptions, route: Route, services: Services) -> list[tuple[Loc, str]]:
        """Whether the place is there, and takes a file: it raises SetupError and OutageError."""
        run, target = Run(route, "validate", Window(EPOCH, EPOCH), params=dict(route.params)), cls(config, route)

        def look() -> None:
            target._connect(run, services)
            target._writer.probe(target._writer.path(config.folder))

        try:
            await asyncio.to_thread(look)
        finally:
            await target.close()
        return []

    @property
    def repeatable(self) -> bool:
        """A receipt tells what was written."""
        return True

    @property
    def full(self) -> bool:
        if self._each:
            return len(self._files) >= TOGETHER or (self._pieces is not None and self._pieces.size >= BYTES)
        return len(self._keys) >= self._options.most

    async def open(self, run: Run, services: Services) -> None:
        self._services = services
        self._names = FileNames(self._options, services.base_names(run), run.route.entity.name)
        if services.rehearsal is None:
            await asyncio.to_thread(self._connect, run, services)
            await asyncio.to_thread(self._look_back)

    def _connect(self, run: Run, services: Services) -> None:
        self._services = services
        options = self._options
        if not self._each:
            self._names = FileNames(options, services.base_names(run), run.route.entity.name)
            self._names.of_run(options.first)  # a mistake in it is told now
        self._writer = FileWriter(f"{options.folder}/", place_of(options.connection, services.connections))
        self._folder = self._writer.path(f"{options.folder}/.integrations/{run.route.route}")
        self._receipts = Receipts(self._writer, self._folder, run.run_id)
        self._writer.names(self._folder)
        if options.pgp is not None:
            self._keyring = keyring_of(options.pgp.connection, services.connections)
            with tempfile.TemporaryFile() as nothing, tempfile.TemporaryFile() as target:
                self._keyring.encrypt(nothing, target, sign=options.pgp.sign)  # what is wrong with keys is told now

    def _look_back(self) -> None:
        """What earlier attempts and runs had written, and died before they knew it."""
        for receipt in appeared(self._writer, self._receipts, self._services.now()):
            self._published.update(dict.fromkeys(receipt.keys, receipt.path))
            if self._writer.size(receipt.path) == receipt.size:
                self._mark(receipt)

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
        try:
            if self._each:
                self._take_alone(outbound)
            else:
                if self._spool is None:
                    self._spool = self._new_spool()
                self._spool.add(outbound)
                self._keys.append(outbound.idempotency_key)
        except EntityError as error:
            return _refused(error)
        return None

    def _take_alone(self, outbound: Outbound) -> None:
        """A file of its own waits for it. Raises EntityError where it can have none."""
        key, entity = outbound.idempotency_key, content_hash(outbound.key.encode())[:16]
        path = self._writer.path(self._names.of_entity(outbound, lambda: self._sequence(key)))
        if (why := self._writer.fault(path)) is not None:
            raise EntityError(f"{path} cannot be the path of its file: {why}", field="path")
        same = self._writer.same(path)
        if self._receipts.own.get(same, entity) != entity or same in self._files:
            raise EntityError(
                f"{path} is the file of another entity of this run; put into the name what tells them apart, such as "
                "{{ key }}",
                field="path",
            )
        if self._pieces is None:
            self._pieces = Pieces()
        packed, inside = self._options.packed, self._options.inside(path)
        writing = self._writing_alone(outbound)
        piece = self._pieces.add(outbound, writing, packed=packed, seal=self._seal, name=inside)
        self._files[same] = _File(path, piece, [key], entity)

    def _new_spool(self) -> Spool:
        if self._options.member is not None:
            return ArchiveSpool(self._writing_alone, self._names.in_archive, self._options.archive, self._seal)
        writing = self._writing(str(self._receipts.next_number), self._options)
        return Spool(writing, packed=self._options.packed, seal=self._seal)

    @property
    def _seal(self) -> Seal:
        pgp, keyring = self._options.pgp, self._keyring
        if pgp is None:
            return None
        assert keyring is not None
        return lambda clear, target: keyring.encrypt(clear, target, sign=pgp.sign, armored=self._options.armored)

    def _writing(self, holder: str, options: WrittenFile) -> Any:
        """What makes a writer for the file that is called ``holder`` in this run."""
        control = self._control(holder, options)
        return lambda out: options.writer(out, control)

    def _writing_alone(self, outbound: Outbound) -> Any:
        """The same, for the file of one entity."""
        return self._writing(outbound.idempotency_key, self._options.addressed(outbound.value))

    def _control(self, holder: str, options: WrittenFile) -> Control | None:
        """The number of a file, for formats that have one: a further attempt at this file gets the same."""
        counted = options.partner
        if counted is None:
            return None
        partner, first, most = counted
        return Control(*self._reserved(partner, holder, first, most))

    def _sequence(self, holder: str) -> int:
        """The number in the name of a file, the same for a further attempt at it."""
        partner = f"files {self._route.route}"
        return self._reserved(partner, holder, self._options.first, SEQUENCE)[0]

    def _reserved(self, partner: str, holder: str, first: int, most: int) -> tuple[int, float]:
        from airflow_integrations.ledger.control_numbers import reserve  # SQLAlchemy: no route's check needs it

        whose = f"{self._route.route} {self._receipts.run} {holder}"
        now = self._services.now()
        return reserve(self._services.ledger, partner, whose, route=self._route.route, first=first, most=most, now=now)

    def _rehearsed(self, outbound: Outbound) -> Result:
        assert self._services.rehearsal is not None
        first = self._options.first
        try:
            path = self._names.of_entity(outbound, lambda: first) if self._each else self._names.of_run(first)
        except EntityError as error:
            return _refused(error)
        self._services.rehearsal(self._options.connection or "files", "WRITE", path, outbound.encoded)
        return Result("delivered", path)

    async def publish(self) -> list[Result]:
        """See :class:`Outgoing`."""
        if self._each:
            return await self._publish_each()
        spool, keys = self._spool, self._keys
        self._spool, self._keys = None, []
        if spool is None:
            return []
        try:
            return [await asyncio.to_thread(self._write_one, spool, keys)] * len(keys) if keys else []
        finally:
            spool.close()

    async def _publish_each(self) -> list[Result]:
        pieces, files = self._pieces, self._files
        self._pieces, self._files = None, {}
        if pieces is None:
            return []
        try:
            return await asyncio.to_thread(self._write, list(files.values()))
        finally:
            pieces.close()

    def _write_one(self, spool: Spool, keys: list[str]) -> Result:
        """The file of many entities. Raises OutageError where its name is taken and must not be."""
        sequence = self._sequence(str(self._receipts.next_number)) if self._names.counted else 0
        path = self._writer.path(self._names.of_run(sequence))
        if (why := self._writer.fault(path)) is not None:
            raise SetupError(f"outgoing.files.path gives {path}, which is not the path of a file: {why}")
        spool.complete(self._options.inside(path))
        (result,) = self._write([_File(path, spool, keys)])
        if result.status != "delivered":
            raise OutageError(result.reason or "", status=NOTHING_WRITTEN)
        return result

    def _write(self, files: Sequence[_File]) -> list[Result]:
        """One result for each file; one receipt for all that are written."""
        writer, results, group = self._writer, dict[int, Result](), dict[int, Receipt]()
        number, now = self._receipts.next_number, self._services.now()
        try:
            for at, file in enumerate(files):
                further = {writer.same(receipt.path) for receipt in group.values()}
                rule, own = self._options.if_exists, self._receipts.own.keys()
                path = free_path(file.path, rule, writer, own=own, further=further, each=self._each)
                if path is None:
                    results[at] = Result("failed", reason=self._taken_name(file), cause="later", later=True)
                    continue
                aside = f"{self._folder}/{self._receipts.run}-{number:06d}.part" if writer.renames else ""
                if aside:
                    writer.write(aside, file.content.copy_to)
                    writer.require(aside, file.content.size)
                group[at] = Receipt(
                    run=self._receipts.run,
                    number=number,
                    path=path,
                    aside=aside,
                    size=file.content.size,
                    sha256=file.content.sha256,
                    at=now,
                    keys=file.keys,
                    entity=file.entity,
                )
                number += 1
            if group:
                self._receipts.write(list(group.values()))
        except OutageError as error:
            raise OutageError(str(error), status=NOTHING_WRITTEN) from None
        for at, receipt in group.items():
            if receipt.aside:
                if not writer.rename(receipt.aside, receipt.path, replace=self._options.if_exists == "replace"):
                    raise OutageError(
                        f"{receipt.path} does not appear: somebody has taken {receipt.aside} away; it is written again"
                    )
            else:
                writer.write(receipt.path, files[at].content.copy_to)
            writer.require(receipt.path, receipt.size)
            self._mark(receipt)
            results[at] = Result("delivered", receipt.path)
        if group:
            self._unread.append(list(group.values()))
        return [results[at] for at in range(len(files))]

    def _taken_name(self, file: _File) -> str:
        if self._options.if_exists == "replace":
            return f"{file.path} is a folder there; put into the name what tells the file from it, such as an ending"
        what = "of an earlier state, or from another run" if file.entity else "from another run"
        return (
            f"{file.path} is there already, {what}; it is written when that was taken away "
            "(if_exists: replace or number)"
        )

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
        for group in closed:
            try:
                await asyncio.to_thread(self._receipts.close, group)
            except OutageError as error:  # it stays open, which costs a look
                self._services.log.warning("a receipt could not be closed: %s", error)

    async def close(self) -> None:
        for held in (self._spool, self._pieces):
            if held is not None:
                held.close()
        self._spool = self._pieces = None
        if self._keyring is not None:
            await asyncio.to_thread(self._keyring.close)


def _refused(error: EntityError) -> Result:
    why = f"{error.field}: {error}" if error.field else str(error)
    return Result("failed", reason=why[:500], cause="unwritable")

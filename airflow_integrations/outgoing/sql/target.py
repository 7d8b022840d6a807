"""``outgoing: {sql: …}``: entities go into a database, a batch in one transaction."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from airflow_integrations.blame import Ended, each_alone
from airflow_integrations.errors import EntityError, OutageError, SetupError
from airflow_integrations.formats.json import encode_anyhow
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.outgoing.sql.check import mistakes
from airflow_integrations.outgoing.sql.options import SqlOptions
from airflow_integrations.outgoing.sql.plan import Planned, Planner
from airflow_integrations.outgoing.sql.rights import not_allowed
from airflow_integrations.outgoing.sql.transaction import AgainError, BatchWriter, CommitLostError, lost
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.sql.database import Database
from airflow_integrations.sql.markers import Marker, forget, prepare
from airflow_integrations.sql.session import Session
from airflow_integrations.sql.tables import Table, table_of
from airflow_integrations.window import EPOCH, Window

__all__ = ["SqlOutgoing"]

Loc = tuple[int | str, ...]
ROUNDS = 5
"""So often a transaction that lost a race is tried again at once; then it is tried later."""


class SqlOutgoing:
    """See :class:`SqlOptions`."""

    deletes = True

    Config = SqlOptions

    _planner: Planner
    _database: Database | None = None
    _sent = False

    def __init__(self, config: SqlOptions, route: Route) -> None:
        self._options = config
        self._route = route
        self._stack = AsyncExitStack()
        self._idle: list[tuple[Session, BatchWriter]] = []
        self._one = asyncio.Lock()

    @classmethod
    def mistakes(cls, config: SqlOptions, route: Route) -> Iterator[tuple[Loc, str]]:
        """What is wrong with the configuration in this route: places below the configuration, and messages."""
        return mistakes(config, route)

    @classmethod
    async def check_online(cls, config: SqlOptions, route: Route, services: Services) -> list[tuple[Loc, str]]:
        """What the database itself says against the configuration: it raises SetupError and OutageError."""
        database = services.database(config.connection)
        base = services.base_names(Run(route, "validate", Window(EPOCH, EPOCH), params=dict(route.params)))
        async with Session(database) as session:
            tables = await session.ask(cls(config, route)._tables, session)
            Planner(config, route.entity.name, base, tables, database)
            refused = await session.ask(_not_allowed, session, config, route)
        return [((), why) for why in refused]

    @property
    def repeatable(self) -> bool:
        options = self._options
        written = [*options.before, *([options.main] if options.main else []), *options.also]
        harmless = options.call is None and all(write.mode in ("upsert", "update", "delete") for write in written)
        return options.exactly_once or harmless

    async def open(self, run: Run, services: Services) -> None:
        self._log: logging.Logger = services.log
        self._services = services
        options, rehearsal = self._options, services.rehearsal
        self._rehearsal = rehearsal
        tables: Mapping[str, Table] = {}
        try:
            self._database = services.database(options.connection)
        except SetupError:
            if rehearsal is None:
                raise
        if self._database is not None:
            session = await self._stack.enter_async_context(Session(self._database))
            tables = await session.ask(self._tables, session)
            if options.exactly_once and rehearsal is None:
                made = await session.ask(_prepared, session)
                if made:
                    services.log.info("made the table of markers at Connection %s", options.connection)
        self._planner = Planner(options, self._route.entity.name, services.base_names(run), tables, self._database)
        if self._database is not None:
            self._idle.append((session, self._writer(session)))

    def _writer(self, session: Session) -> BatchWriter:
        call = self._options.call
        return BatchWriter(session, self._planner, call.procedure if call else None, marks=self._options.exactly_once)

    def _tables(self, session: Session) -> dict[str, Table]:
        options, connection = self._options, session.connection
        names: list[str] = []
        for write in (*options.before, *([options.main] if options.main else []), *options.also):
            names += [write.table, *(child.table for child in write.children.values())]
        found = {name: table_of(connection, name) for name in dict.fromkeys(names)}
        connection.rollback()
        return found

    async def send(self, batch: Sequence[Outbound]) -> list[Result]:
        planned: list[Planned | Result] = []
        for outbound in batch:
            try:
                planned.append(self._planner.of(outbound))
            except EntityError as error:
                why = f"{error.field}: {error}" if error.field else str(error)
                planned.append(Result("failed", reason=why[:500], cause="unwritable"))
        fitting = [each for each in planned if isinstance(each, Planned)]
        results = iter(await self._written(fitting) if fitting else [])
        return [next(results) if isinstance(each, Planned) else each for each in planned]

    async def _written(self, planned: list[Planned]) -> list[Result]:
        if self._rehearsal is not None:
            self._rehearse(planned)
            return [Result("delivered", each.target_id) for each in planned]
        markers = self._markers([each.outbound for each in planned])
        self._sent = True
        async with self._session() as (session, writer):
            try:
                return await self._transaction(session, writer, planned, markers)
            except OutageError as error:
                if not session.is_lost:
                    raise
                return await self._each_alone(session, writer, list(zip(planned, markers, strict=True)), error)

    async def _transaction(
        self, session: Session, writer: BatchWriter, planned: Sequence[Planned], markers: Sequence[Marker]
    ) -> list[Result]:
        for round_ in range(1, ROUNDS + 1):
            try:
                return await session.run(writer.write, planned, markers)
            except CommitLostError as error:
                return lost(error, repeatable=self.repeatable, count=len(planned))
            except AgainError as error:
                if round_ == ROUNDS:
                    raise OutageError(
                        f"Connection {self._options.connection!r}: {error}; tried {ROUNDS} times", status=409
                    ) from None
                await self._services.sleep(0.05 * 2**round_ * (0.5 + self._services.rng.random()))
        raise AssertionError

    async def _each_alone(
        self,
        session: Session,
        writer: BatchWriter,
        together: Sequence[tuple[Planned, Marker]],
        error: OutageError | SetupError,
    ) -> list[Result]:
        """What became of those under which the connection was lost, and nothing was written. One of them may be why, as
        a row that is larger than MySQL takes, and would hold up the others for ever."""

        async def send(one: tuple[Planned, Marker]) -> Result | Ended:
            nonlocal error
            planned, marker = one
            try:
                (result,) = await self._transaction(session, writer, [planned], [marker])
                return result
            except (OutageError, SetupError) as again:
                error = again
                return Ended(str(again), heard=session.is_lost)

        told = await each_alone(together, send, lambda: self._is_back(session))
        if not told:
            raise error
        results = [_ended(result.why) if isinstance(result, Ended) else result for result in told]
        cause = "setup" if isinstance(error, SetupError) else "outage"
        return results + [Result("pending", reason=str(error), cause=cause)] * (len(together) - len(results))

    @staticmethod
    async def _is_back(session: Session) -> bool:
        try:
            await session.ask(lambda: session.connection)
        except (OutageError, SetupError):
            return False
        return True

    def _markers(self, outbounds: Sequence[Outbound]) -> list[Marker]:
        route, now = self._route.route, self._services.now()
        first = outbounds[0].idempotency_key
        return [
            Marker.of(route, each.key, each.idempotency_key, version=each.version, batch=first, at=now)
            for each in outbounds
        ]

    @asynccontextmanager
    async def _session(self) -> AsyncGenerator[tuple[Session, BatchWriter], None]:
        """A session that nobody else has. SQLite has one writer at a time, and so one session."""
        assert self._database is not None
        if self._database.dialect == "sqlite":
            async with self._one:
                yield self._idle[0]
            return
        if self._idle:
            mine = self._idle.pop()
        else:
            session = await self._stack.enter_async_context(Session(self._database))
            mine = session, self._writer(session)
        try:
            yield mine
        finally:
            self._idle.append(mine)

    def _rehearse(self, planned: Sequence[Planned]) -> None:
        """Show what would be written."""
        assert self._rehearsal is not None
        connection, call = self._options.connection, self._options.call
        for each in planned:
            if call is not None:
                self._rehearsal(connection, "CALL", call.procedure, encode_anyhow(each.args))
            for plan, write in zip(self._planner.tables, each.writes, strict=True):
                if write is not None:
                    row = {**write.row, **write.children}
                    self._rehearsal(connection, write.mode.upper(), plan.name, encode_anyhow(row))

    async def verify(self, outbound: Outbound) -> Result | None:
        """None where sending it again does no harm: see :class:`Outgoing`."""
        if self.repeatable:  # sending looks at the marker
            return None
        return Result("in_doubt", reason="without markers nothing tells whether it was written", cause="unknown")

    async def close(self) -> None:
        keep = self._options.keep_markers.total_seconds()
        if self._sent and self._options.exactly_once and self._idle:
            session, _ = self._idle[0]
            try:
                before = self._services.now() - keep
                await session.run(lambda: forget(session.connection, route=self._route.route, before=before))
            except Exception as error:  # the next run does it
                self._log.warning("old markers could not be deleted: %s", error)
        await self._stack.aclose()


def _ended(why: str) -> Result:
    text = f"the database ends the connection when it gets this: {why}"
    return Result("failed", reason=text[:500], cause="later", later=True)


def _prepared(session: Session) -> bool:
    return prepare(session.database, session.connection)


def _not_allowed(session: Session, options: SqlOptions, route: Route) -> list[str]:
    return not_allowed(session.database, session.connection, options, deletes=route.missing == "emit")

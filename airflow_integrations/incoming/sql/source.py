"""``incoming: {sql: …}``: rows of a table or query, in one snapshot, one page ahead of whoever takes them."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from airflow_integrations.config.model import Model
from airflow_integrations.discovery import Bounds, Discovery
from airflow_integrations.errors import AnswerError, SetupError
from airflow_integrations.formats import bad_record
from airflow_integrations.incoming import Page
from airflow_integrations.incoming.sql.check import check_file, mistakes
from airflow_integrations.incoming.sql.children import PARENTS, ChildRows, TooManyChildrenError
from airflow_integrations.incoming.sql.discover import CONNECTION_TYPES, discovered
from airflow_integrations.incoming.sql.options import SqlIncomingConfig
from airflow_integrations.incoming.sql.partitions import range_conditions
from airflow_integrations.incoming.sql.places import cursor_value, pack, unpack
from airflow_integrations.incoming.sql.rows import Rows, require, table_source
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.sql.binds import Binds
from airflow_integrations.sql.database import Database
from airflow_integrations.sql.reading import Reader
from airflow_integrations.sql.session import Session
from airflow_integrations.sql.snapshot import FIRST, Snapshot, page_size
from airflow_integrations.sql.statement import SqlText
from airflow_integrations.sql.tables import Table, declared, table_of
from airflow_integrations.window import EPOCH, Window

__all__ = ["SqlIncoming"]

Loc = tuple[int | str, ...]


class SqlIncoming:
    """See :class:`SqlIncomingConfig`."""

    Config: ClassVar[type[Model]] = SqlIncomingConfig

    def __init__(self, config: SqlIncomingConfig, route: Route) -> None:
        self.config = config
        self.route = route

    @classmethod
    def mistakes(cls, config: SqlIncomingConfig, route: Route) -> Iterator[tuple[Loc, str]]:
        return mistakes(config, route)

    @classmethod
    def check_files(cls, config: SqlIncomingConfig) -> Iterator[tuple[Loc, str]]:
        return check_file(config)

    @classmethod
    async def check_online(cls, config: SqlIncomingConfig, route: Route, services: Services) -> list[tuple[Loc, str]]:
        """What the database itself says against the configuration: it raises SetupError and OutageError."""
        run = Run(route, "validate", Window(EPOCH, datetime.now(UTC)), params=dict(route.params))
        async with Session(services.database(config.connection)) as session:
            await session.ask(_Fetch(config, run, services, session, None).prepare)
        return []

    discovers: ClassVar[frozenset[str]] = CONNECTION_TYPES

    @classmethod
    async def discover(cls, connection: str, place: str | None, services: Services, bounds: Bounds) -> Discovery:
        """The database's tables and views, or those of one schema, or one of them with its columns."""
        return await discovered(await asyncio.to_thread(services.database, connection), place, bounds)

    async def pages(self, run: Run, services: Services, resume: Any = None) -> AsyncGenerator[Page, None]:
        async with Session(services.database(self.config.connection)) as session:
            fetch = _Fetch(self.config, run, services, session, resume)
            pages = fetch.pages()
            task = asyncio.create_task(session.ask(_next, pages))
            try:
                while (page := await task) is not None:
                    if page.resume is None:
                        yield page
                        return
                    # read while the page before it is being staged
                    task = asyncio.create_task(session.ask(_next, pages))
                    yield page
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                await session.run(_let_go, session, pages)


def _let_go(session: Session, pages: Generator[Page, None, None]) -> None:
    """End the snapshot, whatever state it is in."""
    with contextlib.suppress(Exception):
        pages.close()
    session.drop()


def _next(pages: Iterator[Page]) -> Page | None:
    return next(pages, None)


class _Fetch:
    """One fetch, on the session's thread."""

    def __init__(self, config: SqlIncomingConfig, run: Run, services: Services, session: Session, resume: Any) -> None:
        self._config, self._run, self._session, self._resume = config, run, session, resume
        self._database: Database = session.database
        self._zone = ZoneInfo(config.time_zone) if config.time_zone else None
        self._names = parameters(config, run, services, self._database, self._zone)
        self._table: Table | None = None
        self._names_of_columns: list[str] = []

    def pages(self) -> Generator[Page, None, None]:
        """Only the last one has no place to go on from."""
        parts = self.prepare()
        part, after, skip, digest = _saved(self._resume, len(parts))
        before: Page | None = None
        for number in range(part, len(parts)):
            for page in self._part(number, parts[number], after, skip, digest):
                if before is not None:
                    yield before
                before = page
            after, skip, digest = None, 0, ""
        assert before is not None
        yield Page(before.records)

    def prepare(self) -> list[Rows]:
        """Begin the snapshot and see what there is. Raises SetupError for what is not."""
        connection = self._session.connection
        self._snapshot = Snapshot(self._database, connection)
        self._snapshot.begin(self._zone)
        rows = self._rows()
        description = self._described(rows)
        self._names_of_columns = [str(column[0]) for column in description]
        self._reader = Reader(
            self._database,
            description,
            zone=self._zone,
            json=frozenset(self._config.json_columns) | declared(self._database.dialect, self._table, "JSON"),
            booleans=declared(self._database.dialect, self._table, "BOOLEAN"),
        )
        twice = {name for name in self._names_of_columns if self._names_of_columns.count(name) > 1}
        if twice:
            raise SetupError(f"the query gives {', '.join(sorted(twice))} twice; name each column once, with AS")
        for name in rows.order:
            if name not in self._names_of_columns:
                raise SetupError(f"the rows have no column {name}; they have {', '.join(self._names_of_columns)}")
        self._children = [
            ChildRows(
                name,
                options,
                self._database,
                connection,
                self._names_of_columns,
                names=self._names,
                zone=self._zone,
            )
            for name, options in self._config.children.items()
        ]
        if self._children and self._snapshot.pages_by_limit and not rows.total:
            raise SetupError("children need rows that nothing but their key tells apart; name it as key, or cursor.tie")
        return self._parts(rows, description)

    def _rows(self) -> Rows:
        config, connection, binds = self._config, self._session.connection, Binds(self._names)
        query = config.query or (SqlText(config.file.path.read_text(encoding="utf-8")) if config.file else None)
        if config.table is not None:
            self._table = table = table_of(connection, config.table)
            source, columns = table_source(connection, table, config.columns)
            where = [binds.of(config.where)] if config.where is not None else []
        else:
            assert query is not None
            table, source, columns, where = None, f"({binds.of(query)}\n) q", "*", []
        order, total, nullable = self._order(table)
        if config.partitions is not None and self._run.partition is not None:
            name = connection.dialect.identifier_preparer.quote(config.partitions.column)
            where += range_conditions(name, self._run.partition, binds, self._database, self._zone)
        return Rows(source, columns, where, binds, order, total, nullable)

    def _order(self, table: Table | None) -> tuple[tuple[str, ...], bool, frozenset[str]]:
        config = self._config
        said = config.cursor.tie if config.cursor is not None else config.key
        key = (said,) if isinstance(said, str) else said or (table.primary_key if table else ())
        if table is not None:
            asked = [*key, *([config.cursor.column] if config.cursor else [])]
            for name in asked if config.partitions is None else (*asked, config.partitions.column):
                require(table, name)
            if not key and config.cursor is None:
                return (), False, frozenset()
        order = tuple(dict.fromkeys([*([config.cursor.column] if config.cursor else []), *key]))
        if table is None:
            # of a query nobody knows; where the route says what tells rows apart, that is believed
            return order, bool(said), frozenset(order[:1] if config.cursor else ())
        nullable = frozenset(name for name in order if table.columns[name].nullable)
        if self._database.dialect == "sqlite":
            nullable -= set(table.primary_key)  # it says so of a rowid's name
        ordered = set(order)
        cursor = {config.cursor.column} if config.cursor else set()
        total = any(known <= ordered and not (known & nullable) - cursor for known in table.unique)
        return order, total and not (nullable - cursor), nullable

    def _described(self, rows: Rows) -> Sequence[Sequence[Any]]:
        where = " AND ".join(f"({part}\n)" for part in [*rows.where, "1 = 0"])
        statement = rows.binds.copy().text(f"SELECT {rows.columns} FROM {rows.source} WHERE {where}")
        result = self._session.connection.execute(statement)
        cursor: Any = result.cursor
        description: Sequence[Sequence[Any]] = list(cursor.description)
        result.close()
        return description

    def _parts(self, rows: Rows, description: Sequence[Sequence[Any]]) -> list[Rows]:
        """Rows whose cursor is NULL come with every fetch, in front: nothing tells whether they have changed."""
        cursor = self._config.cursor
        if cursor is None:
            return [rows]
        name = self._session.connection.dialect.identifier_preparer.quote(cursor.column)
        parts = []
        if cursor.column in rows.nullable:
            of_null = self._rows()
            of_null.where.append(f"{name} IS NULL")
            of_null.order = tuple(column for column in of_null.order if column != cursor.column)
            of_null.total = of_null.total and bool(of_null.order)
            parts.append(of_null)
            rows.where.append(f"{name} IS NOT NULL")
        if self._run.cursor is not None:
            column = description[self._names_of_columns.index(cursor.column)]
            value = cursor_value(self._database, column, self._run.cursor, self._zone)
            rows.where.append(f"{name} >= :{rows.binds.add(value)}")
        return [*parts, rows]

    def _part(self, number: int, rows: Rows, after: Any, skip: int, digest: str) -> Iterator[Page]:
        connection = self._session.connection
        places = [self._names_of_columns.index(name) for name in rows.order]
        if not places:
            yield from self._counted(number, rows, skip, digest)
        elif self._snapshot.pages_by_limit and rows.total:
            size = FIRST
            while True:
                page = rows.select(connection, after, size)
                got = [row for _, some in self._snapshot.chunks(page) for row in some]
                if got:
                    after = [got[-1][place] for place in places]
                    yield from self._some(number, got, places)
                else:
                    yield Page([], {"v": 1, "part": number, "after": [pack(v) for v in after or []]})
                if len(got) < size:
                    return
                size = page_size(got)
        else:
            for _, got in self._snapshot.chunks(rows.select(connection, after)):
                if got:
                    yield from self._some(number, got, places)
                else:
                    yield Page([], {"v": 1, "part": number, "after": None})

    def _counted(self, number: int, rows: Rows, skip: int, expected: str) -> Iterator[Page]:
        """Rows without an order: a place is how many came, and their fingerprint."""
        passed, digest = 0, hashlib.blake2b(digest_size=16)
        for _, got in self._snapshot.chunks(rows.select(self._session.connection)):
            fresh = []
            for row in got:
                passed += 1
                digest.update(repr(tuple(row)).encode("utf-8", "backslashreplace"))
                if passed > skip:
                    fresh.append(row)
                elif passed == skip and digest.hexdigest() != expected:
                    raise AnswerError(f"the first {skip} rows are not those of the saved place any more")
            yield self._page(fresh, {"v": 1, "part": number, "passed": passed, "digest": digest.hexdigest()})
        if passed < skip:
            raise AnswerError(f"there are {passed} rows; the saved place is behind {skip}")

    def _some(self, number: int, rows: list[Any], places: Sequence[int]) -> Iterator[Page]:
        """Rows that are at hand, in pages of as many as their children allow, which are in memory together."""
        at, most = 0, PARENTS if self._children else len(rows)
        while at < len(rows):
            some = rows[at : at + most]
            place = {"v": 1, "part": number, "after": [pack(some[-1][each]) for each in places]}
            try:
                page = self._page(some, place)
            except TooManyChildrenError as error:
                if len(some) > 1:
                    most = len(some) // 2
                    continue
                page = Page([bad_record(str(error), str(self._reader.record(some[0])))], place)
            yield page
            at += len(some)
            most = min(most * 2, PARENTS) if self._children else most

    def _page(self, rows: list[Any], place: Any) -> Page:
        records = [self._reader.record(row) for row in rows]
        for children in self._children:
            children.add(self._snapshot, rows, records)
        return Page(records, place)


def parameters(
    config: SqlIncomingConfig, run: Run, services: Services, database: Database, zone: ZoneInfo | None
) -> Mapping[str, Any]:
    """What statements may bind, by name; a Variable is read when it is bound."""
    from airflow_integrations.sql.parameters import window_parameters

    found: dict[str, Any] = dict(window_parameters(database, run.window, zone))
    for name, value in run.params.items():
        found[f"params.{name}"] = value
    texts = [config.query, config.where, *(child.where for child in config.children.values())]
    if config.file is not None:
        texts.append(SqlText(config.file.path.read_text(encoding="utf-8")))
    for name in {name for text in texts if text is not None for name in text.names if name.startswith("var.")}:
        found[name] = _variable(services, name.partition(".")[2])
    return found


def _variable(services: Services, name: str) -> str:
    value = services.connections.variable(name)
    if value is None:
        raise SetupError(f"there is no Variable {name!r}; add it: airflow variables set {name} …")
    return value


def _saved(resume: Any, parts: int) -> tuple[int, Any, int, str]:
    """Part, the values to go on behind, or how many rows to pass over and their fingerprint."""
    if resume is None:
        return 0, None, 0, ""
    try:
        if resume["v"] != 1 or not 0 <= resume["part"] < parts:
            raise ValueError
        if "passed" in resume:
            return resume["part"], None, int(resume["passed"]), str(resume["digest"])
        after = resume["after"]
        return resume["part"], None if not after else [unpack(value) for value in after], 0, ""
    except (KeyError, TypeError, ValueError):
        raise AnswerError("the saved place is of another kind than this incoming's") from None

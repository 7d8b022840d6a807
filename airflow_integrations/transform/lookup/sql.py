"""Rows of lookups in a database: one query for the entities of a batch, in a transaction that only reads."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple
from unicodedata import combining, normalize
from zoneinfo import ZoneInfo

from airflow_integrations.config.suggestions import continued
from airflow_integrations.errors import EntityError, SetupError
from airflow_integrations.expressions import Expression
from airflow_integrations.expressions.evaluation.limits import plain_digits
from airflow_integrations.formats import BadRecord
from airflow_integrations.run import Run, Services
from airflow_integrations.sql.binds import Binds
from airflow_integrations.sql.errors import kind_of, what_was_said
from airflow_integrations.sql.reading import Reader
from airflow_integrations.sql.session import Session
from airflow_integrations.sql.snapshot import Snapshot
from airflow_integrations.sql.tables import Table, declared, quoted, table_of
from airflow_integrations.sql.writing import writer_of
from airflow_integrations.transform.lookup.compared import compared, shown
from airflow_integrations.transform.lookup.remembered import Remembered
from airflow_integrations.transform.lookup.sql_options import SqlLookup

if TYPE_CHECKING:
    from sqlalchemy.sql import TextClause

__all__ = ["SqlQuestion", "SqlRows"]

ROWS_OF_ONE = 100
"""Rows that a question may have on the average before its query is given up: one is meant."""
ROWS_OF_ALL = 10_000
"""Rows that one question may have where all are meant."""


class SqlQuestion(NamedTuple):
    """The compared values, as texts and as they are bound."""

    key: tuple[str, ...]
    values: tuple[Hashable, ...]


class SqlRows:
    """The rows of one lookup, for the length of a run."""

    def __init__(
        self, name: str, config: SqlLookup, where: Mapping[str, Expression], cache: Any, *, every: bool = False
    ) -> None:
        self._every = every
        self._name, self._config, self._cache_for = name, config, cache
        self._columns = tuple(where)
        self._values = [(column, expression.compile()) for column, expression in where.items()]
        self._zone = ZoneInfo(config.time_zone) if config.time_zone else None
        self._source: _Source | None = None

    async def open(self, base: Mapping[str, Any], run: Run, services: Services) -> None:
        self._now = services.now
        self._cache = Remembered(self._cache_for, services.now, for_events=run.events or run.kind == "live")
        self._params = {f"params.{name}": value for name, value in run.params.items()}
        self._session: Session = await services.session(self._config.connection)

    async def check(self, run: Run, services: Services) -> None:
        """What the database says against the options. Raises SetupError, OutageError and AnswerError."""
        await self.open({}, run, services)
        await self._session.ask(self._prepared)

    def question(self, names: Mapping[str, Any]) -> SqlQuestion | None:
        key: list[str] = []
        values: list[Hashable] = []
        for column, value in self._values:
            try:
                found = value(names)
                text = compared(found)
            except EntityError as error:
                raise EntityError(error.reason, field=f"where.{column}") from None
            if text is None:
                return None
            key.append(text)
            values.append(found)
        return SqlQuestion(tuple(key), tuple(values))

    async def find(self, questions: Collection[SqlQuestion]) -> dict[SqlQuestion, Any]:
        found: dict[SqlQuestion, Any] = {}
        asked: list[SqlQuestion] = []
        for question in questions:
            remembered = self._cache.rows(question.key, [question.key])
            if remembered is None:
                asked.append(question)
            else:
                found[question] = remembered.get(question.key)
        size, at = self._config.batch, self._now()
        for piece in (asked[first : first + size] for first in range(0, len(asked), size)):
            rows = await self._session.ask(self._together, piece)
            found.update(rows)
            for question, row in rows.items():
                if not isinstance(row, EntityError):
                    size_of = 300 * len(row) if self._every and row else 300
                    self._cache.add(question.key, {} if row is None else {question.key: row}, size_of, at)
        return found

    def nothing_found(self, question: SqlQuestion) -> str:
        place = self._config.table or "the query"
        return f"no {self._name} found in {place} for {', '.join(shown(self._columns, question.key))}"

    def waits(self, question: SqlQuestion) -> tuple[tuple[str, str], ...]:
        return ()

    def warnings(self) -> list[str]:
        return []

    def _prepared(self) -> _Source:
        if self._source is None:
            self._source = _Source(
                self._config, self._session, self._columns, self._zone, self._params, every=self._every
            )
        return self._source

    def _together(self, questions: Sequence[SqlQuestion]) -> dict[SqlQuestion, Any]:
        """One row for each, or a list of all, None or an EntityError. What the database refuses is halved until the
        values that are to blame are alone."""
        source, found = self._prepared(), dict[SqlQuestion, Any]()
        wanted: dict[SqlQuestion, tuple[Any, ...]] = {}
        for question in questions:
            try:
                wanted[question] = source.bound(question.values)
            except EntityError as error:
                found[question] = error
        return {**found, **self._asked(source, wanted)} if wanted else found

    def _asked(self, source: _Source, wanted: Mapping[SqlQuestion, tuple[Any, ...]]) -> dict[SqlQuestion, Any]:
        try:
            return source.rows(wanted)
        except EntityError as error:
            said = error
        except Exception as error:
            if kind_of(error) != "refused":
                raise
            said = EntityError(f"{self._config.connection}: {what_was_said(error)}")
        if len(wanted) == 1:
            return dict.fromkeys(wanted, said)
        both, half = list(wanted.items()), len(wanted) // 2
        return {**self._asked(source, dict(both[:half])), **self._asked(source, dict(both[half:]))}


class _Source:
    """The table or query, on the session's thread. Raises SetupError for what is not there."""

    def __init__(
        self,
        config: SqlLookup,
        session: Session,
        columns: tuple[str, ...],
        zone: ZoneInfo | None,
        params: Mapping[str, Any],
        *,
        every: bool,
    ) -> None:
        self._every = every
        self._config, self._session, self._columns, self._zone, self._params = config, session, columns, zone, params
        self._table: Table | None = None
        self._writers: list[Callable[[Any], Any]] = []
        if config.table is not None:
            self._table = table = table_of(session.connection, config.table)
            for name in (*columns, *(config.columns or ())):
                if name not in table.columns:
                    raise SetupError(f"table {table.name} has no column {name}{continued(name, table.columns)}")
            self._writers = [writer_of(table.columns[name], session.database, zone) for name in columns]
        session.connection.rollback()
        with self._reading() as snapshot:  # what is not there is told before the first entity
            description, _ = next(snapshot.chunks(self._select({}, nothing=True)))
        names = [str(column[0]) for column in description]
        for name in columns:
            if name not in names:
                raise SetupError(f"the query gives no column {name}{continued(name, names)}")

    def bound(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """The values as the columns' types have them. Raises EntityError where one cannot be one of its column's."""
        if not self._writers:
            return tuple(values)
        made = []
        for name, write, value in zip(self._columns, self._writers, values, strict=True):
            try:
                made.append(write(value))
            except EntityError as error:
                raise EntityError(error.reason, field=f"where.{name}") from None
        return tuple(made)

    def rows(self, wanted: Mapping[SqlQuestion, tuple[Any, ...]]) -> dict[SqlQuestion, Any]:
        """One row, or all of them in a list, None or an EntityError for each question."""
        keys = dict.fromkeys(wanted.values())
        exact: dict[Any, list[Any]] = {}
        folded: dict[Any, list[Any]] = {}
        count, config, database = 0, self._config, self._session.database
        with self._reading() as snapshot:
            reader = None
            for description, rows in snapshot.chunks(self._select(keys)):
                if reader is None:
                    reader = Reader(
                        database,
                        description,
                        zone=self._zone,
                        json=frozenset(config.json_columns) | declared(database.dialect, self._table, "JSON"),
                        booleans=declared(database.dialect, self._table, "BOOLEAN"),
                    )
                count += len(rows)
                most = max(ROWS_OF_ONE * len(keys), ROWS_OF_ALL) if self._every else ROWS_OF_ONE * len(keys)
                if count > most:
                    raise EntityError(f"over {most // len(keys):,} rows match; compare more columns in where")
                for values in rows:
                    record = reader.record(values)
                    row = record if isinstance(record, dict) else EntityError(_reason(record))
                    told = record if isinstance(record, dict) else dict(zip(reader.names, values, strict=True))
                    key = tuple(_same(told.get(name)) for name in self._columns)
                    exact.setdefault(key, []).append(row)
                    folded.setdefault(_folded(key), []).append(row)
        return self._shared_out(wanted, exact, folded)

    def _shared_out(
        self,
        wanted: Mapping[SqlQuestion, tuple[Any, ...]],
        exact: Mapping[Any, list[Any]],
        folded: Mapping[Any, list[Any]],
    ) -> dict[SqlQuestion, Any]:
        """To each question its row: by the value itself, or, where the database takes a for A, by that. What it takes
        for equal only the database knows: where a row may be another question's, it is asked for each alone."""
        keys = {question: tuple(map(_same, values)) for question, values in wanted.items()}
        spellings: dict[Any, set[Any]] = {}
        for key in keys.values():
            spellings.setdefault(_folded(key), set()).add(key)
        strays = any(fold not in spellings for fold in folded)
        bare = set(map(_bare, folded)) if len(spellings) > len(folded) else set()
        found, unclear = dict[SqlQuestion, Any](), list[SqlQuestion]()
        for question, key in keys.items():
            rows, fold = exact.get(key), _folded(key)
            if rows is None and fold in folded:
                if len(wanted) > 1 and len(spellings[fold]) > 1:
                    unclear.append(question)
                    continue
                rows = folded[fold]
            elif rows is None and (strays or _bare(fold) in bare):
                if len(wanted) > 1:
                    unclear.append(question)
                    continue
                try:
                    rows = self._alike(key, wanted[question], folded)
                except EntityError as error:
                    found[question] = error
                    continue
            found[question] = self._all(rows or []) if self._every else self._one(rows or [])
        half = (len(unclear) + 1) // 2
        for some in (unclear[:half], unclear[half:]):
            if some:
                found.update(self.rows({question: wanted[question] for question in some}))
        return found

    def _alike(self, key: Sequence[Any], values: Sequence[Any], folded: Mapping[Any, list[Any]]) -> list[Any]:
        """Rows that were found for one question, and that are written in another way. Raises EntityError for texts and
        numbers, of which nobody knows whether they are the same: MariaDB takes e for é, and 1 for 1st."""
        plain = [isinstance(value, str | int | Decimal) for value in values]
        for fold in folded:
            for name, asked, there, known in zip(self._columns, _folded(key), fold, plain, strict=True):
                if known and asked != there:
                    raise EntityError(
                        f"the database takes {there!r} for it, which may be another one; compare what is written the "
                        "same on both sides",
                        field=f"where.{name}",
                    )
        return [row for rows in folded.values() for row in rows]

    def _all(self, found: Sequence[Any]) -> Any:
        """A list of rows; None where there are none."""
        for row in found:
            if isinstance(row, EntityError):
                return row
        return [self._one([row]) for row in found] or None

    def _one(self, found: Sequence[Any]) -> Any:
        if len(found) > 1:
            return EntityError("several rows match; compare more columns in where")
        if not found or isinstance(found[0], EntityError) or self._config.columns is None:
            return found[0] if found else None
        return {name: found[0][name] for name in self._config.columns}

    def _select(self, keys: Collection[tuple[Any, ...]], *, nothing: bool = False) -> TextClause:
        connection, config = self._session.connection, self._config
        quote, binds = connection.dialect.identifier_preparer.quote, Binds(self._params)
        names = [quote(name) for name in self._columns]
        if config.query is not None:
            source, chosen = f"({binds.of(config.query)}\n) q", "*"
        else:
            source, chosen = quoted(connection, config.table or ""), "*"
            if config.columns is not None:
                chosen = ", ".join(dict.fromkeys(map(quote, (*self._columns, *config.columns))))
        if nothing:
            where = "1 = 0"
        elif len(names) == 1:
            where = f"{names[0]} IN :{binds.add([key[0] for key in keys])}"
        else:
            equal = (
                " AND ".join(f"{name} = :{binds.add(value)}" for name, value in zip(names, key, strict=True))
                for key in keys
            )
            where = " OR ".join(f"({part})" for part in equal)
        if config.where is not None:
            where = f"({where}) AND ({binds.of(config.where)}\n)"
        return binds.text(f"SELECT {chosen} FROM {source} WHERE {where}")

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Snapshot]:
        """A transaction of its own, which is over when the rows are there: nothing is held while others work."""
        connection = self._session.connection
        snapshot = Snapshot(self._session.database, connection)
        try:
            snapshot.begin(self._zone)
            yield snapshot
        finally:
            with contextlib.suppress(Exception):  # of a connection that was lost
                connection.rollback()


def _reason(record: BadRecord) -> str:
    return f"the row cannot be read: {record.reason}"


def _same(value: Any) -> Any:
    """Equal for values that are equal whatever their type: 1, 1.00 and true's 1."""
    if isinstance(value, bool | int | Decimal):
        return Decimal(value)
    return value if isinstance(value, str) else str(value)


def _folded(key: Sequence[Any]) -> tuple[str, ...]:
    """Of a number its digits: a column of texts may hold them."""
    return tuple(part.rstrip().casefold() if isinstance(part, str) else _digits(part) for part in key)


def _bare(fold: Sequence[str]) -> tuple[str, ...]:
    """Without accents."""
    return tuple(
        part if part.isascii() else "".join(each for each in normalize("NFKD", part) if not combining(each))
        for part in fold
    )


def _digits(number: Decimal) -> str:
    text = plain_digits(number)
    return text.rstrip("0").rstrip(".") if "." in text else text

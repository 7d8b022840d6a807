"""What an entity becomes: rows for tables, deletions, or a call. Made and checked before anything is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from airflow_integrations.config.suggestions import continued
from airflow_integrations.errors import EntityError, SetupError
from airflow_integrations.formats.json import decode, encode
from airflow_integrations.outgoing import Outbound
from airflow_integrations.outgoing.request_scope import RequestNames, names_read
from airflow_integrations.outgoing.sql.options import ChildTable, Mode, SqlOptions, TableWrite
from airflow_integrations.sql.database import Database
from airflow_integrations.sql.tables import Table
from airflow_integrations.sql.writing import Convert, writer_of

__all__ = ["Planned", "Planner", "RowWrite", "TablePlan"]

Row = dict[str, Any]


@dataclass(slots=True)
class RowWrite:
    """What is done in one table for one entity."""

    mode: Mode
    row: Row
    """By column. Of a deletion only the key."""
    children: dict[str, list[Row]] = field(default_factory=dict)


@dataclass(slots=True)
class Planned:
    """What is done for one entity: one :class:`RowWrite` for each table in its order, None where nothing is."""

    outbound: Outbound
    writes: list[RowWrite | None]
    args: list[Any] | None = None
    target_id: str | None = None


class TablePlan:
    """One table of the configuration, with what the database says about it (None where no database is asked)."""

    def __init__(
        self,
        options: TableWrite,
        entity: str,
        table: Table | None,
        children: Mapping[str, Table | None],
        *,
        database: Database | None,
        zone: ZoneInfo | None,
    ) -> None:
        self.options = options
        self.name = options.table
        self.keys = options.keys
        self.table = table
        self._entity = entity
        self._when = options.when.compile() if options.when else None
        self._columns = {name: value.compile() for name, value in options.columns.items()} if options.columns else None
        self._checks = _Columns(table, database, zone)
        self._children = {
            name: _ChildPlan(child, _Columns(children.get(name), database, zone))
            for name, child in options.children.items()
        }
        if table is not None:
            self._check_names(table)

    def _check_names(self, table: Table) -> None:
        for name in (*self.keys, *(self.options.columns or {})):
            if name not in table.columns:
                raise SetupError(f"table {table.name} has no column {name}{continued(name, table.columns)}")
        if self.options.mode in ("upsert", "update") and not table.is_unique(self.keys):
            raise SetupError(
                f"table {table.name}: nothing says that {', '.join(self.keys)} tells every two rows apart; make a "
                f"unique index on it: CREATE UNIQUE INDEX ON {table.name} ({', '.join(self.keys)})"
            )

    def of(self, names: Mapping[str, Any]) -> RowWrite | None:
        """Raises EntityError where an entity does not fit; its field is ``table.column``."""
        if self._when is not None and not self._when(names):
            return None
        try:
            if self._columns is not None:
                given = {column: value(names) for column, value in self._columns.items()}
            else:
                given = _fields(names[self._entity])
                if self._children:
                    given = {name: value for name, value in given.items() if name not in self._children}
            mode = self.options.mode
            for name in self.keys:
                if given.get(name) is None:
                    raise EntityError("identifies the row, and is null or missing", field=name)
            if mode == "delete":
                return RowWrite(mode, self.key_of(given))
            row = self._checks.row(given, complete=mode != "update")
        except EntityError as error:
            raise EntityError(error.reason, field=f"{self.name}.{error.field}" if error.field else self.name) from None
        return RowWrite(
            mode, row, {name: child.rows(name, names, self._entity, row) for name, child in self._children.items()}
        )

    def key_of(self, given: Mapping[str, Any]) -> Row:
        return self._checks.row({name: given.get(name) for name in self.keys}, complete=False)

    def deletion(self, names: Mapping[str, Any]) -> RowWrite:
        """Of an entity in its current state."""
        given = (
            {name: self._columns[name](names) for name in self.keys} if self._columns else _fields(names[self._entity])
        )
        return RowWrite("delete", self.key_of(given))


class _ChildPlan:
    def __init__(self, options: ChildTable, checks: _Columns) -> None:
        self._options = options
        self._rows = options.rows.compile() if options.rows else None
        self._columns = {name: value.compile() for name, value in options.columns.items()} if options.columns else None
        self._checks = checks
        table = checks.table
        for name in (*options.on, *(options.columns or {})):
            if table is not None and name not in table.columns:
                raise SetupError(f"table {table.name} has no column {name}{continued(name, table.columns)}")

    def rows(self, name: str, names: Mapping[str, Any], entity: str, parent: Row) -> list[Row]:
        found = self._rows(names) if self._rows else _fields(names[entity]).get(name)
        where = (self._rows and self._options.rows and self._options.rows.text) or f"{entity}.{name}"
        if found is None:
            found = []
        if not isinstance(found, list | tuple):
            raise EntityError(f"{where} is not a list", field=self._options.table)
        own = {column: parent[of] for column, of in self._options.on.items()}
        made = []
        for place, item in enumerate(found):
            try:
                if self._columns is not None:
                    given = {column: value({**names, "item": item}) for column, value in self._columns.items()}
                else:
                    given = _fields(item)
                row = self._checks.row({key: value for key, value in given.items() if key not in own}, have=set(own))
            except EntityError as error:
                place_ = f"{self._options.table}[{place}]"
                raise EntityError(error.reason, field=f"{place_}.{error.field}" if error.field else place_) from None
            made.append({**own, **row})
        return made


class _Columns:
    """Checks and converts rows for one table."""

    def __init__(self, table: Table | None, database: Database | None, zone: ZoneInfo | None) -> None:
        self.table = table
        self._converts: dict[str, Convert] = {}
        self._needed: frozenset[str] = frozenset()
        self._known: dict[tuple[str, ...], list[tuple[str, Convert, bool]]] = {}
        if table is not None and database is not None:
            self._converts = {name: writer_of(column, database, zone) for name, column in table.columns.items()}
            lite = table.primary_key if database.dialect == "sqlite" and len(table.primary_key) == 1 else ()
            self._needed = frozenset(
                name for name, of in table.columns.items() if not of.nullable and not of.filled and name not in lite
            )

    def row(self, given: Mapping[str, Any], *, complete: bool = True, have: set[str] | None = None) -> Row:
        if self.table is None:
            return dict(given)
        names = tuple(given)
        columns = self._known.get(names)
        if columns is None:
            columns = self._of(names)
        made, name = {}, ""
        try:
            for name, convert, nullable in columns:
                value = given[name]
                if value is not None:
                    made[name] = convert(value)
                elif nullable:
                    made[name] = None
                else:
                    raise EntityError("the column takes no NULL")
        except EntityError as error:
            raise EntityError(error.reason, field=name) from None
        if complete and not self._needed <= made.keys():
            for name in sorted(self._needed - made.keys() - (have or set())):
                raise EntityError(
                    "the column takes no NULL and has no default, and the entity has no value", field=name
                )
        return made

    def _of(self, names: tuple[str, ...]) -> list[tuple[str, Convert, bool]]:
        assert self.table is not None
        found = []
        for name in names:
            convert = self._converts.get(name)
            if convert is None:
                raise EntityError(
                    f"table {self.table.name} has no such column{continued(name, self._converts)}. "
                    "Take it out with drop, or write columns",
                    field=name,
                )
            found.append((name, convert, self.table.columns[name].nullable))
        if len(self._known) < 1_000:  # entities with ever other fields are no reason to keep them all
            self._known[names] = found
        return found


class Planner:
    """All tables of a route's outgoing. Raises SetupError for what is not in the database."""

    def __init__(
        self,
        options: SqlOptions,
        entity: str,
        base: Mapping[str, Any],
        tables: Mapping[str, Table],
        database: Database | None,
    ) -> None:
        self._names = RequestNames(base, entity, names_read(options) | {entity}, together=False)
        zone = ZoneInfo(options.time_zone) if options.time_zone else None
        written = [*options.before, *([options.main] if options.main else []), *options.also]
        self.tables = [
            TablePlan(
                write,
                entity,
                tables.get(write.table),
                {name: tables.get(child.table) for name, child in write.children.items()},
                database=database,
                zone=zone,
            )
            for write in written
        ]
        self._main = len(options.before)
        self._delete_when = options.delete_when.compile() if options.delete_when else None
        self._args = [value.compile() for value in options.call.args] if options.call else None

    def of(self, outbound: Outbound) -> Planned:
        """Raises EntityError where the entity does not fit."""
        if outbound.deleted:
            return self._gone(outbound)
        names = self._names.of((outbound,))
        if self._args is not None:
            return Planned(outbound, [], [_argument(value(names)) for value in self._args])
        main = self.tables[self._main]
        if self._delete_when is not None and self._delete_when(names):
            writes: list[RowWrite | None] = [None] * len(self.tables)
            writes[self._main] = write = main.deletion(names)
            return Planned(outbound, writes, None, _id_of(main.keys, write.row))
        writes = [table.of(names) for table in self.tables]
        own = writes[self._main]
        return Planned(outbound, writes, None, _id_of(main.keys, own.row) if own is not None else None)

    def _gone(self, outbound: Outbound) -> Planned:
        """An entity that the source no longer has: what is known of it is what its row was called."""
        if not self.tables or not self.tables[self._main].keys:
            raise EntityError("the source no longer has it, and nothing says which row is its own")
        main = self.tables[self._main]
        given = dict(zip(main.keys, _values_of(outbound, len(main.keys)), strict=True))
        writes: list[RowWrite | None] = [None] * len(self.tables)
        writes[self._main] = RowWrite("delete", main.key_of(given))
        return Planned(outbound, writes, None, outbound.target_id)


def _fields(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        from airflow_integrations.expressions.evaluation.guards import kind_of  # only where something is wrong

        raise EntityError(f"a row is made of an object's fields, and this is {kind_of(value)}; write columns")
    return value


def _argument(value: Any) -> Any:
    return encode(value).decode() if isinstance(value, dict | list | tuple) else value


def _id_of(keys: Sequence[str], row: Row) -> str | None:
    """What the target calls the row: its key, or the list of its keys."""
    if not keys:
        return None
    values = [row.get(name) for name in keys]
    texts = [format(v, "f") if isinstance(v, Decimal) else v if isinstance(v, str | int) else str(v) for v in values]
    text = str(texts[0]) if len(texts) == 1 else encode(texts).decode()
    return text if text.isprintable() and 0 < len(text) <= 512 else None


def _values_of(outbound: Outbound, count: int) -> list[Any]:
    known = outbound.target_id
    if count == 1:
        return [known or outbound.key]
    try:
        values = decode(known or "")
        if isinstance(values, list) and len(values) == count:
            return values
    except ValueError:
        pass
    raise EntityError("nothing says which row is its own: it was not delivered by this route as it is now")

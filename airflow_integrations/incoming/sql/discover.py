"""What there is in a database: its tables and views, their keys, and columns that tell what has changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from airflow_integrations.discovery import Bounds, Collection, DiscoveredField, Discovery
from airflow_integrations.discovery.guesses import cursor_candidates, guessed_key
from airflow_integrations.errors import IntegrationError, SetupError
from airflow_integrations.plurals import counted
from airflow_integrations.sql.catalogue import Listed, relations, schemas
from airflow_integrations.sql.column_types import meaning_of, shown_type
from airflow_integrations.sql.database import Database
from airflow_integrations.sql.session import Session, raised_for
from airflow_integrations.sql.snapshot import Snapshot
from airflow_integrations.sql.tables import split_name, written_name

if TYPE_CHECKING:
    from sqlalchemy import Connection, Inspector

__all__ = ["CONNECTION_TYPES", "discovered"]

CONNECTION_TYPES = frozenset(
    {"postgres", "postgresql", "mysql", "mariadb", "sqlite", "mssql", "oracle", "snowflake", "redshift", "trino"}
)
_PLAIN = re.compile(r"[A-Za-z_]\w*")


async def discovered(database: Database, place: str | None, bounds: Bounds) -> Discovery:
    """Raises SetupError and OutageError; what only one schema or table refuses is told in the result."""
    if database.dialect == "sqlite":
        _require_file(database)
    async with Session(database) as session:
        return await session.ask(_Look(session, place, bounds).all)


def _require_file(database: Database) -> None:
    """Opening a database of SQLite that is not there makes one."""
    path = unquote(database.url.partition("///")[2].partition("?")[0])
    if path and path != ":memory:" and not path.startswith("file:") and not Path(path).is_file():
        raise SetupError(f"Connection {database.name!r}: no such file: {path}")


class _Look:
    """One look, on the session's thread."""

    def __init__(self, session: Session, place: str | None, bounds: Bounds) -> None:
        self._session, self._place, self._bounds = session, place, bounds
        self._notes: list[str] = []

    def all(self) -> Discovery:
        from sqlalchemy import inspect

        self._afresh()
        inspector = inspect(self._session.connection)
        known, default = schemas(self._session.connection, inspector)
        if self._place is not None and (one := self._table(inspector, self._place, default)) is not None:
            return Discovery("sql", (one,), tuple(self._notes))
        wanted = self._wanted(known, default)
        if self._bounds.after is not None:
            wanted = [name for name in wanted if self._may_follow(name, default)]
        found: list[Collection] = []
        left_out = 0
        for schema in wanted:
            shown, rest = self._schema(schema, default, self._bounds.most - len(found))
            found += shown
            left_out += rest
        return Discovery("sql", tuple(found), tuple(self._notes), left_out)

    def _afresh(self) -> Connection:
        self._session.drop()
        connection = self._session.connection
        Snapshot(self._session.database, connection).begin()
        return connection

    def _wanted(self, known: Mapping[str, str | None], default: str | None) -> list[str | None]:
        """The schemas to look into, in the order of their names; those that we may not are noted."""
        names = list(known)
        if self._place is not None:
            name = self._place.strip('"')
            if name not in known:
                from airflow_integrations.config.suggestions import continued

                near = continued(name, [*known, *self._near(default)])
                raise SetupError(f"there is no schema, table or view {self._place}{near}")
            names = [name]
        elif self._session.database.is_mysql and default is not None and default in known:
            # what others call a schema is a database of its own there
            if others := [name for name in names if name != default]:
                shown = ", ".join(others[:10]) + (", …" if len(others) > 10 else "")
                self._notes.append(f"{counted(len(others), 'other database')}, each of which is a PLACE: {shown}")
            names = [default]
        self._notes += [f"schema {name}: {why}" for name in names if (why := known[name])]
        found: list[str | None] = [name for name in names if known[name] is None]
        return sorted(found, key=str) if known else [None]

    def _near(self, default: str | None) -> list[str]:
        from sqlalchemy import inspect

        listed = relations(self._session.connection, inspect(self._session.connection), default)
        return [each.name for each in listed[:2000]]

    def _may_follow(self, schema: str | None, default: str | None) -> bool:
        """Whether tables of this schema may come behind the name that was asked for."""
        after_schema, _ = split_name(self._bounds.after or "")
        return schema is None or (after_schema or default or "") <= schema

    def _schema(self, schema: str | None, default: str | None, most: int) -> tuple[list[Collection], int]:
        from sqlalchemy import inspect

        try:
            connection = self._session.connection
            inspector = inspect(connection)
            listed = relations(connection, inspector, schema)
            listed = [each for each in listed if self._comes(each, schema, default)]
            chosen = listed[: max(most, 0)]
            if not chosen:
                return [], len(listed)
            told = Columns(inspector, schema, [each.name for each in chosen])
            return [self._collection(each, schema, default, told) for each in chosen], len(listed) - len(chosen)
        except Exception as error:
            self._notes.append(f"schema {schema}: {self._why(error)}")
            self._afresh()
            return [], 0

    def _comes(self, each: Listed, schema: str | None, default: str | None) -> bool:
        if self._bounds.after is None:
            return True
        after_schema, after = split_name(self._bounds.after)
        return (schema or "", each.name) > (after_schema or default or "", after)

    def _why(self, error: Exception) -> str:
        from airflow_integrations.sql.errors import is_of_database

        if isinstance(error, IntegrationError):
            return str(error)
        if not is_of_database(error):
            raise error
        raised = raised_for(self._session.database, error)
        if not isinstance(raised, SetupError) and self._session.connection.invalidated:
            raise raised from None
        return str(raised)

    def _table(self, inspector: Inspector, place: str, default: str | None) -> Collection | None:
        """The one table that is asked for; None where there is none of this name."""
        schema, name = split_name(place)
        if not name:
            return None
        try:
            listed = list(relations(self._session.connection, inspector, schema or default))
        except Exception as error:
            self._why(error)
            self._afresh()
            return None
        one = next((each for each in listed if each.name == name), None)
        if one is None:
            return None
        told = Columns(inspector, schema or default, [name])
        return self._collection(one, schema or default, default, told)

    def _collection(self, each: Listed, schema: str | None, default: str | None, told: Columns) -> Collection:
        name = written_name(each.name, None if schema == default else schema)
        fields = tuple(self._fields(told, each.name))
        shown, hidden = fields[: self._bounds.fields], len(fields) - self._bounds.fields
        primary = told.key(each.name)
        unique = [names for names in told.unique(each.name) if not any(f.nullable for f in fields if f.name in names)]
        key = primary or next(iter(unique), ()) or guessed_key(fields)
        guessed = () if primary or unique or not key else ("key",)
        indexed = None if each.what == "view" else told.indexed(each.name)
        cursors = tuple(cursor_candidates(fields, primary, indexed, told.changing(each.name)))
        about = {"columns not shown": str(hidden)} if hidden > 0 else {}
        if each.at_most is not None:
            about["rows"] = f"at most {each.at_most:,}"
        incoming: dict[str, Any] | None = {"table": name}
        if name != each.name and not _readable(each.name, schema):
            incoming = None
        elif incoming is not None and cursors and cursors[0].changes and (primary or unique):
            tie = {} if primary else {"tie": list(key) if len(key) > 1 else key[0]}
            # transactions commit in another order than their times; SQLite's follow one another
            lag = {} if self._session.database.dialect == "sqlite" else {"lag": "5m"}
            incoming["cursor"] = {"column": cursors[0].field, **tie, **lag}
        elif incoming is not None and unique and not primary:
            incoming["key"] = list(key) if len(key) > 1 else key[0]
        if incoming is not None and not all(_PLAIN.fullmatch(part) for part in _columns_of(incoming)):
            incoming = {"table": name}
        return Collection(
            name,
            each.what,
            shown,
            key,
            cursors,
            each.rows,
            each.bytes,
            guessed,
            about,
            None if each.problem else incoming,
            None if incoming is None else {name: value for name, value in incoming.items() if name != "cursor"},
            each.problem,
        )

    def _fields(self, told: Columns, table: str) -> Iterator[DiscoveredField]:
        dialect = self._session.connection.dialect
        primary, leads = told.key(table), told.leads(table)
        only_row_id = len(primary) == 1 and dialect.name == "sqlite"
        for column in told.columns(table):
            type_ = column["type"]
            computed = bool(column.get("computed"))
            row_id = only_row_id and column["name"] in primary and meaning_of(type_) == "integer"
            filled = (
                column.get("default") is not None
                or bool(column.get("identity"))
                or computed
                or column.get("autoincrement") is True
                or row_id
            )
            # a primary key holds no NULL, whatever SQLite's declaration says
            nullable = bool(column.get("nullable", True)) and column["name"] not in primary
            length = getattr(type_, "length", None)
            yield DiscoveredField(
                str(column["name"]),
                shown_type(type_, dialect),
                meaning_of(type_),
                nullable,
                not nullable and not filled,
                length=length if isinstance(length, int) else None,
                leads_to=leads.get(column["name"]),
            )


def _readable(name: str, schema: str | None) -> bool:
    """Whether a route can write the name: no quote, no control character."""
    return not any(ord(character) < 32 or character == '"' for character in f"{schema or ''}{name}")


def _columns_of(incoming: Mapping[str, Any]) -> Iterator[str]:
    cursor = incoming.get("cursor", {})
    for value in (cursor.get("column"), cursor.get("tie"), incoming.get("key")):
        if value is not None:
            yield from [value] if isinstance(value, str) else value


class Columns:
    """What the database says of some relations of one schema, asked for all of them at once."""

    def __init__(self, inspector: Inspector, schema: str | None, names: Sequence[str]) -> None:
        from sqlalchemy.engine.reflection import ObjectKind

        self._schema = schema
        what: dict[str, Any] = {"schema": schema, "filter_names": list(names), "kind": ObjectKind.ANY}
        self._columns = inspector.get_multi_columns(**what)
        self._primary = inspector.get_multi_pk_constraint(**what)
        self._unique = inspector.get_multi_unique_constraints(**what)
        self._indexes = inspector.get_multi_indexes(**what)
        self._foreign = inspector.get_multi_foreign_keys(**what)

    def _of(self, found: Mapping[Any, Any], table: str) -> Any:
        return found.get((self._schema, table)) or found.get((None, table))

    def columns(self, table: str) -> list[Any]:
        return list(self._of(self._columns, table) or ())

    def key(self, table: str) -> tuple[str, ...]:
        return tuple((self._of(self._primary, table) or {}).get("constrained_columns") or ())

    def unique(self, table: str) -> list[tuple[str, ...]]:
        """Sets of columns of which no two rows have the same values, the smallest first."""
        found = [tuple(each["column_names"]) for each in self._of(self._unique, table) or ()]
        for index in self._of(self._indexes, table) or ():
            options = index.get("dialect_options", {})
            partial = any(value is not None for name, value in options.items() if name.endswith("_where"))
            if index.get("unique") and not partial and None not in index["column_names"]:
                found.append(tuple(map(str, index["column_names"])))
        return sorted({names for names in found if names}, key=lambda names: (len(names), names))

    def indexed(self, table: str) -> frozenset[str]:
        """Columns that an index begins with."""
        found = {index["column_names"][0] for index in self._of(self._indexes, table) or () if index["column_names"]}
        found |= {names[0] for names in self.unique(table)} | set(self.key(table)[:1])
        return frozenset(str(name) for name in found if name is not None)

    def changing(self, table: str) -> frozenset[str]:
        """Columns that the database itself sets with every change: MySQL's ON UPDATE CURRENT_TIMESTAMP, rowversion."""
        return frozenset(
            str(column["name"])
            for column in self.columns(table)
            if "on update current_timestamp" in str(column.get("default") or "").lower()
            or type(column["type"]).__name__ in ("ROWVERSION", "TIMESTAMP_ROWVERSION")
        )

    def leads(self, table: str) -> dict[str, str]:
        found = {}
        for key in self._of(self._foreign, table) or ():
            if len(key["constrained_columns"]) == 1 and key["referred_columns"]:
                elsewhere = key.get("referred_schema")
                target = written_name(key["referred_table"], None if elsewhere == self._schema else elsewhere)
                found[key["constrained_columns"][0]] = f"{target}.{key['referred_columns'][0]}"
        return found

"""Rows that belong to the rows of a page, asked for by set and in the same snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow_integrations.errors import AnswerError
from airflow_integrations.formats import BadRecord, bad_record
from airflow_integrations.incoming.sql.options import Children
from airflow_integrations.incoming.sql.rows import require, table_source
from airflow_integrations.plurals import counted
from airflow_integrations.sql.binds import Binds
from airflow_integrations.sql.database import Database
from airflow_integrations.sql.reading import Reader
from airflow_integrations.sql.snapshot import Snapshot
from airflow_integrations.sql.tables import Table, declared, table_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["PARENTS", "ChildRows", "TooManyChildrenError"]

PARENTS = 500
"""Parents that one statement asks for."""
MOST = 200_000
"""Children of one page of parents: more do not fit into memory beside each other."""


class TooManyChildrenError(AnswerError):
    """Of the parents of a page. Its text names the children."""


class ChildRows:
    """One kind of children of a fetch. Raises SetupError for tables and columns that are not there."""

    def __init__(
        self,
        name: str,
        options: Children,
        database: Database,
        connection: Connection,
        parents: Sequence[str],
        *,
        names: Mapping[str, Any],
        zone: ZoneInfo | None,
    ) -> None:
        self._name, self._options, self._database, self._zone = name, options, database, zone
        self._names = names
        table = table_of(connection, options.table)
        for column in options.on:
            require(table, column)
        for column in options.on.values():
            if column not in parents:
                raise AnswerError(f"children.{name}.on: the parent's rows have no column {column}")
        self._source, self._columns = table_source(connection, table, options.columns)
        self._own = tuple(options.on)
        self._parents = [parents.index(column) for column in options.on.values()]
        self._order = self._ordered(table)
        self._booleans = declared(database.dialect, table, "BOOLEAN")
        self._json = frozenset(options.json_columns) | declared(database.dialect, table, "JSON")

    def _ordered(self, table: Table) -> tuple[str, ...]:
        order = self._options.order
        chosen = table.primary_key if order is None else (order,) if isinstance(order, str) else order
        for column in chosen:
            require(table, column)
        return chosen

    def add(self, snapshot: Snapshot, rows: Sequence[Sequence[Any]], records: list[Any]) -> None:
        """Put each record's children into it, under their name. A BadRecord takes the place of one with a child that
        cannot be read."""
        found: dict[tuple[Any, ...], list[Any]] = {}
        for row, record in zip(rows, records, strict=True):
            if isinstance(record, dict):
                key = tuple(row[place] for place in self._parents)
                record[self._name] = [] if None in key else found.setdefault(key, [])
        self._count = 0
        folded: dict[tuple[Any, ...], list[Any]] = {}
        wanted = list(found)
        for keys in (wanted[at : at + PARENTS] for at in range(0, len(wanted), PARENTS)):
            strays = False
            for key, child in self._children(snapshot, keys, len(rows)):
                of = found.get(key)
                if of is None:  # a database that takes a for A found it for the other spelling
                    folded = folded or {_folded(known): into for known, into in found.items()}
                    of = folded.get(_folded(key))
                if of is None:
                    strays = True
                else:
                    of.append(child)
            for parent in keys if strays else ():  # or e for é: it knows for which, where it is asked for one
                for key, child in self._children(snapshot, [parent], len(rows)):
                    if key not in found and _folded(key) not in folded:
                        found[parent].append(child)
        if any(BadRecord in map(type, some) for some in found.values()):
            self._reject(records)

    def _children(
        self, snapshot: Snapshot, keys: Sequence[tuple[Any, ...]], parents: int
    ) -> Iterator[tuple[tuple[Any, ...], Any]]:
        """Each with the key that it has."""
        reader = None
        for description, children in snapshot.chunks(self._select(snapshot.connection, keys)):
            if reader is None:
                shown = description[len(self._own) :]
                reader = Reader(self._database, shown, zone=self._zone, json=self._json, booleans=self._booleans)
            self._count += len(children)
            if self._count > MOST:
                told = counted(parents, "parent")
                raise TooManyChildrenError(f"children.{self._name}: over {MOST:,} rows belong to {told}")
            for child in children:
                yield tuple(child[: len(self._own)]), reader.record(child[len(self._own) :])

    def _reject(self, records: list[Any]) -> None:
        for place, record in enumerate(records):
            if isinstance(record, dict):
                bad = next((child for child in record[self._name] if isinstance(child, BadRecord)), None)
                if bad is not None:
                    own = {name: str(value) for name, value in record.items() if name != self._name}
                    records[place] = bad_record(f"children.{self._name}: {bad.reason}", f"{own}\n{bad.content}")

    def _select(self, connection: Connection, keys: Sequence[tuple[Any, ...]]) -> Any:
        quote = connection.dialect.identifier_preparer.quote
        binds = Binds(self._names)
        own = [quote(name) for name in self._own]
        if len(own) == 1:
            where = f"{own[0]} IN :{binds.add([key[0] for key in keys])}"
        else:
            equal = (
                " AND ".join(f"{name} = :{binds.add(value)}" for name, value in zip(own, key, strict=True))
                for key in keys
            )
            where = " OR ".join(f"({part})" for part in equal)
        # the columns that say whose it is stand in front: what is chosen need not have them
        columns = ", ".join(own)
        source = f"{self._source} t" if self._columns == "*" else self._source
        chosen = "t.*" if self._columns == "*" else self._columns
        sql = f"SELECT {columns}, {chosen} FROM {source} WHERE ({where})"
        if self._options.where is not None:
            sql += f" AND ({binds.of(self._options.where)}\n)"
        if order := ", ".join(quote(name) for name in (*self._own, *self._order)):
            sql += f" ORDER BY {order}"
        return binds.text(sql)


def _folded(key: tuple[Any, ...]) -> tuple[Any, ...]:
    """Of a number its text: MariaDB compares the one with the other."""
    return tuple(str(part).rstrip().casefold() if isinstance(part, str | int | Decimal) else part for part in key)

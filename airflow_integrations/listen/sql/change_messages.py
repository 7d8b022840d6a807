"""Changes of tables as messages: exact values, and an id that is the same however often the change is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_integrations.errors import AnswerError
from airflow_integrations.formats import BadRecord
from airflow_integrations.formats.json import encode
from airflow_integrations.listen import Message
from airflow_integrations.listen.sql.changes_options import ChangesOptions
from airflow_integrations.listen.sql.pgoutput import (
    UNCHANGED,
    Begin,
    Change,
    Commit,
    Relation,
    Truncate,
    Unchanged,
    parsed,
)
from airflow_integrations.listen.sql.slot import HEAD, Raw, Slot
from airflow_integrations.sql.database import Database
from airflow_integrations.sql.reading import Reader
from airflow_integrations.window import rfc3339

__all__ = ["Changes", "Part"]

BYTES = 4 * 1024 * 1024
"""Of changes that are under way together."""
_FIRST_OWN = 16384
"""Numbers of types from here on are not PostgreSQL's own."""


@dataclass(frozen=True, slots=True)
class Part:
    """Messages that go into the inbox together."""

    messages: list[Message]
    whole: int | None
    """The place in the log behind the last transaction of which everything is in this part or an earlier one."""
    read: int
    """How many messages of the slot there were, so far."""


class _Table:
    """One table of the changes, and how its values are read."""

    def __init__(self, relation: Relation, types: Sequence[int], database: Database, raw: Any) -> None:
        from psycopg.adapt import Transformer
        from psycopg.pq import Format

        self.relation = relation
        self.name = f"{relation.schema}.{relation.name}"
        transformer = Transformer(raw)
        self._loads: list[Callable[[bytes], Any]] = [transformer.get_loader(oid, Format.TEXT).load for oid in types]
        self._readers = [Reader(database, [(name, oid)]) for name, oid in zip(relation.columns, types, strict=True)]

    def fields(self, values: Sequence[bytes | Unchanged | None], *, keys: bool) -> dict[str, Any] | BadRecord:
        """By column; without those that PostgreSQL does not tell. ``keys``: only the replica identity."""
        found: dict[str, Any] = {}
        for place, value in enumerate(values):
            name = self.relation.columns[place]
            if isinstance(value, Unchanged) or (keys and not self.relation.keys[place]):
                continue
            loaded = None if value is None else self._loads[place](value)
            made = self._readers[place].record((loaded,))
            if isinstance(made, BadRecord):
                return made
            found[name] = made[name]
        return found


class Changes:
    """What one connection reads of a slot, on its thread."""

    def __init__(self, options: ChangesOptions, database: Database, slot: Slot, raw: Any) -> None:
        self._options, self._database, self._slot, self._raw = options, database, slot, raw
        self._tables: dict[int, _Table] = {}
        self._begin: Begin | None = None
        self._place = (0, 0)

    def parts(self, messages: Iterable[Raw]) -> Iterator[Part]:
        """In bounded parts. The last one may be empty."""
        some: list[Message] = []
        size, whole, read = 0, None, 0
        self._begin = None
        for raw in messages:
            read += 1
            found = None if raw.cut else parsed(raw.data)
            if isinstance(found, Commit):
                whole = found.end
                continue
            some += self._messages(raw, found)
            size += raw.size
            if len(some) >= self._options.prefetch or size >= BYTES:
                yield Part(some, whole, read)
                some, size = [], 0
        yield Part(some, whole, read)

    def _messages(self, raw: Raw, found: Any) -> Iterator[Message]:
        if isinstance(found, Begin):
            self._begin, self._place = found, (0, 0)
        elif isinstance(found, Relation):
            self._tables[found.oid] = self._table(found)
        elif isinstance(found, Change):
            if (table := self._chosen(found.oid)) is not None:
                yield self._changed(raw, table, found)
        elif isinstance(found, Truncate):
            for table in filter(None, map(self._chosen, found.oids)):
                told = f"{table.name} was emptied by TRUNCATE, which names no rows; the target keeps what it had"
                yield Message(self._id(raw), b"", table.name, fault=told)
        elif raw.cut and (table := self._chosen(int.from_bytes(raw.data[1:HEAD], "big"))) is not None:
            told = f"the change has {raw.size:,} bytes; max_size is {self._options.max_size:,}"
            yield Message(self._id(raw), b"", table.name, fault=told)

    def _table(self, relation: Relation) -> _Table:
        own = [oid for oid in relation.types if oid >= _FIRST_OWN]
        bases = self._slot.base_types(own) if own else {}
        return _Table(relation, [bases.get(oid, oid) for oid in relation.types], self._database, self._raw)

    def _chosen(self, oid: int) -> _Table | None:
        table, chosen = self._tables.get(oid), self._options.chosen
        if table is None:
            raise AnswerError(f"the slot tells of the table {oid}, of which it has said nothing before")
        return table if chosen is None or (table.relation.schema, table.relation.name) in chosen else None

    def _id(self, raw: Raw) -> str:
        """Rows of one COPY have one place in the log: they are counted. The time tells apart what came before and
        after a restore."""
        assert self._begin is not None
        lsn, number = self._place
        self._place = (raw.lsn, number + 1 if lsn == raw.lsn else 0)
        return f"{self._options.slot}/{raw.lsn:X}.{self._place[1]}@{self._begin.committed_at}"

    def _changed(self, raw: Raw, table: _Table, change: Change) -> Message:
        begin = self._begin
        assert begin is not None
        name = self._id(raw)
        if change.new is not None and change.old is not None and change.whole:
            # the whole old row holds what the update did not touch
            pairs = zip(change.new, change.old, strict=True)
            change = replace(change, new=[old if new is UNCHANGED else new for new, old in pairs])
        row = None if change.new is None else table.fields(change.new, keys=False)
        old = None if change.old is None else table.fields(change.old, keys=not change.whole)
        identity = change.old if change.new is None else change.new
        key = table.fields(identity or (), keys=True)
        for each in (row, old, key):
            if isinstance(each, BadRecord):
                kept = each.content.encode("utf-8", "backslashreplace")
                return Message(name, kept, table.name, fault=each.reason)
        body: dict[str, Any] = {
            "op": change.op,
            "table": table.name,
            "key": key,
            "row": row,
            "old": old,
            "position": raw.lsn,
            "transaction": begin.xid,
            "at": rfc3339(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=begin.committed_at)),
        }
        columns = table.relation.columns
        if gone := [columns[n] for n, value in enumerate(change.new or ()) if isinstance(value, Unchanged)]:
            body["unchanged"] = gone
        return Message(name, encode(body), table.name, content_type="application/json")

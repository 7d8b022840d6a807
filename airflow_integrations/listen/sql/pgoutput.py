"""PostgreSQL's logical replication messages (plugin pgoutput, version 1 of its protocol), as far as tables go.

https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["UNCHANGED", "Begin", "Change", "Commit", "Relation", "Truncate", "Unchanged", "parsed"]

_EPOCH_MICROSECONDS = 946_684_800_000_000
"""Of 2000-01-01, from which PostgreSQL counts."""


class Unchanged:
    """Stands for a large value that the update did not touch, and that PostgreSQL therefore does not tell."""


UNCHANGED: Final = Unchanged()

Values = Sequence[bytes | Unchanged | None]


@dataclass(frozen=True, slots=True)
class Begin:
    """Of a transaction that was committed."""

    commit: int
    """The place of its commit in the log."""
    committed_at: int
    """Microseconds since 1970."""
    xid: int


@dataclass(frozen=True, slots=True)
class Commit:
    end: int
    """The place in the log behind the transaction."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, told before the first change of it."""

    oid: int
    schema: str
    name: str
    columns: tuple[str, ...]
    types: tuple[int, ...]
    keys: tuple[bool, ...]
    """Whether a column belongs to the replica identity."""
    full: bool
    """Whether the whole row is the identity."""


@dataclass(frozen=True, slots=True)
class Change:
    op: Literal["insert", "update", "delete"]
    oid: int
    """Of the table."""
    new: Values | None
    old: Values | None
    whole: bool = False
    """Whether ``old`` is the whole row, and not only its key."""


@dataclass(frozen=True, slots=True)
class Truncate:
    oids: tuple[int, ...]


class _Bytes:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 1

    def number(self, form: str) -> int:
        found: int = struct.unpack_from(">" + form, self._data, self._at)[0]
        self._at += struct.calcsize(">" + form)
        return found

    def text(self) -> str:
        end = self._data.index(0, self._at)
        found = self._data[self._at : end].decode()
        self._at = end + 1
        return found

    def letter(self) -> bytes:
        self._at += 1
        return self._data[self._at - 1 : self._at]

    def values(self) -> list[bytes | Unchanged | None]:
        found: list[bytes | Unchanged | None] = []
        for _ in range(self.number("H")):
            kind = self.letter()
            if kind == b"n":
                found.append(None)
            elif kind == b"u":
                found.append(UNCHANGED)
            elif kind == b"t":
                size = self.number("I")
                found.append(self._data[self._at : self._at + size])
                self._at += size
            else:
                raise ValueError(f"a value of the unknown kind {kind!r}")
        return found


def parsed(data: bytes) -> Begin | Commit | Relation | Change | Truncate | None:
    """One message; None for one that tells nothing of rows. Raises ValueError for one that is unknown."""
    kind, rest = data[:1], _Bytes(data)
    if kind == b"B":
        return Begin(rest.number("Q"), rest.number("q") + _EPOCH_MICROSECONDS, rest.number("I"))
    if kind == b"C":
        rest.number("B")
        rest.number("Q")
        return Commit(rest.number("Q"))
    if kind == b"R":
        return _relation(rest)
    if kind == b"I":
        oid = rest.number("I")
        rest.letter()
        return Change("insert", oid, rest.values(), None)
    if kind == b"U":
        oid, letter, old = rest.number("I"), rest.letter(), None
        whole = letter == b"O"
        if letter != b"N":
            old = rest.values()
            rest.letter()
        return Change("update", oid, rest.values(), old, whole)
    if kind == b"D":
        oid, letter = rest.number("I"), rest.letter()
        return Change("delete", oid, None, rest.values(), letter == b"O")
    if kind == b"T":
        count = rest.number("I")
        rest.number("B")
        return Truncate(tuple(rest.number("I") for _ in range(count)))
    if kind in (b"O", b"Y", b"M"):
        return None
    raise ValueError(f"a message of the unknown kind {kind!r}")


def _relation(rest: _Bytes) -> Relation:
    oid, schema, name, identity = rest.number("I"), rest.text(), rest.text(), rest.letter()
    columns, types, keys = [], [], []
    for _ in range(rest.number("H")):
        keys.append(bool(rest.number("B") & 1))
        columns.append(rest.text())
        types.append(rest.number("I"))
        rest.number("i")
    return Relation(oid, schema or "pg_catalog", name, tuple(columns), tuple(types), tuple(keys), identity == b"f")

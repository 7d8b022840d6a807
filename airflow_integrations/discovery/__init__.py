"""What there is at a system, as a kind's ``discover`` tells it: collections of records, and the fields of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Bounds", "Collection", "CursorCandidate", "DiscoveredField", "Discovery", "Meaning"]

Meaning = Literal[
    "string", "integer", "number", "boolean", "date", "time", "datetime", "object", "list", "bytes", "any"
]
"""What a field's values are in an entity: ``date``, ``time``, ``datetime`` and ``bytes`` (base64) are texts there."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is looked at. A kind stops there, and says what it left out."""

    most: int = 100
    """Collections that are described."""
    fields: int = 500
    """Fields of one collection."""
    after: str | None = None
    """Only collections whose names come after this one, by the order of the names' code points."""


@dataclass(frozen=True, slots=True)
class DiscoveredField:
    """A column, a property, a field of a record."""

    name: str
    type: str
    """In the system's own words, such as ``numeric(12, 2)`` or ``Edm.Guid``."""
    meaning: Meaning = "any"
    nullable: bool | None = None
    """None: nobody says."""
    needed: bool = False
    """Whether a new record without it is refused: it is not nullable, and the system does not fill it."""
    looks_like: Meaning | None = None
    """Of texts: what they may stand for, such as ``number`` in a column of CSV."""
    length: int | None = None
    """Characters that fit."""
    apart: bool = False
    """Whether it comes only where it is asked for, as a navigation does."""
    leads_to: str | None = None
    """What it refers to: ``sales.customers.id``, an entity set, a type."""


@dataclass(frozen=True, slots=True)
class CursorCandidate:
    """A field by which a route can ask for what has changed."""

    field: str
    why: str
    """What makes it one, for people."""
    changes: bool = True
    """Whether it grows with every change of a record; False where it tells new records alone."""
    indexed: bool | None = None
    """Whether an index begins with it; None where nobody says."""


@dataclass(frozen=True, slots=True)
class Collection:
    """A table, a view, an entity set, a list of an API, files of one kind.

    Names come from the system and may hold anything: whoever shows them escapes them.
    """

    name: str
    """As PLACE takes it, to be told more."""
    what: str
    """``table``, ``view``, ``entity set``, ``list``, ``files``, ``folder``."""
    fields: tuple[DiscoveredField, ...] = ()
    key: tuple[str, ...] = ()
    """Fields that identify a record."""
    cursors: tuple[CursorCandidate, ...] = ()
    """The best first."""
    records: int | None = None
    """About how many there are, as the system's statistics say; nothing is counted."""
    bytes: int | None = None
    guessed: tuple[str, ...] = ()
    """What is not said by the system and was guessed: ``key``, ``types``, ``format``, ``paging``, …"""
    about: Mapping[str, str] = field(default_factory=dict)
    """Anything else that people want to know, in words: ``format: csv``."""
    incoming: Mapping[str, Any] | None = None
    """The kind's options, without the Connection, that read it; None where that cannot be written without a person."""
    sampled: Mapping[str, Any] | None = None
    """The options that give the first records, whatever was changed when; None: those of ``incoming``."""
    problem: str | None = None
    """Why it could not be looked at, or cannot be read."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """What there is at a place."""

    kind: str
    """The kind of incoming that looked."""
    collections: tuple[Collection, ...]
    """In the order of their names; one that was asked for alone has its fields."""
    notes: tuple[str, ...] = ()
    """What could not be seen, and why."""
    left_out: int = 0
    """Collections behind the last one shown: ``--after`` shows them."""

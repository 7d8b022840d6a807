"""Fields as they were learned, with what has differed since, and how both change by what a run has seen.

What is learned from a run is a union: of names, of types, of *was missing somewhere*. So it does not matter in which
order runs are learned from, nor how often one is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import msgspec

from airflow_integrations.errors import RunError
from airflow_integrations.route.contracts.options import ContractOptions
from airflow_integrations.route.contracts.paths import OBJECT, below, type_words
from airflow_integrations.route.contracts.seen import MOST_FIELDS, Kind, Seen, SeenField

__all__ = ["Drift", "Field", "Learned", "accept", "drifts", "learn_from", "lines"]


class Field(msgspec.Struct, omit_defaults=True):
    """One field of an object, or what the elements of a list are."""

    types: int = 0
    """Bits of ``paths.TYPES``; 0: it was only null."""
    always: bool = False
    """Every object that it can stand in had it, while it was learned."""
    fields: dict[str, Field] = {}
    items: Field | None = None
    new: bool = False
    """It came after the fields were learned, and nobody has accepted it."""
    other: int = 0
    """Types that came since, and that nobody has accepted."""
    gone: bool = False
    since: float | None = None
    """When what differs was first seen."""
    at: float | None = None
    """When another type was last seen."""
    run_id: str | None = None
    """The run that saw it first."""


class Learned(msgspec.Struct, omit_defaults=True):
    """What is known of a route's source."""

    root: Field = msgspec.field(default_factory=Field)
    runs: dict[str, int] = {}
    """The runs that were learned from, with their entities."""
    complete: bool = False
    """What differs counts."""
    beyond: bool = False
    """There were more fields than are kept."""


@dataclass(frozen=True, slots=True)
class Drift:
    """How one field differs from what was learned."""

    path: str
    kind: Kind
    expected: str
    """The types that were learned; empty for a new field."""
    found: str
    """The types that were found instead; empty for one that is gone."""
    since: float
    run_id: str | None

    def __str__(self) -> str:
        if self.kind == "new":
            return f"{self.path} is new ({self.found})"
        if self.kind == "gone":
            return f"{self.path} is gone ({self.expected}; every entity had it)"
        return f"{self.path} is {self.found}, and was {self.expected}"


def drifts(learned: Learned) -> list[Drift]:
    """All that nobody has accepted, in the order of the fields."""
    return list(_drifts(learned.root, ""))


def lines(learned: Learned) -> Iterator[tuple[str, Field]]:
    """Each field with its path, in the order in which they were seen."""
    return _lines(learned.root, "")


def _lines(field: Field, path: str) -> Iterator[tuple[str, Field]]:
    for name, child in field.fields.items():
        yield below(path, name), child
        yield from _lines(child, below(path, name))
    if field.items is not None:
        yield f"{path}[]", field.items
        yield from _lines(field.items, f"{path}[]")


def _drifts(field: Field, path: str) -> Iterator[Drift]:
    since, run_id = field.since or 0.0, field.run_id
    if field.new:
        yield Drift(path, "new", "", type_words(field.types), since, run_id)
        return
    if field.gone:
        yield Drift(path, "gone", type_words(field.types), "", since, run_id)
    if field.other:
        yield Drift(path or "(the record)", "type", type_words(field.types), type_words(field.other), since, run_id)
    for name, child in field.fields.items():
        yield from _drifts(child, below(path, name))
    if field.items is not None:
        yield from _drifts(field.items, f"{path}[]")


def learn_from(
    learned: Learned, seen: Seen, options: ContractOptions, *, run_id: str, began: float, now: float
) -> Learned:
    """What is known once a run has been seen. ``began``: when it read what it was compared with; what other runs have
    found since stays. ``seen`` has been :meth:`~Seen.counted`. ``learned`` is changed and returned. A run without
    entities says nothing."""
    if not seen.entities:
        return learned
    merge = _Merge(options, run_id, began, now, seen.beyond, sum(1 for _ in lines(learned)))
    learning = not learned.complete or seen.learning  # a run that began while others learned teaches, too
    if not learned.complete:
        learned.runs[run_id] = max(seen.entities, learned.runs.get(run_id, 0))
    merge.into(learned.root, seen.root, learning)
    learned.beyond = learned.beyond or merge.beyond
    if len(learned.runs) >= options.learn:
        learned.complete = True
    return learned


@dataclass(slots=True)
class _Merge:
    options: ContractOptions
    run_id: str
    began: float
    now: float
    beyond: bool
    count: int

    def into(self, field: Field, node: SeenField, learning: bool) -> None:
        """``learning``: what is found is learned, and nothing differs."""
        seen_before = bool(field.types & OBJECT)
        empty = not field.fields  # as of a field that was always null: everything is to be learned
        self._types(field, node.types, learning)
        for name, child in node.fields.items():
            known = field.fields.get(name)
            if child.present:
                self._present(field, name, known, child, node, learning or empty, seen_before)
            elif known is not None and node.objects:
                self._absent(known, learning)
        for name, known in field.fields.items() if node.objects else ():
            # what others have learned meanwhile
            if name not in node.fields and below(node.path, name) not in self.options.ignore:
                self._absent(known, learning)
        if node.items is not None and node.items.touched:
            self._items(field, node.items, learning)

    def _types(self, field: Field, types: int, learning: bool) -> None:
        other = types & ~field.types
        if learning or not field.types or (other and self.options.on_type_change == "ignore"):
            field.types |= types
        elif other:
            if not field.other:
                field.since, field.run_id = self.now, self.run_id
            field.other |= other
            field.at = self.now
        elif types and field.other and (field.at or 0.0) < self.began:
            field.other = 0  # the source gives again what it gave before

    def _present(
        self,
        parent: Field,
        name: str,
        known: Field | None,
        child: SeenField,
        node: SeenField,
        learning: bool,
        seen_before: bool,
    ) -> None:
        whole = child.present >= node.objects
        if known is None:
            if self.count >= MOST_FIELDS:
                self.beyond = True
                return
            self.count += 1
            learned_now = learning or self.options.on_new_field == "ignore"
            known = parent.fields[name] = Field(always=whole and not seen_before)
            if not learned_now:
                known.new, known.since, known.run_id = True, self.now, self.run_id
            self.into(known, child, True)
            return
        if learning and not whole:
            known.always = False
        known.gone = False
        self.into(known, child, learning or known.new)

    def _absent(self, known: Field, learning: bool) -> None:
        if learning:
            known.always = False
        elif known.always and not known.gone and not self.beyond and self.options.on_gone_field != "ignore":
            known.gone, known.since, known.run_id = True, self.now, self.run_id

    def _items(self, field: Field, items: SeenField, learning: bool) -> None:
        if field.items is None:
            if self.count >= MOST_FIELDS:
                self.beyond = True
                return
            self.count += 1
            field.items = Field()
            learning = True
        self.into(field.items, items, learning)


def accept(learned: Learned, paths: Collection[str]) -> list[Drift]:
    """Take what differs for what is right from now on, and return it. ``paths``: only of these fields; none: all.

    Raises RunError for a path at which nothing differs.
    """
    found = drifts(learned)
    wanted = [drift for drift in found if not paths or drift.path in paths]
    if missing := sorted(set(paths) - {drift.path for drift in wanted}):
        there = ", ".join(drift.path for drift in found[:20]) or "nothing does"
        raise RunError(f"{', '.join(missing)}: nothing differs there. What differs: {there}")
    chosen = {drift.path for drift in wanted}
    _walk(learned.root, "", lambda field, path: _accept(field) if path in chosen else None)
    return wanted


def _walk(field: Field, path: str, visit: Callable[[Field, str], None]) -> None:
    visit(field, path or "(the record)")
    for name, child in field.fields.items():
        _walk(child, below(path, name), visit)
    if field.items is not None:
        _walk(field.items, f"{path}[]", visit)


def _accept(field: Field) -> None:
    """A field that is gone stays known: what an earlier run left open may still have it."""
    if field.gone:
        field.always = False
    field.types |= field.other
    field.new = field.gone = False
    field.other = 0
    field.since = field.at = field.run_id = None

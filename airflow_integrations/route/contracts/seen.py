"""Look at the fields of a run's entities: which there are, of which types, and what differs from what was learned.

Records of one shape, the same names with values of the same types in the same order, are looked at once. The others of
that shape are only counted, which makes an entity cost a few microseconds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from airflow_integrations.route.contracts.paths import LIST, LONGEST_NAME, OBJECT, below, type_bit, type_words

if TYPE_CHECKING:
    from airflow_integrations.route.contracts.learned import Field, Learned

__all__ = ["MOST_FIELDS", "Different", "Kind", "Seen", "SeenField"]

MOST_FIELDS: Final = 2_000
"""Fields that are kept of a route. What is beyond is compared with these, and not learned."""
MOST_DEPTH: Final = 10
"""Objects and lists within each other; deeper ones are not looked into."""
LONGEST_PATH: Final = 1_000
MOST_CELLS: Final = 100_000
"""Names in all shapes that are remembered together: bounds memory."""
MOST_DIFFERENCES: Final = 5
"""That are told of one record."""


Kind = Literal["new", "type", "gone"]


@dataclass(frozen=True, slots=True)
class Different:
    """A field that differs from what was learned: of one entity, or, where it is gone, of a whole run."""

    path: str
    kind: Kind
    expected: str
    found: str

    def __str__(self) -> str:
        if self.kind == "new":
            return f"{self.path} is a new field ({self.found})"
        if self.kind == "gone":
            return f"{self.path} is in no entity; every entity had it ({self.expected})"
        return f"{self.path} is {self.found}; {self.expected} was learned"


class _Shape:
    __slots__ = ("cells", "count", "deeper", "different")

    def __init__(self) -> None:
        self.count = 0
        self.cells: list[tuple[SeenField, int]] = []
        self.deeper: tuple[tuple[str, SeenField], ...] = ()
        """Fields that are objects or lists."""
        self.different: tuple[Different, ...] = ()


class SeenField:
    """One field, or what the elements of a list are, in this run."""

    __slots__ = ("depth", "fields", "items", "judged", "known", "name", "objects", "path", "present", "shapes", "types")

    def __init__(self, name: str, path: str, depth: int, known: Field | None, judged: bool) -> None:
        self.name = name
        self.path = path
        self.depth = depth
        self.known = known
        """What was learned of it."""
        self.judged = judged and known is not None and not known.new
        """Whether a difference counts: within a field that is new itself, everything is."""
        self.types = 0
        self.present = 0
        """Objects that had it, be it null."""
        self.objects = 0
        """How often it was an object."""
        self.fields: dict[str, SeenField] = {}
        self.items: SeenField | None = None
        self.shapes: dict[tuple[Any, ...], _Shape] = {}

    @property
    def touched(self) -> bool:
        """Whether a list had such an element."""
        return bool(self.present)


class Seen:
    """What the entities of a run look like. ``learned`` is only read."""

    def __init__(self, learned: Learned, ignored: Collection[str] = ()) -> None:
        self.entities = 0
        self.learning = not learned.complete
        """Nothing counts as different yet."""
        self.beyond = False
        """There were fields that are not kept: too many, too long a name, nested too deeply."""
        self._ignored = frozenset(ignored)
        self._count = self._cells = 0
        self._different: list[Different] = []
        self.root = SeenField("", "", 0, learned.root, learned.complete)
        self._known(self.root)
        self._shaped: list[SeenField] = []

    def look(self, record: Any) -> list[Different]:
        """Look at one entity as the source gave it; what of it differs, at most some of it."""
        self.entities += 1
        root = self.root
        root.present += 1
        if self._different:
            self._different = []
        if type(record) is dict:
            self._object(root, record)
        else:
            self._other(root, record)
        return self._different

    def counted(self) -> Seen:
        """The same, with what was only counted by shape so far in its fields."""
        for field in self._shaped:
            for shape in field.shapes.values():
                _count(shape)
            field.shapes.clear()
        self._shaped.clear()
        self._cells = 0
        return self

    def gone(self) -> list[Different]:
        """Fields that every entity had, and that none has, in objects that there were. Empty where there were more
        fields than are kept: nobody knows then."""
        return [] if self.learning or self.beyond else list(_gone(self.counted().root))

    def _known(self, field: SeenField) -> None:
        """The fields that were learned have their places before any that is new."""
        known = field.known
        assert known is not None
        for name, child in known.fields.items():
            path = below(field.path, name)
            if path not in self._ignored:
                self._count += 1
                made = field.fields[name] = SeenField(name, path, field.depth + 1, child, field.judged)
                self._known(made)
        if known.items is not None and f"{field.path}[]" not in self._ignored:
            self._count += 1
            field.items = SeenField("", f"{field.path}[]", field.depth + 1, known.items, field.judged)
            self._known(field.items)

    def _object(self, field: SeenField, record: dict[str, Any]) -> None:
        key = (*record, *map(type, record.values()))
        shape = field.shapes.get(key)
        if shape is None:
            shape = self._shape(field, record)
        shape.count += 1
        if shape.different:
            self._different += shape.different
        for name, child in shape.deeper:
            value = record[name]
            if type(value) is dict:
                self._object(child, value)
            else:
                self._list(child, value)
        field.objects += 1
        if self._cells >= MOST_CELLS:
            self.counted()

    def _list(self, field: SeenField, values: Any) -> None:
        kinds = set(map(type, values))
        if not kinds:
            return
        items = field.items
        if items is None:
            if self._ignored and f"{field.path}[]" in self._ignored:
                return
            if (items := self._made(None, field)) is None:
                return
            field.items = items
        items.present += len(values)
        if kinds == {dict}:
            items.types |= OBJECT
            self._judge(items, OBJECT, self._different)
            if items.depth < MOST_DEPTH:
                for value in values:
                    self._object(items, value)
            else:
                self.beyond = True
            return
        for kind in kinds:
            bit = type_bit(kind)
            items.types |= bit
            self._judge(items, bit, self._different)
        if dict in kinds or list in kinds or tuple in kinds:
            for value in values:
                if type(value) in (dict, list, tuple):
                    self._other(items, value, judge=False)

    def _other(self, field: SeenField, value: Any, *, judge: bool = True) -> None:
        """A value that is not a field of an object."""
        bit = type_bit(type(value))
        field.types |= bit
        if judge:
            self._judge(field, bit, self._different)
        if bit in (OBJECT, LIST) and field.depth >= MOST_DEPTH:
            self.beyond = True
        elif bit == OBJECT:
            self._object(field, value)
        elif bit == LIST:
            self._list(field, value)

    def _shape(self, field: SeenField, record: dict[str, Any]) -> _Shape:
        """What objects of this shape have in common; remembered where that costs little memory."""
        field.types |= OBJECT
        shape = _Shape()
        different: list[Different] = []
        deeper: list[tuple[str, SeenField]] = []
        names: list[str] = []
        beyond = False
        for name, value in record.items():
            child = field.fields.get(name)
            bit = type_bit(type(value))
            if child is None:
                if self._ignored and below(field.path, name) in self._ignored:
                    beyond = True  # its name is not remembered: there may be many such
                    continue
                if len(different) < MOST_DIFFERENCES and self._is_new(field):
                    different.append(Different(below(field.path, name), "new", "", type_words(bit)))
                if (child := self._made(name, field)) is None:
                    beyond = True
                    continue
                field.fields[name] = child
            elif child.known is None or child.known.new:
                if self._is_new(field):
                    _add(different, Different(child.path, "new", "", type_words(bit)))
            else:
                self._judge(child, bit, different)
            names.append(child.name)
            shape.cells.append((child, bit))
            if bit in (OBJECT, LIST):
                if child.depth < MOST_DEPTH:
                    deeper.append((child.name, child))
                else:
                    self.beyond = True
        shape.deeper, shape.different = tuple(deeper), tuple(different)
        if beyond:
            shape.count = 1
            _count(shape)
            shape.count = 0
            return shape
        if not field.shapes:
            self._shaped.append(field)
        field.shapes[*names, *map(type, record.values())] = shape
        self._cells += len(names) + 10
        return shape

    def _is_new(self, field: SeenField) -> bool:
        """Whether a name that was not learned counts: not in an object that was always empty."""
        return field.judged and field.known is not None and bool(field.known.fields)

    def _judge(self, field: SeenField, bit: int, different: list[Different]) -> None:
        known = field.known
        if field.judged and bit and known is not None and known.types and not known.types & bit:
            expected = type_words(known.types)
            _add(different, Different(field.path or "(the record)", "type", expected, type_words(bit)))

    def _made(self, name: str | None, parent: SeenField) -> SeenField | None:
        """The place of a field, or of a list's elements (None), that was not learned. None: it is not kept."""
        if self._count < MOST_FIELDS and (name is None or (len(name) <= LONGEST_NAME and _writable(name))):
            path = f"{parent.path}[]" if name is None else below(parent.path, name)
            if len(path) <= LONGEST_PATH:
                self._count += 1
                return SeenField(name or "", path, parent.depth + 1, None, False)
        self.beyond = True
        return None


def _writable(name: str) -> bool:
    """Half of a surrogate pair cannot be written."""
    return name.isascii() or not any("\ud800" <= char <= "\udfff" for char in name)


def _gone(field: SeenField) -> Iterator[Different]:
    for child in field.fields.values():
        known = child.known
        if field.objects and not child.present and field.judged and known is not None and known.always:
            yield Different(child.path, "gone", type_words(known.types), "")
        yield from _gone(child)
    if field.items is not None:
        yield from _gone(field.items)


def _add(different: list[Different], one: Different) -> None:
    if len(different) < MOST_DIFFERENCES:
        different.append(one)


def _count(shape: _Shape) -> None:
    for child, bit in shape.cells:
        child.present += shape.count
        child.types |= bit
    shape.count = 0

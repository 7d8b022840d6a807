"""Functions over lists and objects. They give lists, never something that is used up by reading it."""

from __future__ import annotations

import builtins
import decimal
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions.evaluation.guards import field, kind_of, text_of
from airflow_integrations.expressions.evaluation.limits import MAX_DIGITS, MAX_STEPS
from airflow_integrations.expressions.evaluation.meter import Meter, build, same
from airflow_integrations.expressions.functions.catalogue import function

__all__ = [
    "chunk",
    "coalesce",
    "default",
    "find",
    "first",
    "get",
    "group_by",
    "items",
    "keys",
    "last",
    "one",
    "required",
    "sort_by",
    "unique",
    "values",
]


def _list(name: str, value: Any) -> Sequence[Any]:
    if isinstance(value, (list, tuple)):
        return value
    raise EntityError(f"{name}() takes a list, and this is {kind_of(value)}")


def _object(name: str, value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    if isinstance(value, (list, tuple)) and not value:
        return {}  # so some languages write an object without fields
    raise EntityError(f"{name}() takes an object, and this is {kind_of(value)}")


def _why(constants: dict[str, Any], given: Any) -> None:
    if "why" in constants and not (isinstance(constants["why"], str) and constants["why"].strip()):
        raise ValueError('why is the reason in words, such as "unknown product"')


@function("Lists and objects", name="len", also="length", returns="number", reads="little")
def len_(value: Any) -> int:
    """How many elements a list, fields an object, or characters a text has."""
    if isinstance(value, (str, list, tuple, Mapping)):
        return builtins.len(value)
    raise EntityError(f"len() takes a list, an object or a text, and this is {kind_of(value)}")


@function("Lists and objects", name="any", returns="truth", runs=builtins.any)
def any_(values: Sequence[Any]) -> Any:
    """Whether one of the values is true: `any(l.qty > 10 for l in order.lines)`."""


@function("Lists and objects", name="all", returns="truth", runs=builtins.all)
def all_(values: Sequence[Any]) -> Any:
    """Whether all of the values are true; true for an empty list."""


@function("Lists and objects", name="sorted", reads="deep")
def sorted_(values: Sequence[Any], reverse: bool = False) -> list[Any]:
    """The list in order."""
    return builtins.sorted(_list("sorted", values), reverse=bool(reverse))


@function("Lists and objects")
def sort_by(values: Sequence[Any], name: str, reverse: bool = False) -> list[Any]:
    """A list of objects in the order of one field: `sort_by(order.lines, "position")`. Those without it come last."""
    elements = _list("sort_by", values)
    there = [element for element in elements if field(element, name) is not None]
    missing = [element for element in elements if field(element, name) is None]
    return builtins.sorted(there, key=lambda element: field(element, name), reverse=bool(reverse)) + missing


@function("Lists and objects", name="reversed")
def reversed_(values: Sequence[Any]) -> list[Any]:
    """The list from its end to its beginning."""
    return list(builtins.reversed(_list("reversed", values)))


@function("Lists and objects", name="zip", builds="pieces")
def zip_(first_list: Sequence[Any], second_list: Sequence[Any]) -> list[Any]:
    """Pairs of the elements at the same position of two lists, as long as both go."""
    return list(builtins.zip(_list("zip", first_list), _list("zip", second_list), strict=False))


@function("Lists and objects", name="enumerate", builds="pieces")
def enumerate_(values: Sequence[Any], start: int = 0) -> list[Any]:
    """Pairs of position and element: `[… for i, line in enumerate(order.lines, 1)]`."""
    return list(builtins.enumerate(_list("enumerate", values), start))


@function("Lists and objects", name="range", builds="pieces", reads="little")
def range_(start: int, stop: int | None = None, step: int = 1) -> list[int]:
    """The whole numbers from `start` up to `stop` (without it), or from 0 up to the one number given."""
    numbers = builtins.range(start, stop, step) if stop is not None else builtins.range(start)
    if numbers and (numbers[-1] - numbers[0]) // numbers.step >= MAX_STEPS:
        raise EntityError(f"range() gives at most {MAX_STEPS} numbers")
    return list(numbers)


@function("Lists and objects", reads="deep")
def unique(values: Sequence[Any]) -> list[Any]:
    """The list without repetitions, in the order of first appearance."""
    made: dict[Any, Any] = {}
    for element in _list("unique", values):
        made.setdefault(_distinct("unique", element), element)
    return list(made.values())


def _distinct(name: str, value: Any) -> Any:
    """What is the same for equal values, as a key of a dictionary. Of long numbers and fractions it is their text: a
    payload could bring thousands whose hashes are the same."""
    kind = type(value)
    if kind is int and value.bit_length() > 60:
        return Decimal, str(value)
    if kind is Decimal:
        if value == (whole := value.to_integral_value()) and whole.adjusted() < MAX_DIGITS:
            return _distinct(name, int(whole))
        return Decimal, str(value.normalize(_EXACT))
    if isinstance(value, (list, tuple)):
        return tuple(_distinct(name, element) for element in value)
    if isinstance(value, Mapping):
        raise EntityError(f"{name}() compares texts and numbers; name a field of the objects")
    return value


_EXACT = decimal.Context(prec=decimal.MAX_PREC, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN)


@function("Lists and objects", reads="little", builds="nothing", takes_missing=True)
def first(values: Sequence[Any], default: Any = None) -> Any:
    """The first element of a list; `default` where it is empty or missing."""
    return _list("first", values)[0] if values else default


@function("Lists and objects", reads="little", builds="nothing", takes_missing=True)
def last(values: Sequence[Any], default: Any = None) -> Any:
    """The last element of a list; `default` where it is empty or missing."""
    return _list("last", values)[-1] if values else default


@function("Lists and objects", checked=_why, reads="little", builds="nothing", takes_missing=True)
def one(values: Sequence[Any], why: str) -> Any:
    """The only element of a list; the entity is rejected with `why` where there is none, or more than one:
    `one([p.id for p in products if p.sku == line.sku], f"unknown product {line.sku}")`."""
    elements = [] if values is None else _list("one", values)
    if builtins.len(elements) != 1 or elements[0] is None:
        found = builtins.len(elements)
        raise EntityError(f"{text_of(why)} ({f'{found} found, one is expected' if found > 1 else 'none found'})")
    return elements[0]


@function("Lists and objects", checked=_why, reads="little", builds="nothing", takes_missing=True)
def required(value: Any, why: str) -> Any:
    """The value; the entity is rejected with `why` where it is missing, or an empty text, list or object:
    `required(product.id, f"unknown product {line.sku}")`."""
    if value is None or (isinstance(value, (str, list, tuple, Mapping)) and not value):
        raise EntityError(text_of(why))
    return value


@function("Lists and objects")
def keys(value: Mapping[str, Any]) -> list[str]:
    """The field names of an object."""
    return list(_object("keys", value))


@function("Lists and objects")
def values(value: Mapping[str, Any]) -> list[Any]:
    """The values of an object; none for an empty list, as which PHP writes an object without fields."""
    return list(_object("values", value).values())


@function("Lists and objects", builds="pieces")
def items(value: Mapping[str, Any]) -> list[Any]:
    """Pairs of field name and value: `[… for name, value in items(order.attributes)]`."""
    return list(_object("items", value).items())


@function("Lists and objects", reads="little", builds="nothing", takes_missing=True)
def get(value: Any, name: Any, default: Any = None) -> Any:
    """The field of an object, `default` where it or the object is missing or null: `get(order, "note", "")`."""
    if isinstance(value, (list, tuple)) and not value:
        return default
    found = value.get(name) if isinstance(value, Mapping) else field(value, name)
    return default if found is None else found


@function("Lists and objects", reads="little", builds="nothing", takes_missing=True)
def coalesce(*values: Any) -> Any:
    """The first of the values that is not None. (`a or b` also passes over 0, "" and false.)"""
    return next((value for value in values if value is not None), None)


@function("Lists and objects", reads="little", builds="nothing", takes_missing=True)
def default(value: Any, instead: Any = "") -> Any:
    """`instead` where the value is missing or null."""
    return instead if value is None else value


@function("Lists and objects", metered=True, builds="nothing", takes_missing=True)
def find(meter: Meter, values: Sequence[Any], name: str, value: Any) -> Any:
    """The first object of a list whose field has this value: `find(order.addresses, "type", "billing").city`. None
    where there is none, or no list."""
    if values is None:
        return None
    for element in _list("find", values):
        if same(field(element, name), value, meter):
            return element
    return None


@function("Lists and objects", metered=True, builds="nothing")
def group_by(meter: Meter, values: Sequence[Any], name: str) -> list[Any]:
    """A list of objects by the value of one field, in the order of first appearance: objects with `key` and `items`, as
    in `[{"sku": g.key, "qty": sum(l.qty for l in g.items)} for g in group_by(order.lines, "sku")]`."""
    groups: dict[Any, dict[str, Any]] = {}
    elements = _list("group_by", values)
    build(8 * builtins.len(elements), meter)
    for element in elements:
        key = field(element, name)
        if isinstance(key, (list, tuple, Mapping)):
            raise EntityError(f"group_by() takes a field with a text or a number, and {name!r} is {kind_of(key)}")
        if (group := groups.get(known := _distinct("group_by", key))) is None:
            build(_GROUP, meter)
            groups[known] = group = {"key": key, "items": []}
        group["items"].append(element)
    return list(groups.values())


_GROUP = 500
"""Bytes of one group: an object and a list."""


@function("Lists and objects", metered=True, builds="nothing")
def chunk(meter: Meter, values: Sequence[Any], size: int) -> list[Any]:
    """The list in lists of at most `size` elements: `chunk(order.lines, 50)`."""
    if type(size) is not int or size < 1:
        raise EntityError("the size of a chunk is a whole number from 1")
    elements = _list("chunk", values)
    build(8 * builtins.len(elements) + 100 * (builtins.len(elements) // size), meter)
    return [list(elements[start : start + size]) for start in builtins.range(0, builtins.len(elements), size)]

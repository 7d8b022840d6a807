"""Functions over lists and objects. They give lists, never something that is used up by reading it."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from typing import Any

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions.bounds import MAX_STEPS
from airflow_integrations.expressions.functions.catalogue import function
from airflow_integrations.expressions.guards import field, kind_of

__all__ = ["coalesce", "first", "get", "items", "keys", "last", "sort_by", "unique", "values"]


def _list(name: str, value: Any) -> Sequence[Any]:
    if isinstance(value, (list, tuple)):
        return value
    raise EntityError(f"{name}() takes a list, and this is {kind_of(value)}")


def _object(name: str, value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise EntityError(f"{name}() takes an object, and this is {kind_of(value)}")


@function("Lists and objects", name="len", returns="number")
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


@function("Lists and objects", name="sorted")
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


@function("Lists and objects", name="zip")
def zip_(first_list: Sequence[Any], second_list: Sequence[Any]) -> list[Any]:
    """Pairs of the elements at the same position of two lists, as long as both go."""
    return list(builtins.zip(_list("zip", first_list), _list("zip", second_list), strict=False))


@function("Lists and objects", name="enumerate")
def enumerate_(values: Sequence[Any], start: int = 0) -> list[Any]:
    """Pairs of position and element: `[… for i, line in enumerate(order.lines, 1)]`."""
    return list(builtins.enumerate(_list("enumerate", values), start))


@function("Lists and objects", name="range")
def range_(start: int, stop: int | None = None, step: int = 1) -> list[int]:
    """The whole numbers from `start` up to `stop` (without it), or from 0 up to the one number given."""
    numbers = builtins.range(start, stop, step) if stop is not None else builtins.range(start)
    if numbers and (numbers[-1] - numbers[0]) // numbers.step >= MAX_STEPS:
        raise EntityError(f"range() gives at most {MAX_STEPS} numbers")
    return list(numbers)


@function("Lists and objects")
def unique(values: Sequence[Any]) -> list[Any]:
    """The list without repetitions, in the order of first appearance."""
    elements = _list("unique", values)
    try:
        return list(dict.fromkeys(elements))
    except TypeError:
        raise EntityError("unique() takes a list of texts and numbers; name a field of its objects") from None


@function("Lists and objects")
def first(values: Sequence[Any], default: Any = None) -> Any:
    """The first element of a list; `default` where it is empty or missing."""
    return _list("first", values)[0] if values else default


@function("Lists and objects")
def last(values: Sequence[Any], default: Any = None) -> Any:
    """The last element of a list; `default` where it is empty or missing."""
    return _list("last", values)[-1] if values else default


@function("Lists and objects")
def keys(value: Mapping[str, Any]) -> list[str]:
    """The field names of an object."""
    return list(_object("keys", value))


@function("Lists and objects")
def values(value: Mapping[str, Any]) -> list[Any]:
    """The values of an object."""
    return list(_object("values", value).values())


@function("Lists and objects")
def items(value: Mapping[str, Any]) -> list[Any]:
    """Pairs of field name and value: `[… for name, value in items(order.attributes)]`."""
    return list(_object("items", value).items())


@function("Lists and objects")
def get(value: Any, name: Any, default: Any = None) -> Any:
    """The field of an object, `default` where it or the object is missing or null: `get(order, "note", "")`."""
    found = value.get(name) if isinstance(value, Mapping) else field(value, name)
    return default if found is None else found


@function("Lists and objects")
def coalesce(*values: Any) -> Any:
    """The first of the values that is not None. (`a or b` also passes over 0, "" and false.)"""
    return next((value for value in values if value is not None), None)

"""Dotted paths into an entity, read and changed without touching what others hold of it.

A change copies the objects along its path and shares everything else, so that ``source`` and the tables of lookups stay
as they are while the entity changes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions.structures.structure_tree import Fields

__all__ = [
    "MISSING",
    "DottedPath",
    "FieldPath",
    "dropped",
    "fields_at",
    "of_each_element",
    "overlap",
    "placed",
    "split_path",
    "taken",
    "with_field",
    "without_field",
]

MISSING: Any = object()
"""What is not there, as opposed to null."""

Path = tuple[str, ...]


def _plain(text: str) -> str:
    """``lines.*.x`` for ``$.lines[*].x``, ``lines[].x`` and ``lines[0].x``."""
    plain = re.sub(r"\[\W*(\w*)\W*\]", lambda found: f".{found[1] if found[1].isidentifier() else '*'}", text)
    return plain.lstrip("$.")


def _readable(text: str) -> str:
    if not all(part and part == part.strip() for part in text.split(".")):
        raise ValueError(f"{text!r} is not a path; write field names with dots between, such as customer.address.city")
    if text.startswith("$") or "[" in text:
        raise ValueError(f"{text!r} is a path of another language; write {_plain(text)}, where * is each element")
    return text


def of_each_element(text: str, entity: str) -> str | None:
    """What is wrong with a path that writes below ``*``: nothing says what goes into which element. None for others."""
    steps = text.split(".")
    if "*" not in steps:
        return None
    at = steps.index("*")
    if at == 0 or at + 1 == len(steps):
        return f"{text!r} is not the path of one field; * stands for each element of a list in drop only"
    below = steps[1:at] if steps[0] == entity and at > 1 else steps[:at]
    held = ".".join(below)
    return (
        f"{text!r} would be a field of each element of a list, which only drop reaches; to make the list anew write  "
        f"- set: {{{held}: '[{{**each, \"{steps[at + 1]}\": …}} for each in {entity}.{held}]'}}"
    )


def _of_one_field(text: str) -> str:
    told = of_each_element(_plain(text), "order") if "[" in text else None
    if told is not None:
        raise ValueError(told)
    return _readable(text)


FieldPath = Annotated[str, Field(max_length=500), AfterValidator(_of_one_field)]
"""As :data:`DottedPath`, of one field; a step that has such paths tells ``*`` by :func:`of_each_element`."""

DottedPath = Annotated[str, Field(max_length=500), AfterValidator(_readable)]
"""``customer.address.city``: a field below the entity, which itself is not named."""


def split_path(text: str) -> Path:
    return tuple(text.split("."))


def overlap(one: Path, other: Path) -> bool:
    """Whether one path is the other or lies below it."""
    return all(a == b for a, b in zip(one, other, strict=False))


def taken(value: Any, path: Path) -> Any:
    """What is at a path, or MISSING."""
    for part in path:
        if type(value) is not dict or part not in value:
            return MISSING
        value = value[part]
    return value


def placed(value: Any, path: Path, new: Any) -> Any:
    """``value`` with ``new`` at the path. Missing objects on the way are made.

    Raises EntityError where something other than an object is in the way.
    """
    if value is not None and type(value) is not dict:
        raise EntityError(f"{path[0]!r} cannot be set below {_article(value)}")
    copy = dict(value) if value else {}
    copy[path[0]] = placed(copy.get(path[0]), path[1:], new) if len(path) > 1 else new
    return copy


def dropped(value: Any, path: Path) -> Any:
    """``value`` without what is at the path; ``*`` in it stands for every element of a list."""
    part, rest = path[0], path[1:]
    if type(value) is list and part == "*":
        return _changed_list(value, lambda inner: dropped(inner, rest)) if rest else []
    if type(value) is not dict or part not in value:
        return value
    if not rest:
        copy = dict(value)
        del copy[part]
        return copy
    inner = dropped(value[part], rest)
    return value if inner is value[part] else {**value, part: inner}


def fields_at(fields: Fields | None, path: Path) -> Fields | None:
    """The known fields at a path; None where they are not known."""
    for part in path:
        if fields is None:
            return None
        fields = fields.get(part)
    return fields


def with_field(fields: Fields | None, path: Path, inner: Fields | None) -> Fields | None:
    """The known fields with one more at a path; unknown fields stay so."""
    if fields is None:
        return None
    below = with_field(fields.get(path[0], {}), path[1:], inner) if len(path) > 1 else inner
    return {**fields, path[0]: below}


def without_field(fields: Fields | None, path: Path) -> Fields | None:
    """The known fields without the one at a path."""
    if fields is None or path[0] not in fields:
        return fields
    if len(path) > 1:
        return {**fields, path[0]: without_field(fields[path[0]], path[1:])}
    return {name: inner for name, inner in fields.items() if name != path[0]}


def _changed_list(values: list[Any], change: Callable[[Any], Any]) -> list[Any]:
    changed = [change(value) for value in values]
    return changed if any(new is not old for new, old in zip(changed, values, strict=True)) else values


def _article(value: Any) -> str:
    kinds = {list: "a list", str: "a text", bool: "true or false"}
    return kinds.get(type(value), "a number")

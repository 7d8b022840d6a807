"""The grammar of ``map`` and of JSON bodies, read into a tree. String leaves are expressions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from airflow_integrations.expressions.language.dependencies import Bound, Path, Reads, path_of, reads
from airflow_integrations.expressions.language.grammar import Parsed, parse, usable_name

__all__ = ["Const", "Each", "Fields", "Leaf", "Loc", "Members", "Mistaken", "Node", "known_fields", "leaves", "read"]

MAX_DEPTH = 30
"""How deeply a structure may be nested."""

Loc = tuple[str, ...]
"""A place in the definition, key by key as it is written."""
Mistaken = tuple[Loc, str]
Fields = dict[str, Any]
"""The fields of an object that are all known: name to the fields below it, None where those are not known."""


@dataclass(frozen=True, slots=True)
class Leaf:
    parsed: Parsed


@dataclass(frozen=True, slots=True)
class Const:
    value: Any


@dataclass(frozen=True, slots=True)
class Members:
    members: dict[str, Node]
    optional: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Each:
    over: Parsed
    name: str
    body: Node
    where: Parsed | None


Node = Leaf | Const | Members | Each


def read(value: Any) -> tuple[Node, list[Mistaken]]:
    """The tree of a definition, and every mistake in it."""
    mistakes: list[Mistaken] = []
    return _read(value, (), mistakes), mistakes


def _read(value: Any, place: Loc, mistakes: list[Mistaken]) -> Node:
    try:
        if len(place) > MAX_DEPTH:
            raise ValueError(f"it is nested more than {MAX_DEPTH} deep")
        if isinstance(value, str):
            return Leaf(parse(value))
        if value is None or isinstance(value, (bool, int, Decimal)):
            return Const(value)
        if isinstance(value, float):
            return Const(_exact(value))
        if isinstance(value, (list, tuple)):
            raise ValueError(
                "a YAML list does not stand here: for one expression quote it, such as "
                f'"[l.sku for l in order.lines]", or use >-; for a fixed list write {_const_of(value)}; '
                "for a list of objects write {each: order.lines, name: line, map: {…}}"
            )
        if isinstance(value, Mapping):
            if set(value) == {"const"}:
                return Const(_exact(value["const"]))
            if "each" in value and set(value) <= {"each", "name", "map", "where"}:
                return _read_each(value, place, mistakes)
            if (odd := _odd_key_of_each(value)) is not None:
                raise ValueError(odd)
            return _read_members(value, place, mistakes)
        raise ValueError(f"{type(value).__name__} does not stand here; for fixed text write {{const: …}}")
    except ValueError as error:
        mistakes.append((place, str(error)))
        return Const(None)


_OF_LOOPS = {
    "filter": "where: line.qty > 0",
    "if": "where: line.qty > 0",
    "when": "where: line.qty > 0",
    "as": "name: line",
    "item": "name: line",
    "fields": "map: {Sku: line.sku}",
    "set": "map: {Sku: line.sku}",
    "mapping": "map: {Sku: line.sku}",
    "do": "map: {Sku: line.sku}",
    "for": "each: order.lines, name: line",
    "for_each": "each: order.lines",
    "foreach": "each: order.lines",
    "loop": "each: order.lines",
}
"""Keys of other tools' loops, each with what to write."""


def _odd_key_of_each(value: Mapping[Any, Any]) -> str | None:
    """What is wrong with a loop that has another key than loops have; None for a mapping that is surely no loop."""
    if len({"each", "name", "map", "where"} & {*value}) < (2 if "each" in value else 1) or not {"each", "map"} & {
        *value
    }:
        return None
    name = value.get("name", "item")
    if not isinstance(name, str) or not name.isidentifier():
        return None
    odd = [key for key in value if key not in ("each", "name", "map", "where")]
    if not odd or odd[0] not in _OF_LOOPS:
        return None
    return f"a list of objects has each, name, where and map; for {odd[0]!r} write {_OF_LOOPS[odd[0]]}"


def _const_of(values: list[Any] | tuple[Any, ...]) -> str:
    """How a short list of plain values is written where it stands for itself."""
    words = [value for value in values if isinstance(value, str) and re.fullmatch(r"[A-Za-z][\w-]*", value)]
    shown = f"{{const: [{', '.join(words)}]}}"
    return shown if words and len(words) == len(values) and len(shown) < 80 else "{const: […]}"


def _read_members(value: Mapping[Any, Any], place: Loc, mistakes: list[Mistaken]) -> Members:
    members: dict[str, Node] = {}
    optional: list[str] = []
    for key, inner in value.items():
        if not isinstance(key, str):
            raise ValueError(f"the name {key!r} is not text; quote it")
        name = key.removesuffix("?")
        if name in members:
            raise ValueError(f"{name!r} is there twice, with and without ?")
        if name != key:
            optional.append(name)
        members[name] = _read(inner, (*place, key), mistakes)
    return Members(members, tuple(optional))


def _read_each(value: Mapping[str, Any], place: Loc, mistakes: list[Mistaken]) -> Node:
    if "map" not in value:
        raise ValueError("each needs map: {each: order.lines, name: line, map: {Sku: line.sku}}")
    name = value.get("name", "item")
    if not isinstance(name, str) or not usable_name(name):
        mistakes.append(((*place, "name"), f"{name!r} cannot be a name here; write one such as line"))
        name = "item"
    over = _read(value["each"], (*place, "each"), mistakes)
    where = _read(value["where"], (*place, "where"), mistakes) if "where" in value else None
    body = _read(value["map"], (*place, "map"), mistakes)
    for part, node, sample in (("each", over, "order.lines"), ("where", where, "line.qty > 0")):
        if node is not None and not isinstance(node, Leaf) and not any(loc[-1:] == (part,) for loc, _ in mistakes):
            mistakes.append(((*place, part), f"{part} takes one expression, such as {sample}"))
    if not isinstance(over, Leaf) or not (where is None or isinstance(where, Leaf)):
        return Const(None)
    return Each(over.parsed, name, body, where.parsed if where else None)


def _exact(value: Any) -> Any:
    """Fixed data with exact numbers: what a binary float shows is what was meant."""
    if isinstance(value, float):
        number = Decimal(repr(value))
        if not number.is_finite():
            raise ValueError("a number is finite")
        return number
    if isinstance(value, Mapping):
        return {str(key): _exact(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_exact(inner) for inner in value]
    if value is None or isinstance(value, (str, int, Decimal)):
        return value
    raise ValueError(f"const: {type(value).__name__} is not JSON; quote it for text")


def leaves(node: Node, place: Loc = (), bound: Bound | None = None) -> Iterator[tuple[Loc, Parsed, Reads]]:
    """Each expression of a tree with its place and what it reads. ``bound`` are names of loops around it."""
    bound = bound or {}
    if isinstance(node, Leaf):
        yield place, node.parsed, reads(node.parsed.body, bound)
    elif isinstance(node, Members):
        for name, inner in node.members.items():
            yield from leaves(inner, (*place, f"{name}?" if name in node.optional else name), bound)
    elif isinstance(node, Each):
        found = Reads()
        path: Path | None = path_of(node.over.body, bound, found)
        yield (*place, "each"), node.over, found
        inner_bound = {**bound, node.name: (*path, "*") if path else None}
        if node.where:
            yield (*place, "where"), node.where, reads(node.where.body, inner_bound)
        yield from leaves(node.body, (*place, "map"), inner_bound)


def known_fields(node: Node) -> Fields | None:
    """The fields of what a tree makes, as far as its text tells: of a list those of its elements, under ``*``."""
    if isinstance(node, Members):
        return {name: known_fields(inner) for name, inner in node.members.items()}
    if isinstance(node, Each):
        return {"*": known_fields(node.body)}
    return None

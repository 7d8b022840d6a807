"""Fields written as pairs, ``{from: a, to: B}``, as other tools have them: what a ``map`` has in their place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["pair_at", "pair_remedy"]

_FROM = (
    "from",
    "source",
    "src",
    "source_field",
    "from_field",
    "input",
    "field",
    "path",
    "column",
    "expression",
    "expr",
)
_TO = ("to", "target", "destination", "dest", "target_field", "to_field", "output", "name", "value")
_BESIDE = ("type", "format", "default", "required", "cast")
_CASTS = {
    **dict.fromkeys(("decimal", "number", "numeric", "float", "double"), "decimal"),
    **dict.fromkeys(("int", "integer", "long"), "integer"),
    **dict.fromkeys(("str", "string", "text"), "text"),
}


def pair_remedy(value: Any, below: str | None = None) -> str | None:
    """``write B: order.a`` for such a mapping; None for what is none. ``below``: the field that it stands under."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        return None
    keys = {key.lower(): key for key in value}
    taken = next((value[keys[word]] for word in _FROM if word in keys), None)
    if not isinstance(taken, str) or len(keys) < 2 or not {*keys} <= {*_FROM, *_TO, *_BESIDE}:
        return None
    named = next((value[keys[word]] for word in _TO if word in keys), below)
    if not isinstance(named, str):
        return None
    told = taken if "." in taken or not taken.isidentifier() else f"order.{taken}"
    cast = _CASTS.get(str(value.get(keys.get("type", keys.get("cast", "")))).lower())
    return f"in a map the new field stands on the left: write {named}: {f'{cast}({told})' if cast else told}"


def pair_at(definition: Any, place: Sequence[str]) -> str | None:
    """The same for the mapping that holds a place of a structure."""
    *holders, _ = ["", *place]
    for step in holders[1:]:
        if not isinstance(definition, Mapping) or step not in definition:
            return None
        definition = definition[step]
    return pair_remedy(definition, holders[-1] or None)

"""Pydantic's errors over a route's data as mistakes in its files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from airflow_integrations.errors import Mistake
from airflow_integrations.plurals import plural
from airflow_integrations.route_files.error_paths import Place, locate
from airflow_integrations.route_files.messages import worded
from airflow_integrations.route_files.nodes import Node

__all__ = ["mistakes_of", "node_at", "placed"]


def node_at(root: Node, loc: Sequence[int | str]) -> Node:
    """The node at a place, or the nearest one that holds it."""
    node = root
    for step in loc:
        value = node.value
        here = step < len(value) if isinstance(value, list) and isinstance(step, int) else False
        if not here and not (isinstance(value, dict) and step in value):
            break
        node = value[step]
    return node


def placed(root: Node, loc: Sequence[int | str], message: str) -> Mistake:
    """A mistake at a place, or at the nearest one that holds it."""
    return node_at(root, loc).mistake(message, _dotted(loc))


def mistakes_of(error: ValidationError, model: type[BaseModel], root: Node, data: Any) -> list[Mistake]:
    """Every mistake that pydantic found in ``data``, the plain form of ``root``, in the words of our own."""
    whole: list[Mistake] = []
    places: dict[tuple[int | str, ...], list[tuple[dict[str, Any], Place]]] = {}
    for found in error.errors(include_url=False):
        if found["type"] == "route":  # of our own check, whose places are the document's
            whole.append(placed(root, found["loc"], _in_words_of(data, found["msg"])))
            continue
        place = locate(model, found["loc"], data)
        places.setdefault(place.loc, []).append((dict(found), place))
    told = [pair for group in places.values() for pair in _relevant(group, places)]
    renamed = _renamed(told, model, data)
    left = [
        (found, place)
        for found, place in told
        if not (found["type"] == "missing" and place.loc in renamed)
        # a list too short: elements with mistakes of their own are not counted
        and not (found["type"] == "too_short" and any(_below(other, place.loc) for other in places))
    ]
    lacking = _lacking(left)
    for about, place in sorted(left, key=lambda pair: pair[0]["type"] == "missing"):  # a stable sort
        told_with = about["type"] in ("missing", "extra_forbidden") and len(place.loc) > 1
        names = lacking.pop(place.loc[:-1], []) if told_with else []
        if names or not told_with or about["type"] != "missing":
            whole.append(_mistake(about, place, model, root, data, names))
    return whole


def _lacking(told: list[tuple[dict[str, Any], Place]]) -> dict[tuple[int | str, ...], list[str]]:
    """The keys that each mapping below the route itself lacks: one message tells them, with an unknown key if there
    is one, which most often was to be one of them."""
    found: dict[tuple[int | str, ...], list[str]] = {}
    for error, place in told:
        if error["type"] == "missing" and len(place.loc) > 1:
            found.setdefault(place.loc[:-1], []).append(str(place.loc[-1]))
    return found


def _renamed(told: list[tuple[dict[str, Any], Place]], model: type[BaseModel], data: Any) -> set[tuple[int | str, ...]]:
    """The places of keys that are only missing because they stand under another name, which is told by itself."""
    meant = set()
    for found, place in told:
        if found["type"] == "extra_forbidden":
            parent = locate(model, found["loc"][:-1], data)
            remedy = re.search(r"(?:; write |, did you mean ')([\w$]+)", worded(found, place, parent))
            if remedy:
                meant.add((*parent.loc, remedy[1]))
    return meant


def _below(loc: tuple[int | str, ...], holder: tuple[int | str, ...]) -> bool:
    return len(loc) > len(holder) and loc[: len(holder)] == holder


def _relevant(
    group: list[tuple[dict[str, Any], Place]], places: dict[tuple[int | str, ...], Any]
) -> list[tuple[dict[str, Any], Place]]:
    """Of the complaints of a union's members about one value, those of the member that was meant.

    A member that wants another kind of value wasn't meant, where another one complains about something else: about
    the value itself, or about what is inside.
    """
    if not any(place.member for _, place in group):
        return group
    about = [pair for pair in group if not _wants_another_kind(pair[0])]
    loc = group[0][1].loc
    if about:
        return about
    if any(_below(other, loc) for other in places):
        return []
    return [pair for pair in group if pair[0]["type"] != "is_instance_of"] or group[:1]


def _wants_another_kind(found: dict[str, Any]) -> bool:
    kind = str(found["type"])
    if kind in ("literal_error", "enum") and isinstance(found.get("input"), (dict, list)):
        return True
    return kind.endswith(("_type", "_parsing")) or kind in ("is_instance_of", "none_required")


def _mistake(
    found: dict[str, Any], place: Place, model: type[BaseModel], root: Node, data: Any, lacking: list[str]
) -> Mistake:
    kind, loc = found["type"], place.loc
    parent = locate(model, found["loc"][:-1], data)
    message = _in_words_of(data, worded(found, place, parent))
    if lacking:
        names = f"{', '.join(map(repr, lacking[:-1]))} and {lacking[-1]!r}" if lacking[1:] else repr(lacking[0])
        missing = f"{names} {plural(len(lacking), 'is', 'are')} missing"
        message = missing if kind == "missing" else f"{message}. And {missing}"
    context = found.get("ctx", {})
    if kind == "missing":
        node = node_at(root, loc[:-1])
        return node.mistake(message, _dotted(loc[:-1]))
    if kind == "extra_forbidden":
        return node_at(root, loc).mistake(message, _dotted(loc[:-1]), at_key=True)
    if "at_key" in context:
        inner = node_at(root, loc).get(str(context["at_key"]))
        return (inner or node_at(root, loc)).mistake(message, _dotted(loc), at_key=inner is not None)
    if kind == "union_tag_invalid":
        tag = node_at(root, loc).get(str(context["discriminator"]).strip("'"))
        return (tag or node_at(root, loc)).mistake(message, _dotted(loc))
    at_key = found["loc"][-1:] == ("[key]",) or None
    return node_at(root, loc).mistake(message, _dotted(loc), at_key=at_key)


def _in_words_of(data: Any, message: str) -> str:
    """``product.price`` for the ``order.price`` of a remedy, where the route calls its entity so.

    An expression is read before it is known what the route calls its entity.
    """
    entity = data.get("entity") if isinstance(data, dict) else None
    name = entity.get("name") if isinstance(entity, dict) else None
    if not isinstance(name, str) or not name.isidentifier() or name == "order" or _calls(data, "order"):
        return message
    return re.sub(r"(?<![\w.\"'/-])order(?=[.\[]\w|\[\")", name, message)


def _calls(data: Any, word: str) -> bool:
    """Whether something else of the route, such as a lookup or a loop, has this name."""
    if isinstance(data, dict):
        return data.get("name") == word or any(_calls(inner, word) for inner in data.values())
    return isinstance(data, list) and any(_calls(inner, word) for inner in data)


def _dotted(loc: Sequence[int | str]) -> str:
    return ".".join(map(str, loc))

"""Remedies for unknown names: a field without its object, another tool's name, a text without quotes."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from airflow_integrations.expressions import AIRFLOW_NAMES, SCOPES, Expression, Structure, Template
from airflow_integrations.expressions.language.grammar import Parsed
from airflow_integrations.expressions.scopes import field_holder
from airflow_integrations.window import AIRFLOW_ALIASES

__all__ = ["Reading", "readings", "unknown_name"]

Leaf = Expression | Structure | Template


@dataclass(frozen=True, slots=True)
class Reading:
    """One expression or template: the one of its structure that reads what is asked about."""

    leaf: Leaf
    place: tuple[str, ...]
    """Below the leaf: where in a structure."""
    names: Collection[str]
    fields: Collection[tuple[str, ...]]
    parsed: Parsed | None
    """None for a template."""


def readings(leaf: Leaf) -> Iterator[Reading]:
    """Each expression of a leaf; the leaf itself where it is not a structure."""
    if isinstance(leaf, Structure):
        for place, parsed, reads in leaf.leaves():
            yield Reading(leaf, place, reads.names, reads.fields, parsed)
    else:
        yield Reading(leaf, (), leaf.names, leaf.fields, leaf.parsed if isinstance(leaf, Expression) else None)


_ENTITY_WORDS = frozenset(
    {"data", "dict", "doc", "document", "element", "entity", "event", "item", "it", "json", "message", "msg", "node"}
    | {"obj", "object", "payload", "record", "row", "self", "this", "value"}
)
"""What other tools call the record they have in hand."""
_ANSWER_WORDS = frozenset({"answer", "json", "page", "response"})
_FOUND_WORDS = frozenset({"answer", "body", "found", "id", "response", "result"})
"""What people call what an upsert's ``find`` has found."""
_OTHERS = {
    "conn": "credentials and addresses belong to the Connection that `connection` names; take it out",
    "connection": "credentials and addresses belong to the Connection that `connection` names; take it out",
    "secrets": "credentials belong to the Connection that `connection` names; take it out",
    "env": "write var.name for an Airflow Variable, params.name for a value of the run",
    "environment": "write var.name for an Airflow Variable, params.name for a value of the run",
    "os": "write var.name for an Airflow Variable; route files expand no environment variables",
    "config": "write params.name for a value of the run; credentials and addresses belong to the Connection",
    "parameters": "write params.name for a value of the run",
    "vars": "write params.name for a value of the run, var.name for an Airflow Variable",
    "stream_interval": "write window.start and window.end",
    "stream_slice": "write window.start and window.end",
    "stream_state": "write window.start, or `cursor:` beside the query for what is newer than the last answer",
    "state": "write window.start, or `cursor:` beside the query for what is newer than the last answer",
    "incremental": "write window.start, or `cursor:` beside the query for what is newer than the last answer",
    "next_page_token": "`pagination:` puts it into the next request; take it out",
    "start_date": "write window.start",
    "end_date": "write window.end",
    "run_id": "no run says its id to other systems; write window.start for what the run is about",
    "prev_data_interval_end_success": "write window.start: a window begins where the last one ended",
    "prev_start_date_success": "write window.start: a window begins where the last one ended",
    "now": "there is no clock here, so that a replay gives the same; write window.end",
    "today": "there is no clock here, so that a replay gives the same; write window.end",
    "utcnow": "there is no clock here, so that a replay gives the same; write window.end",
    "datetime": "there is no clock here, so that a replay gives the same; write window.end",
    "timestamp": "there is no clock here, so that a replay gives the same; write window.end",
}


DEFAULT_NAME = "entity"
"""What expressions call an entity whose route gives it no name."""


def unknown_name(
    name: str,
    reading: Reading,
    allowed: frozenset[str],
    entity: str,
    params: Collection[str],
    *,
    identity: bool = False,
) -> str:
    """The message for a name that is not known; ``identity`` says that the leaf is an entity's key or version."""
    leaf = reading.leaf
    known = f"Known here: {', '.join(sorted(allowed - AIRFLOW_ALIASES))}"
    if name in AIRFLOW_NAMES and name not in ("conf", "dag_run"):
        return f"{name} is a name of Airflow's that not every run has; write {AIRFLOW_NAMES[name]}"
    if name in ("conf", "dag_run"):
        return f"{name} is a name of Airflow's; write params.name for what a run was given. {known}"
    root = field_holder(leaf.sees, entity)
    below = sorted({path[1:] for path in reading.fields if path[0] == name and len(path) > 1 and path[1] != "*"})
    likeness = 0.6 if root in (None, entity) else 0.8  # `orders` in an answer is body.orders, not headers
    close = difflib.get_close_matches(name, allowed - AIRFLOW_ALIASES, n=1, cutoff=likeness)
    if root is not None and below and name in (_ENTITY_WORDS if root == entity else _ANSWER_WORDS):
        return f"unknown name {name}: here it is called {root}; write {_written((root, *below[0]))}. {known}"
    if "target" in allowed and name in _FOUND_WORDS:
        field = _written(("target", below[0][-1] if below else "id"))
        return f"{name} is not known here; what `find` found is called target: write {field}. {known}"
    if name in _OTHERS:
        return f"unknown name {name}; {_OTHERS[name]}. {known}"
    if reading.parsed is not None and any(
        isinstance(key, ast.Name) and key.id == name
        for node in ast.walk(reading.parsed.body)
        if isinstance(node, ast.Dict)
        for key in node.keys
    ):
        return f'{name} is not known here; for the key of an object write "{name}". {known}'
    if any(name in scope.names for scope in SCOPES.values()):
        field = f"; for the field write {root}.{name}" if root in allowed else ""
        return f"{name} is not known here{field}. {known}"
    if entity == DEFAULT_NAME and root == entity and below and not close:
        return f"unknown name {name}: the entity has no name of its own; write entity: {{name: {name}, …}}. {known}"
    if close:
        return f"unknown name {name}, did you mean {close[0]}? {known}"
    if name in params and "params" in allowed:
        return f"unknown name {name}, did you mean params.{name}? {known}"
    if reading.parsed is not None and (hyphened := _hyphened(reading.parsed, name)) is not None:
        return f"unknown name {name}; a field with a hyphen is written {hyphened}. {known}"
    if root is None:
        return f"unknown name {name}{_as_text(leaf, name)}. {known}"
    if isinstance(leaf, Structure):
        from airflow_integrations.expressions.structures.written_pairs import pair_at  # only for a mistake

        pair = pair_at(leaf.definition, reading.place)
        meant = f"; {pair}" if pair else ""
        return f"unknown name {name}; for the text write {{const: {name}}}, for the field {root}.{name}{meant}. {known}"
    whole = below[0] if below else ()
    if identity or isinstance(leaf, Template) or (leaf.text == ".".join((name, *whole)) and root != entity):
        return f"unknown name {name}, did you mean {_written((root, name, *whole))}? {known}"
    return f"unknown name {name}{_as_text(leaf, name)}, for the field {root}.{name}. {known}"


def _as_text(leaf: Leaf, name: str) -> str:
    if isinstance(leaf, Structure):
        return f"; for the text write {{const: {name}}}"
    return f'; for the text write "{name}"' if isinstance(leaf, Expression) else ""


def _written(path: tuple[str, ...]) -> str:
    text = path[0]
    for step in path[1:]:
        text += "[0]" if step == "*" else f".{step}" if step.isidentifier() else f'["{step}"]'
    return text


def _hyphened(parsed: Parsed, name: str) -> str | None:
    """``order["first-name"]`` for ``order.first-name``, which Python takes for a subtraction."""
    for node in ast.walk(parsed.body):
        if (
            isinstance(node, ast.BinOp)
            and isinstance(node.op, ast.Sub)
            and isinstance(node.left, ast.Attribute)
            and isinstance(node.right, ast.Name | ast.Attribute)
        ):
            right = parsed.segment(node.right)
            if right.partition(".")[0] == name and "-" in parsed.segment(node).replace(" - ", ""):
                base, field = parsed.segment(node.left.value), node.left.attr
                return f'{base}["{field}-{name}"]{right.removeprefix(name)}'
    return None

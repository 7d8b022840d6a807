"""Translate pydantic's error locations into places of the document: which steps are keys, and what may stand there.

Pydantic names the chosen member of a union in an error's place, and a default's or short form's option that nobody
wrote. A walk through the models' own schemas tells those steps from the document's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from airflow_integrations.route.stage import holder, part_of

__all__ = ["Place", "Schema", "elements", "field_schemas", "holders", "locate"]

Schema = dict[str, Any]

_WRAPPERS = {"default", "nullable", "function-before", "function-after", "function-wrap", "custom-error", "definitions"}
_WRAPPERS |= {"model", "json-or-python", "lax-or-strict", "chain", "definition-ref"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where an error is: the steps that the document has, and pydantic's schema of what may stand there."""

    loc: tuple[int | str, ...]
    schema: Schema | None
    member: tuple[str, ...] = ()
    """Which members of unions the error speaks of."""


def locate(model: type[BaseModel], loc: Sequence[int | str], data: Any) -> Place:
    """The place in the document ``data`` that an error of ``model`` is about."""
    schema: Schema | None = dict(model.__pydantic_core_schema__)
    definitions: dict[str, Schema] = {}
    written: list[int | str] = []
    members: list[str] = []
    for step in loc:
        schema = _unwrapped(schema, definitions, step)
        kind = schema["type"] if schema else None
        inner: Schema | None = None
        if kind == "union":
            inner = _member(schema["choices"], str(step), definitions)  # type: ignore[index]
            members.append(str(step))
        elif kind == "tagged-union":
            inner = schema["choices"].get(step)  # type: ignore[index]
            members.append(str(step))
        elif step == "[key]":
            break
        else:
            inner = _inside(schema, step)
            if _has(data, step):
                written.append(step)
                data = data[step]
            elif inner is not None and isinstance(data, dict):
                written.append(step)  # a key that is missing
                data = None
        schema = inner
    return Place(tuple(written), _unwrapped(schema, definitions, None), tuple(members))


def field_schemas(schema: Schema | None) -> dict[str, Schema]:
    """Alias or name to schema, of a model's fields."""
    if schema is None or schema["type"] != "model-fields":
        return {}
    fields: dict[str, Schema] = schema["fields"]
    return {field.get("validation_alias") or name: field["schema"] for name, field in fields.items()}


def holders(schema: Schema | None, option: str) -> list[str]:
    """The fields of a model whose own options include ``option``, such as ``delivery`` for ``in_doubt``."""
    fields = field_schemas(schema)
    return [name for name, inner in fields.items() if option in field_schemas(_unwrapped(inner, {}, None))]


def elements(schema: Schema | None) -> str | None:
    """The type of a list's elements, such as ``str``; None where the schema is not of a list."""
    if schema is None or schema["type"] not in ("list", "set", "frozenset", "tuple"):
        return None
    inner = _unwrapped(_inside(schema, 0), {}, None)
    return str(inner["type"]) if inner else None


def _has(data: Any, step: int | str) -> bool:
    if isinstance(step, int):
        return isinstance(data, (list, tuple)) and step < len(data)
    return isinstance(data, dict) and step in data


def _inside(schema: Schema | None, step: int | str) -> Schema | None:
    kind = schema["type"] if schema else None
    if schema is None or kind is None:
        return None
    if kind == "model-fields":
        return field_schemas(schema).get(str(step))
    if kind == "dict":
        return schema.get("values_schema")
    if kind == "tuple":
        items: list[Schema] = schema["items_schema"]
        return items[min(step, len(items) - 1)] if isinstance(step, int) and items else None
    if kind in ("list", "set", "frozenset"):
        return schema.get("items_schema")
    return None


def _unwrapped(schema: Schema | None, definitions: dict[str, Schema], step: int | str | None) -> Schema | None:
    """The schema behind validators, defaults and None; a stage's own where a kind is entered."""
    while schema is not None:
        kind = schema["type"]
        if kind == "definitions":
            definitions.update({inner["ref"]: inner for inner in schema["definitions"]})
        if kind == "function-plain":
            part = part_of(schema["function"]["function"])
            schema = dict(holder(part, str(step)).__pydantic_core_schema__) if part and _known(part, step) else None
        elif kind == "definition-ref":
            schema = definitions.get(schema["schema_ref"])
        elif kind == "chain":
            schema = schema["steps"][-1]
        elif kind in ("json-or-python", "lax-or-strict"):
            schema = schema["python_schema" if kind == "json-or-python" else "lax_schema"]
        elif kind in _WRAPPERS:
            schema = schema["schema"]
        else:
            return schema
    return None


def _known(part: Any, step: int | str | None) -> bool:
    from airflow_integrations.route import registry

    return registry.known(part, str(step))


def _member(choices: Sequence[Any], label: str, definitions: dict[str, Schema]) -> Schema | None:
    """The member of a union that pydantic calls ``label``: a model by its name, others by their type."""
    for choice in choices:
        schema, named = choice if isinstance(choice, tuple) else (choice, None)
        inner = schema
        while inner.get("type") in _WRAPPERS and inner["type"] != "model":
            follow = inner.get("schema") or definitions.get(inner.get("schema_ref", ""))
            if follow is None:
                break
            inner = follow
        name = inner["cls"].__name__ if inner["type"] == "model" else inner["type"]
        if label in (named, name) or label.startswith(f"{name}[") or label.endswith(f"{name}]") or f"{name}()" in label:
            return dict(schema)
    return None

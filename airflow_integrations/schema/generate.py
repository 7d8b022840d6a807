"""The JSON Schema of route files, from the models: one spec for validation, documentation and editors."""

from __future__ import annotations

import json
from typing import Any

from airflow_integrations.config.option_doc import option_doc
from airflow_integrations.route.definition import Route
from airflow_integrations.route_files.shared_parts import SHARED_PARTS
from airflow_integrations.schema.reference.example import value_of

__all__ = ["route_schema", "schema_text"]

Json = dict[str, Any]

_USE = {
    "type": "string",
    "minLength": 1,
    "description": "A shared file, relative to this one; what is written beside it wins.",
}
_STEPS = {
    "type": "object",
    "properties": {"use": {**_USE, "description": "A file with a list of steps, relative to this one."}},
    "required": ["use"],
    "additionalProperties": False,
}


def schema_text() -> str:
    """What ``route.schema.json`` holds."""
    return json.dumps(route_schema(), indent=2, ensure_ascii=False) + "\n"


def route_schema() -> Json:
    """The schema of one route file, with references to shared files, and without what the file's name says."""
    schema = Route.model_json_schema(by_alias=True)
    properties: Json = schema["properties"]
    schema["required"].remove("route")
    schema["anyOf"] = [{"required": ["incoming"]}, {"required": ["trigger"]}]
    for part in SHARED_PARTS:
        properties[part] = _or_use(properties[part], schema["$defs"])
    steps = properties["transform"]
    steps["items"] = {"if": {"required": ["use"]}, "then": _STEPS, "else": steps["items"]}
    cleaned = _cleaned(schema)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A route of Airflow Integrations",
        **cleaned,
    }


def _or_use(part: Json, definitions: Json) -> Json:
    """The part as it is, or ``use`` with any of the part's keys beside it."""
    about = {key: value for key, value in part.items() if key in ("description", "default")}
    whole = {key: value for key, value in part.items() if key not in about}
    keys = sorted(_keys(whole, definitions))
    beside = {"properties": {"use": _USE, **dict.fromkeys(keys, True)}, "additionalProperties": False}
    return {**about, "if": {"type": "object", "required": ["use"]}, "then": beside, "else": whole}


def _keys(schema: Json, definitions: Json) -> set[str]:
    if "$ref" in schema:
        return _keys(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    inner = [member for key in ("anyOf", "oneOf", "allOf") for member in schema.get(key, ())]
    return set(schema.get("properties", ())).union(*(_keys(member, definitions) for member in inner))


def _cleaned(schema: Any, *, names: bool = False, option: str | None = None) -> Any:
    """Without the titles that pydantic derives from names, and with docstrings as descriptions and examples.

    ``names``: the keys are names of options, not words of JSON Schema. ``option``: what the schema is that of.
    """
    if isinstance(schema, list):
        return [_cleaned(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    found: Json = {}
    for key, inner in schema.items():
        if key == "title" and not names and isinstance(inner, str):
            continue
        if key == "description" and not names and isinstance(inner, str):
            found |= _documented(inner, option)
        elif key in ("default", "const", "enum", "required") or (key == "examples" and not names):
            found.setdefault(key, inner)
        else:
            below = key in ("properties", "$defs") and not names
            found[key] = _cleaned(inner, names=below, option=key if names else None)
    return found


def _documented(docstring: str, option: str | None) -> Json:
    doc = option_doc(docstring)
    since = f"\n\nSince version {doc.since}." if doc.since else ""
    found: Json = {"description": doc.text.replace("``", "`") + since}
    if doc.example is not None:
        example = value_of(doc)
        if not isinstance(example, dict) or option is None:
            found["examples"] = [example]
        elif option in example:
            found["examples"] = [example[option]]
    return found

"""The texts of the route, its JSON Schema and its test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_integrations.cli.new.discovered.conversions import converted, key_expression, read
from airflow_integrations.cli.new.discovered.matching import matched
from airflow_integrations.cli.new.scaffold import SCHEMA_FILE
from airflow_integrations.discovery import Collection, DiscoveredField
from airflow_integrations.display.printable import visible
from airflow_integrations.expressions import Structure
from airflow_integrations.simulate.yaml_text import yaml_text

__all__ = ["Ends", "route_text", "schema_of", "test_text"]

_TYPES = {
    "string": "string", "integer": "integer", "number": "number", "boolean": "boolean", "date": "string",
    "time": "string", "datetime": "string", "bytes": "string", "object": "object", "list": "array",
}  # fmt: skip
_WIDTH = 200
_KEY = "a guess: the key is what the source never changes"
_NO_INDEX = "; no index begins with it: make one, or each run reads the whole table"


@dataclass(frozen=True, slots=True)
class Ends:
    """Both ends of the route. ``fields`` are the target's, None where nobody knows them."""

    name: str
    entity: str
    kind: str
    connection: str
    source: Collection
    outgoing: Mapping[str, Any]
    target: tuple[DiscoveredField, ...] | None = None
    target_key: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    """The source's fields that identify an entity."""
    samples: Sequence[dict[str, Any]] = ()


def route_text(ends: Ends, schema: str) -> str:
    """A route file that is valid as it is. ``schema`` is the file of the JSON Schema beside it."""
    source, entity = ends.source, ends.entity
    guessed = "key" in source.guessed or not source.key
    lines = [
        f"# yaml-language-server: $schema={SCHEMA_FILE}",
        f"route: {ends.name}",
        "description: What this route is for, in a sentence.",
        "owner: airflow",
        "tags: []",
        "entity:",
        f"  name: {entity}",
        *_line("  ", "key", key_expression(entity, ends.key), _KEY if guessed else ""),
        'schedule: {cron: "*/15 * * * *", timezone: UTC}',
        "",
        "incoming:",
        *(f"  {line}" for line in yaml_text({ends.kind: _incoming(ends)}).splitlines()),
        *_on_changes(source),
        "",
        "transform:",
        "  # what the source had when this was written; mend the schema where it is too strict",
        f"  - validate: {schema}",
        "  - map:",
        *(f"      {line}" for line in _map(ends)),
        "",
        "outgoing:",
        *(f"  {line}" for line in yaml_text(dict(ends.outgoing)).splitlines()),
    ]
    return "\n".join(lines) + "\n"


def _incoming(ends: Ends) -> dict[str, Any]:
    return {"connection": ends.connection, **(ends.source.incoming or {})}


def _on_changes(source: Collection) -> Iterator[str]:
    incoming = source.incoming or {}
    best = next(iter(source.cursors), None)
    if "cursor" in incoming or "since" in incoming:
        assert best is not None
        index = _NO_INDEX if best.indexed is False else ""
        yield f"    # {_said(best.field)}: {best.why}{index}"
    elif best is not None and not best.changes:
        yield f"    # everything is read each time; {_said(best.field)} is {best.why}"


def _map(ends: Ends) -> Iterator[str]:
    """A line for each field, and comments for what has no partner."""
    fields, entity = ends.source.fields, ends.entity
    if ends.target is None:
        for field in fields:
            yield from _line("", field.name, *converted(entity, field, None))
        return
    found = matched(fields, ends.target, entity)
    for field in ends.target:
        if field.name in found:
            partner, alike = found[field.name]
            text, remark = converted(entity, partner, field)
            if alike:
                remark = f"by a name that is alike, check it{'; ' if remark else ''}{remark}"
            yield from _line("", field.name, text, remark)
        elif field.needed or field.name in ends.target_key:
            yield f"# missing, {_said(field.type)}, not null: nothing at the source is called so; write what it gets"
            yield f"{_head(field.name)} {{const: null}}"
    for field in ends.target:
        if field.name not in found and not field.needed and field.name not in ends.target_key:
            yield f"# {_said(field.name)}: nothing at the source is called so; it may be left out ({_said(field.type)})"
    used = {partner.name for partner, _ in found.values()}
    for field in fields:
        if field.name not in used:
            yield f"# not sent: {_said(read(entity, field.name))} ({_said(field.type)})"


def _line(indent: str, name: str, expression: str, remark: str) -> Iterator[str]:
    """A field with what is to be looked at: behind it, or above it where that would be long."""
    if not _writable(name, expression):
        yield f"{indent}# {_said(name)}: a map cannot write this name; read and write it by a step of your own"
        return
    text = indent + yaml_text({name: expression}).rstrip("\n")
    if not remark:
        yield text
    elif len(text) + len(remark) < 100:
        yield f"{text}  # {_said(remark)}"
    else:
        yield f"{indent}# {_said(remark)}"
        yield text


def _writable(name: str, expression: str) -> bool:
    """Not a name that ends in ?, which means something in a map, and not what reads as a template."""
    try:
        Structure({name: expression}, "entity").compile()
    except ValueError:
        return False
    return not name.endswith("?")


def _head(name: str) -> str:
    return yaml_text({name: None}).rstrip("\n").removesuffix(" null")


def _said(text: str) -> str:
    shown = visible(text)
    return shown if len(shown) <= _WIDTH else shown[: _WIDTH - 1] + "…"


def schema_of(ends: Ends) -> dict[str, Any]:
    """A JSON Schema of what was seen. Where types were guessed by some records it asks for the key alone."""
    guessed = "types" in ends.source.guessed
    properties: dict[str, Any] = {}
    required = []
    for field in ends.source.fields:
        kind = _TYPES.get(field.meaning)
        always = field.name in ends.key or (field.nullable is False and not guessed)
        if kind is not None:
            properties[field.name] = {"type": kind if always else [kind, "null"]}
        else:
            properties[field.name] = {}
        if field.length is not None and kind == "string" and field.meaning == "string":
            properties[field.name]["maxLength"] = field.length
        if always:
            required.append(field.name)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{ends.entity} of {ends.connection}",
        "type": "object",
        "properties": properties,
        "required": required,
    }


def test_text(ends: Ends, made: str) -> str:
    """A test that passes as it is: what the map of ``made``, the route's text, gives for the samples."""
    from airflow_integrations.route_files.parser import parse

    node, mistakes = parse(made.encode(), f"{ends.name}.yaml")
    assert node is not None and not mistakes, mistakes  # noqa: PT018
    steps = node.plain()["transform"]
    build = Structure(steps[-1]["map"], "entity").compile()
    expected = [build({ends.entity: sample}) for sample in ends.samples]
    expect: dict[str, Any] = {"entities": expected}
    http = ends.outgoing.get("http")
    if http is not None:
        asked = {"method": http["method"], "path": http["path"]}
        expect["requests"] = {http["connection"]: [{**asked, "body": body} for body in expected]}
    test = {"name": "what was seen arrives", "given": {"entities": list(ends.samples)}, "expect": expect}
    return (
        f"# Run it with: airflow-integrations test {ends.name}\n"
        "# Records as they were seen, with every letter an a and every digit a 1.\n" + yaml_text({"tests": [test]})
    )


test_text.__test__ = False  # type: ignore[attr-defined]  # pytest: this is not a test

"""A route between systems that there are presets for, and its test."""

from __future__ import annotations

from typing import Any

from airflow_integrations.cli.command import UsageError
from airflow_integrations.cli.new.scaffold import SCHEMA_FILE
from airflow_integrations.expressions import Structure
from airflow_integrations.odata.body import TypedBody
from airflow_integrations.odata.json_values import plain_of_v2
from airflow_integrations.route_files.presets import preset
from airflow_integrations.simulate.yaml_text import yaml_text

__all__ = ["preset_texts"]

_HTTP = "  http:\n    connection: target\n    path: /documents\n"


def preset_texts(name: str, source: str, target: str, entity: str) -> tuple[str, str]:
    """The texts of the route and of its test. Raises UsageError where a preset has no such entity."""
    read = _entity(source, entity, "incoming", "read")
    write = None if target in ("http", "none") else _entity(target, entity, "outgoing", "written")
    return _route(name, source, target, entity, read, write), _test(name, source, target, entity, read, write)


def _connections(source: str, target: str) -> tuple[str, str]:
    return (source, target) if source != target else (f"{source}_source", f"{target}_target")


def _entity(system: str, entity: str, part: str, what: str) -> dict[str, Any]:
    entities = preset(system).plain().get("entities", {})
    known = [name for name, found in entities.items() if part in found]
    if entity not in known:
        told = f"{what} from {system}" if part == "incoming" else f"{what} to {system}"
        raise UsageError(f"no entity {entity!r} can be {told} by the preset; it has: {', '.join(known) or 'none'}")
    found: dict[str, Any] = entities[entity]
    return found


def _route(name: str, source: str, target: str, entity: str, read: dict[str, Any], write: dict[str, Any] | None) -> str:
    kind, (from_, to) = next(iter(read["incoming"])), _connections(source, target)
    text = f"# yaml-language-server: $schema={SCHEMA_FILE}\n"
    text += f"route: {name}\ndescription: What this route is for, in a sentence.\nowner: airflow\ntags: []\n"
    text += f"entity: {{use: preset:{source}/{entity}}}\n"
    text += 'schedule: {cron: "*/15 * * * *", timezone: UTC}\n\n'
    text += f"incoming:\n  use: preset:{source}/{entity}\n  {kind}: {{connection: {from_}}}\n\n"
    text += "transform:\n" + _indented(yaml_text([{"map": read["neutral"]}]), 2)
    if write is None:
        return f"{text}\noutgoing:\n{_HTTP if target == 'http' else '  none: {}' + chr(10)}"
    kind = next(iter(write["outgoing"]))
    body = {kind: {"connection": to, "body": write["outgoing"][kind]["body"]}}
    return f"{text}\noutgoing:\n  use: preset:{target}/{entity}\n" + _indented(yaml_text(body), 2)


def _test(name: str, source: str, target: str, entity: str, read: dict[str, Any], write: dict[str, Any] | None) -> str:
    from_, to = _connections(source, target)
    expected = _neutral(entity, read)
    answer: dict[str, Any] = {"body": read["example"]}
    if "example_headers" in read:
        answer["headers"] = read["example_headers"]
    expect: dict[str, Any] = {"entities": [expected]}
    if write is not None:
        expect["requests"] = {to: _written(entity, target, write, expected)}
    test = {"name": f"what {source} gives arrives", "given": {"answers": {from_: [answer]}}, "expect": expect}
    return f"# Run it with: airflow-integrations test {name}\n" + yaml_text({"tests": [test]})


def _neutral(entity: str, read: dict[str, Any]) -> Any:
    record = read["example"]
    while not isinstance(record, list):  # the first list on the way is that of the records
        record = next(inner for inner in record.values() if isinstance(inner, (dict, list)))
    shown = plain_of_v2(record[0]) if "odata" in read["incoming"] else record[0]
    return Structure(read["neutral"], "entity").compile()({entity: shown})


def _written(entity: str, target: str, write: dict[str, Any], value: Any) -> list[dict[str, Any]]:
    """The requests for an entity that the target does not have yet."""
    options = write["outgoing"]["odata"]
    version = preset(target).plain()["outgoing"]["odata"].get("version", 4)
    body = TypedBody(options["body"], "request", options.get("types", {}), version).compile()({entity: value})
    path = f"/{options['entity_set']}"
    return [{"method": "GET", "path": path}, {"method": "POST", "path": path, "body": body}]


def _indented(text: str, by: int) -> str:
    return "".join(f"{' ' * by}{line}\n" for line in text.splitlines())

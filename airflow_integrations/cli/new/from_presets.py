"""Routes between systems that there are presets for, and their tests.

A route comes with those of its parents: an order with the route of its customers, where the preset of the target says
that it ``needs`` them, that of the source says what ``parents`` its records name, and both know how to move them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from airflow_integrations.cli.command import UsageError
from airflow_integrations.cli.new.scaffold import SCHEMA_FILE
from airflow_integrations.entity import key_text
from airflow_integrations.expressions import Expression, Structure
from airflow_integrations.odata.body import TypedBody
from airflow_integrations.odata.json_values import plain_of_v2
from airflow_integrations.route_files.presets import preset
from airflow_integrations.simulate.yaml_text import yaml_text

__all__ = ["PresetRoute", "preset_routes"]

_HTTP = "  http:\n    connection: target\n    path: /documents\n"
_ID = "4711"
"""What the target calls a parent, in tests."""


@dataclass(frozen=True, slots=True)
class PresetRoute:
    """A route between two presets, before it is written."""

    name: str
    source: str
    target: str
    entity: str
    parents: dict[str, str]
    """The routes that deliver what this one's entities need first, by what their entities are called."""

    @property
    def read(self) -> dict[str, Any]:
        return _entity(self.source, self.entity, "incoming", "read")

    @property
    def write(self) -> dict[str, Any] | None:
        return None if self.target in ("http", "none") else _entity(self.target, self.entity, "outgoing", "written")

    @property
    def connections(self) -> tuple[str, str]:
        if self.source == self.target:
            return f"{self.source}_source", f"{self.target}_target"
        return self.source, self.target

    def texts(self) -> tuple[str, str]:
        """The texts of the route and of its test."""
        return _route(self), _test(self)


def preset_routes(name: str, source: str, target: str, entity: str, *, alone: bool = False) -> list[PresetRoute]:
    """The routes to write, parents first. Raises UsageError where a preset has no such entity."""
    wanted = PresetRoute(name, source, target, entity, {})
    read, write = wanted.read, wanted.write
    if alone or write is None:
        return [wanted]
    for parent in write.get("needs", ()):
        if parent in read.get("parents", {}) and _moves(source, target, parent):
            wanted.parents[parent] = _named_after(name, entity, parent)
    return [*(PresetRoute(beside, source, target, parent, {}) for parent, beside in wanted.parents.items()), wanted]


def _named_after(name: str, entity: str, parent: str) -> str:
    """``shop_customers_to_erp`` beside ``shop_orders_to_erp``."""
    beside = re.sub(rf"(?<![A-Za-z0-9]){entity}(s?)(?![A-Za-z0-9])", rf"{parent}\1", name, count=1)
    return beside if beside != name else f"{name}_{parent}s"


def _moves(source: str, target: str, entity: str) -> bool:
    parts = [preset(system).plain().get("entities", {}).get(entity, {}) for system in (source, target)]
    return "incoming" in parts[0] and "outgoing" in parts[1]


def _entity(system: str, entity: str, part: str, what: str) -> dict[str, Any]:
    entities = preset(system).plain().get("entities", {})
    known = [name for name, found in entities.items() if part in found]
    if entity not in known:
        told = f"{what} from {system}" if part == "incoming" else f"{what} to {system}"
        raise UsageError(f"no entity {entity!r} can be {told} by the preset; it has: {', '.join(known) or 'none'}")
    found: dict[str, Any] = entities[entity]
    return found


def _route(made: PresetRoute) -> str:
    source, target, entity, read, write = made.source, made.target, made.entity, made.read, made.write
    kind, (from_, to) = next(iter(read["incoming"])), made.connections
    text = f"# yaml-language-server: $schema={SCHEMA_FILE}\n"
    text += f"route: {made.name}\ndescription: What this route is for, in a sentence.\nowner: airflow\ntags: []\n"
    text += f"entity: {{use: preset:{source}/{entity}}}\n"
    text += 'schedule: {cron: "*/15 * * * *", timezone: UTC}\n\n'
    text += f"incoming:\n  use: preset:{source}/{entity}\n  {kind}: {{connection: {from_}}}\n\n"
    text += "transform:\n"
    for parent, route in made.parents.items():
        title = preset(target).plain()["title"]
        text += f"  # The {entity} waits for its {parent}, and goes out as soon as {route} has its id in {title}.\n"
        text += _indented(yaml_text([{"lookup": _lookup(parent, route, read)}]), 2)
    text += _indented(yaml_text([{"map": _map(made)}]), 2)
    if write is None:
        return f"{text}\noutgoing:\n{_HTTP if target == 'http' else '  none: {}' + chr(10)}"
    kind = next(iter(write["outgoing"]))
    body = {kind: {"connection": to, "body": write["outgoing"][kind]["body"]}}
    return f"{text}\noutgoing:\n  use: preset:{target}/{entity}\n" + _indented(yaml_text(body), 2)


def _lookup(parent: str, route: str, read: dict[str, Any]) -> dict[str, Any]:
    return {"name": parent, "route": route, "key": read["parents"][parent], "missing": "retry"}


def _map(made: PresetRoute) -> dict[str, Any]:
    """The neutral fields, in which a parent's id is that of the target, where a lookup finds it."""
    neutral: dict[str, Any] = dict(made.read["neutral"])
    for parent in made.parents:
        neutral[parent] = {**neutral[parent], "id": f"{parent}.target_id"}
    return neutral


def _test(made: PresetRoute) -> str:
    from_, to = made.connections
    read, write, record = made.read, made.write, _record(made.read)
    delivered: dict[str, Any] = {
        route: {key_text(Expression(read["parents"][parent]).compile()({made.entity: record})): _ID}
        for parent, route in made.parents.items()
    }
    found = {parent: {"target_id": _ID} for parent in made.parents}
    expected = Structure(_map(made), "entity").compile()({made.entity: record, **found})
    answer: dict[str, Any] = {"body": read["example"]}
    if "example_headers" in read:
        answer["headers"] = read["example_headers"]
    answers = {"answers": {from_: [answer]}}
    expect: dict[str, Any] = {"entities": [expected]}
    if write is not None:
        expect["requests"] = {to: _written(made, write, expected)}
    given = answers if not delivered else {"ledger": delivered, **answers}
    tests: list[dict[str, Any]] = [{"name": f"what {made.source} gives arrives", "given": given, "expect": expect}]
    for parent, route in made.parents.items():
        waiting = {**delivered, route: {key: {"status": "retrying"} for key in delivered[route]}}
        tests.append(
            {
                "name": f"nothing is sent before its {parent}",
                "given": {"ledger": waiting, **answers},
                "expect": {
                    "rejected": {_key(made, record): f"{route} has not delivered the {parent}"},
                    "requests": {to: []},
                },
            }
        )
    return f"# Run it with: airflow-integrations test {made.name}\n" + yaml_text({"tests": tests})


def _record(read: dict[str, Any]) -> Any:
    """The first record of the preset's example, as expressions see it."""
    record = read["example"]
    while not isinstance(record, list):  # the first list on the way is that of the records
        record = next(inner for inner in record.values() if isinstance(inner, (dict, list)))
    return plain_of_v2(record[0]) if "odata" in read["incoming"] else record[0]


def _key(made: PresetRoute, record: Any) -> str:
    return key_text(Expression(made.read["entity"]["key"]).compile()({made.entity: record}))


def _written(made: PresetRoute, write: dict[str, Any], value: Any) -> list[dict[str, Any]]:
    """The requests for an entity that the target does not have yet."""
    options = write["outgoing"]["odata"]
    version = preset(made.target).plain()["outgoing"]["odata"].get("version", 4)
    body = TypedBody(options["body"], "request", options.get("types", {}), version).compile()({made.entity: value})
    path = f"/{options['entity_set']}"
    return [{"method": "GET", "path": path}, {"method": "POST", "path": path, "body": body}]


def _indented(text: str, by: int) -> str:
    return "".join(f"{' ' * by}{line}\n" for line in text.splitlines())

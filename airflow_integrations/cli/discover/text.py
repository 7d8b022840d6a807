"""What was discovered, for people: names of the system are escaped, whatever they hold."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_integrations.cli.terminal import console, out, table
from airflow_integrations.discovery import Collection, DiscoveredField, Discovery
from airflow_integrations.display.printable import visible, visible_key
from airflow_integrations.plurals import sized
from airflow_integrations.simulate.yaml_text import yaml_text

__all__ = ["show"]

_SHORT = 80


def show(connection: str, place: str | None, found: Discovery) -> None:
    """A table of what there is; of one collection alone its fields."""
    if len(found.collections) == 1 and found.collections[0].fields:
        _one(found.collections[0])
        _route_part(connection, found.kind, found.collections[0])
    elif found.collections:
        _all(found.collections)
    else:
        where = f" at {visible(place)}" if place is not None else ""
        out(f"{connection}: there is nothing{where}")
    for note in found.notes:
        out(f"not seen: {visible(note)}")
    if found.left_out:
        more = f"{found.left_out:,} more"
        last = visible_key(found.collections[-1].name) if found.collections else ""
        behind = f"--after '{last}'" if last else "a larger --limit"
        out(f"… and {more}: {behind} shows them")
    if len(found.collections) > 1:
        out(f"Fields: airflow-integrations discover {connection} NAME")


def _all(collections: Sequence[Collection]) -> None:
    shown = table("name", "what", "records", "size", "key", "changes by", "more")
    for each in collections:
        cursor = next((candidate for candidate in each.cursors if candidate.changes), None)
        changes = "" if cursor is None else _cut(cursor.field) + (" (no index)" if cursor.indexed is False else "")
        shown.add_row(
            visible_key(each.name),
            each.what,
            _about_records(each),
            "" if each.bytes is None else sized(each.bytes),
            _guess(", ".join(map(_cut, each.key)), "key" in each.guessed),
            changes,
            _more(each),
        )
    console().print(shown)


def _one(one: Collection) -> None:
    out(f"{one.what} {visible_key(one.name)}")
    lines = {
        "records": _about_records(one),
        "size": "" if one.bytes is None else sized(one.bytes),
        "key": _guess(", ".join(map(_cut, one.key)), "key" in one.guessed),
    }
    lines |= {name: visible(text) for name, text in one.about.items() if name != "rows"}
    if one.guessed:
        lines["guessed"] = ", ".join(one.guessed)
    for name, text in lines.items():
        if text:
            out(f"  {name}: {text}")
    for candidate in one.cursors:
        index = {True: ", indexed", False: ", no index", None: ""}[candidate.indexed]
        out(f"  cursor: {visible_key(candidate.field)} ({candidate.why}{index})")
    if one.problem is not None:
        out(f"  problem: {visible(one.problem)}")
    shown = table("field", "type", "in an entity", "null", "more")
    for field in one.fields:
        null = {True: "yes", False: "no", None: ""}[field.nullable]
        shown.add_row(visible_key(field.name), _cut(field.type), field.meaning, null, _of_field(field, one))
    console().print(shown)


def _route_part(connection: str, kind: str, one: Collection) -> None:
    """What a route needs to read it."""
    if one.incoming is None:
        return
    part = {"incoming": {kind: {"connection": connection, **one.incoming}}}
    for line in yaml_text(part).splitlines():
        out(visible(line))


def _about_records(each: Collection) -> str:
    return f"about {each.records:,}" if each.records is not None else each.about.get("rows", "")


def _of_field(field: DiscoveredField, one: Collection) -> str:
    said = ["key"] if field.name in one.key else []
    said += ["needed"] if field.needed else []
    said += [f"looks like {field.looks_like}"] if field.looks_like not in (None, "string", "any") else []
    said += ["asked for apart"] if field.apart else []
    said += [f"leads to {_cut(field.leads_to)}"] if field.leads_to else []
    return ", ".join(said)


def _more(each: Collection) -> str:
    said = [each.problem] if each.problem is not None else []
    said += [f"{name}: {text}" for name, text in each.about.items() if name != "rows"]
    return _cut("; ".join(said))


def _guess(text: str, guessed: bool) -> str:
    return f"{text} (guessed)" if text and guessed else text


def _cut(text: str) -> str:
    shown = visible(text)
    return shown if len(shown) <= _SHORT else shown[: _SHORT - 1] + "…"

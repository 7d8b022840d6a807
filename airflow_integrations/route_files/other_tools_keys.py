"""Keys and values that other tools have, and where the same stands in a route file."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_integrations.presets import NAMES
from airflow_integrations.route_files.foreign_words import (
    DATABASES,
    EVENTS,
    FILES,
    KEYS,
    KINDS,
    STYLES,
)
from airflow_integrations.route_files.foreign_words_of_kinds import PRESET_KINDS, VALUES
from airflow_integrations.route_files.foreign_words_of_parts import KEYS_OF_PARTS, LISTENERS, VALUES_OF_PARTS

__all__ = ["key_remedy", "kind_remedy", "step_remedy", "style_remedy", "word_remedy"]


def key_remedy(parent: Sequence[int | str], key: str) -> str | None:
    """What to write for a key that stands elsewhere, or that other tools have; None where nothing is known of it."""
    steps = tuple(map(str, parent))
    places = (steps, steps[-2:], steps[-1:], (*steps[-2:-1], "*") if parent and isinstance(parent[-1], int) else steps)
    found = (table[place].get(key) for table in (KEYS, KEYS_OF_PARTS) for place in places if place in table)
    return _told(next((remedy for remedy in found if remedy), None))


def _told(remedy: str | None) -> str | None:
    if remedy is None:
        return None
    return f"take it out{remedy.removeprefix('nothing')}" if remedy.startswith("nothing") else f"write {remedy}"


def kind_remedy(part: str, kind: str) -> str | None:
    """What to write for a kind that other tools have."""
    if part in ("incoming", "outgoing") and kind in DATABASES:
        return f"write sql: {{connection: {'warehouse' if part == 'incoming' else 'erp'}, table: orders}}"
    if part == "incoming" and kind in EVENTS:
        return "events come by trigger: write trigger: {listen: {…}} and leave incoming out"
    if part in ("incoming", "outgoing") and kind in FILES:
        return f"write files: {{path: {'s3://exports/orders/*.csv' if part == 'incoming' else 's3://out/orders.csv'}}}"
    if part in ("incoming", "outgoing") and kind.lower() in PRESET_KINDS:
        example = "shop, path: /orders" if part == "incoming" else "erp, path: /orders"
        told, known = f"write http: {{connection: {example}}}", [name for name in NAMES if kind.lower() in name]
        side = "from" if part == "incoming" else "to"
        if known:
            return f"{told}, or have the route written by `airflow-integrations new NAME --{side} {known[0]}`"
        return f"{told}; `airflow-integrations presets` lists the systems that are known"
    if part == "trigger":
        return _told(LISTENERS.get(kind))
    return _told(KINDS.get(part, {}).get(kind))


def word_remedy(loc: Sequence[int | str], given: str) -> str | None:
    """What to write for a word that other tools have among the values of an option."""
    place = tuple(map(str, loc[-2:]))
    if place == ("sql_outbox", "taken"):
        return f"write {{time: {given}}}"
    if place == ("delivery", "fail_run") and given.endswith("%"):
        return f"write {{above: {given}}}"
    word = given.lower()
    tables = [VALUES.get(place), *(VALUES_OF_PARTS.get(each) for each in (place, (*place[:1], "*"), place[-1:]))]
    found = next((table[word] for table in tables if table and word in table), None)
    return _told(found.replace("%s", word) if found else None)


def style_remedy(given: object, styles: Sequence[str]) -> str | None:
    """``write style: page`` for a pagination whose style has another key, such as ``type``."""
    if not isinstance(given, dict):
        return None
    for key in ("type", "strategy", "kind", "method", "mode", "name"):
        if isinstance(word := given.get(key), str):
            style = word if word in styles else STYLES.get(word, "").removeprefix("style: ")
            if style:
                return f"write style: {style} for {key}: {word}"
    return None


def step_remedy(part: str, given: object) -> str | None:
    """``filter: order.paid`` for a step whose colon is missing; what to do with a name or a condition beside a kind,
    with a kind that is a value, with several targets."""
    if part in ("incoming", "outgoing"):
        return _part_remedy(part, given)
    if isinstance(given, dict) and len(given) == 2:
        for key in ("when", "if", "condition", "where"):
            if key in given:
                return f"write - filter: {given[key]} before it"
        for key in ("name", "id", "description", "label"):
            if key in given:
                return f"a step has no {key}; write it as a comment"
    if not isinstance(given, str):
        return None
    text = given
    first, _, rest = text.strip().partition(" ")
    known = ("drop", "filter", "lookup", "map", "merge", "python", "rename", "set", "split", "validate")
    return f"write {first.rstrip(':=')}: {rest.strip() or '…'}" if first.rstrip(":=") in known else None


def _part_remedy(part: str, given: object) -> str | None:
    """What to write for an incoming or outgoing that is a word, a list, or has its kind beside its options."""
    example = (
        "http: {connection: shop, path: /orders}" if part == "incoming" else "http: {connection: erp, path: /orders}"
    )
    if isinstance(given, list):
        if len(given) == 1:
            return f"write it without the list: {example}"
        return (
            f"a route has one {part}; each further {'source' if part == 'incoming' else 'target'} is a route of its own"
        )
    if isinstance(given, str):
        return "write {none: {}}" if given.strip().lower() in ("none", "null") else f"write {example}"
    if not isinstance(given, dict) or not given:
        return None
    for key in ("type", "kind", "connector", "component", "adapter"):
        if isinstance(kind := given.get(key), str) and kind.isidentifier():
            others = [str(name) for name in given if name != key]
            return f"write {kind}: {{{', '.join(f'{name}: …' for name in others) or '…'}}}, the kind as the key"
    if {"connection", "path", "url", "table", "query"} & {*given}:
        kind = "sql" if {"table", "query"} & {*given} else "http"
        return f"write {kind}: {{{', '.join(f'{name}: …' for name in given)}}}, below the kind"
    return f"a route has one {part}; write a further route for the other" if len(given) == 2 else None

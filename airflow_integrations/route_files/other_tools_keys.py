"""Keys and values that other tools have, and where the same stands in a route file."""

from __future__ import annotations

import re
from collections.abc import Sequence

from airflow_integrations.route_files.foreign_words import (
    DATABASES,
    EVENTS,
    FILES,
    KEYS,
    KINDS,
    PAGINATION,
    STYLES,
    TRIGGERS,
)
from airflow_integrations.route_files.foreign_words_of_kinds import PRESET_KINDS, VALUES

__all__ = ["key_remedy", "kind_remedy", "step_remedy", "style_remedy", "value_remedy", "word_remedy"]

_CRON = re.compile(r"(?:@\w+|(?:[\d*,/\-A-Za-z]+\s+){4}[\d*,/\-A-Za-z]+)")
_NAMED = frozenset(["hourly", "daily", "weekly", "monthly", "yearly"])
_EVERY = re.compile(r"(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+s)?")


def key_remedy(parent: Sequence[int | str], key: str) -> str | None:
    """What to write for a key that stands elsewhere, or that other tools have; None where nothing is known of it."""
    remedy = KEYS.get(tuple(map(str, parent)), {}).get(key) or KEYS.get(tuple(map(str, parent[-1:])), {}).get(key)
    return _told(remedy)


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
        return f"write http: {{connection: {example}}}; `airflow-integrations presets` lists the systems that are known"
    return _told(KINDS.get(part, {}).get(kind))


def word_remedy(loc: Sequence[int | str], given: str) -> str | None:
    """What to write for a word that other tools have among the values of an option."""
    place = tuple(map(str, loc[-2:]))
    if place == ("sql_outbox", "taken"):
        return f"write {{time: {given}}}"
    return _told(VALUES.get(place, {}).get(given.lower()))


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


def step_remedy(given: object) -> str | None:
    """``filter: order.paid`` for a step whose colon is missing; what to do with a name or a condition beside a kind."""
    if isinstance(given, dict) and len(given) == 2:
        for key in ("when", "if", "condition", "where"):
            if key in given:
                return f"write - filter: {given[key]} before it"
        for key in ("name", "id", "description", "label"):
            if key in given:
                return f"a step has no {key}; write it as a comment"
    if not isinstance(given, str):
        return None
    if given.strip().lower() in ("none", "null"):
        return "write {none: {}}"
    text = given
    first, _, rest = text.strip().partition(" ")
    known = ("drop", "filter", "lookup", "map", "merge", "python", "rename", "set", "split", "validate")
    return f"write {first.rstrip(':=')}: {rest.strip() or '…'}" if first.rstrip(":=") in known else None


def value_remedy(loc: Sequence[int | str], given: object) -> str | None:
    """What to write where a value of the wrong form stands: ``{cron: …}`` for a schedule that is a text."""
    place = tuple(loc)
    if place == ("schedule",) and isinstance(given, str):
        plain = given.strip()
        if _CRON.fullmatch(plain):
            return f'write {{cron: "{plain}"}}'
        if plain.lower() in _NAMED:
            return f'write {{cron: "@{plain.lower()}"}}'
        if plain and _EVERY.fullmatch(plain):
            return f"write {{every: {plain}}}"
        return 'write {cron: "*/5 * * * *"}, or {every: 15m}'
    if place == ("entity",) and isinstance(given, str):
        name = given if given.isidentifier() else "order"
        return f"write {{name: {name}, key: {name}.number}}"
    if place[-1:] == ("pagination",) and isinstance(given, str):
        return f"write {PAGINATION.get(given, PAGINATION['cursor'])}"
    if place == ("trigger",) and isinstance(given, str):
        return TRIGGERS.get(given, TRIGGERS["webhook"])
    if place == ("trigger", "webhook") and isinstance(given, str):
        return f"write {{path: {given.strip('/ ') or 'shop/orders'}, verify: {{shopify: <Connection>}}}}"
    if place == ("delivery", "retry") and isinstance(given, int):
        return f"write {{attempts: {given}}}"
    if place[-2:] == ("verify", "header") and isinstance(given, str):
        return f"write {{name: {given}, secret: <Connection>}}"
    if place[-1:] == ("upsert",):
        return "write {find: {…}, create: {…}, update: {…}}"
    if place[-1:] == ("columns",) and isinstance(given, str):
        return "leave it out: all columns are read" if given == "*" else f"write [{given}]"
    if place == ("entity", "group") and isinstance(given, str):
        return f"write {{by: {given.rpartition('.')[2]}}}"
    if place[-1:] == ("split",) and isinstance(given, str):
        return f"write {{each: {given}}}"
    if place[-1:] == ("where",) and isinstance(given, str) and (sides := re.fullmatch(r"(\w+)\s*==?\s*(.+)", given)):
        return f"write {{{sides[1]}: {sides[2]}}}"
    if place[-2:] == ("csv", "header") and isinstance(given, bool):
        return "leave it out where the first line has the names; else write them: [sku, price]"
    if place[-1:] == ("steps",) and isinstance(given, dict):
        return "each request begins with `- `, such as - {name: head, path: /orders}"
    if place == ("tags",) and isinstance(given, str):
        return f"write [{', '.join(given.replace(',', ' ').replace(';', ' ').split())}]"
    if place == ("transform",) and isinstance(given, dict):
        steps = [f"- {name}: …" for name in list(given)[:3]]
        return f"each step begins with `- `, such as {' and '.join(steps) or '- filter: …'}"
    if place[-1:] in (("query",), ("headers",)) and isinstance(given, str):
        name, mark, value = given.lstrip("?").partition("=" if place[-1] == "query" else ":")
        return f"write {{{name.strip() or 'name'}: {value.strip() or '…'}}}" if mark else "write {name: value}"
    if place[-1:] == ("set",) and isinstance(given, str):
        name, _, value = given.partition("=")
        return f"write {{{name.strip().rpartition('.')[2]}: {value.strip() or '…'}}}"
    if place[-1:] == ("drop",) and isinstance(given, str):
        return f"write [{given}]"
    if place == ("params",) and isinstance(given, list):
        return "write each with its default, such as {shop: main}"
    if place == ("delivery",) and isinstance(given, str):
        return "write {batch: 100}"
    if place == ("alerts",) and isinstance(given, (str, list)):
        return "write what counts as wrong and who is told, see docs/operations/alerts.md"
    return None

"""A value of another form than its option takes, such as a text for a mapping: what to write instead."""

from __future__ import annotations

import re
from collections.abc import Sequence

from airflow_integrations.config.types import check_cron, duration_meant
from airflow_integrations.route_files.error_paths import Schema, elements
from airflow_integrations.route_files.foreign_words import PAGINATION, TRIGGERS

__all__ = ["value_remedy"]

_CRON = re.compile(r"(?:@\w+|(?:[\d*,/\-A-Za-z]+\s+){4}[\d*,/\-A-Za-z]+)")
_NAMED = frozenset(["hourly", "daily", "weekly", "monthly", "yearly"])
_NEVER = frozenset(["manual", "manually", "never", "none", "off", "once", "@once", "false", "on-demand", "ondemand"])

_FORMS: dict[tuple[str, ...], str] = {
    ("sql", "cursor"): "{{column: {0}}}",
    ("cursor",): "{{field: {0}, param: since}}",
    ("pgp",): "{{connection: {0}}}, the id of the Connection that has the keys",
    ("details",): '{{path: "{0}"}}',
    ("for_each",): "{{path: {0}, records: body.shops, name: shop}}",
    ("children", "*"): "{{table: {0}, on: {{order_id: id}}}}",
    ("on",): "{{{0}: id}}: a column of the child, and the column of the row that has its value",
    ("call",): "{{procedure: {0}, args: [order.id, order.total]}}",
    ("listen", "files"): "{{path: {0}}}",
    ("validate", "schema"): "validate: {0} for a schema in a file of its own",
    (
        "notify",
        "*",
    ): "{{slack: {{connection: slack}}}}, or {{email: {{to: [ops@example.com], connection: smtp_default}}}}",
    ("csv",): '{{delimiter: ";"}}',
    ("merge",): "last",
}
"""The last two steps of a place, or the last, to the form for a text there; ``*`` is any name or number."""

_EXAMPLES: dict[tuple[str, ...], str] = {
    ("pagination",): "{style: page}, or leave it out where everything comes at once",
    ("pgp",): "{connection: partner_key}, the id of the Connection that has the keys",
    ("contract",): "{on_new_field: warn, on_type_change: reject, on_gone_field: fail}",
    ("retention",): "{payloads: 30d}",
    ("window",): "{overlap: 5m}, or {initial: 2026-01-31}",
    ("settled",): "{age: 10m}, or {marker: .done}",
    ("files", "partitions"): "{files: 10}: how many files are a part; tasks: {fetch_spread: 4} says how many tasks",
    ("details",): '{path: "/orders/{{ item.id }}"}',
    ("for_each",): "{path: /shops, records: body.shops, name: shop}",
    ("hmac",): "{header: X-Signature, secret: <Connection>}",
    ("tasks",): "{retries: 3}",
    ("http", "delete"): '{path: "/orders/{{ target_id }}"}, for what the source no longer has',
    ("columns",): "{id: order.id}: each column with its expression",
    ("rename",): "{old: new}",
    ("store",): "{name: seen, key: order.number, set: {at: window.end}}",
    ("split",): "{each: order.lines}",
    ("choose",): "[{when: order.paid, path: /orders}, {path: /others}]",
}
"""The same for what is no text."""


def value_remedy(loc: Sequence[int | str], given: object, schema: Schema | None = None) -> str | None:
    """What to write where a value of the wrong form stands: ``{cron: …}`` for a schedule that is a text.

    ``schema`` is pydantic's of what may stand there.
    """
    return _of_place(loc, given) or _of_list(given, schema) or _of_form(loc, given)


def _of_list(given: object, schema: Schema | None) -> str | None:
    """``write [email]`` for one value where a list of such values belongs; the mapping itself for a list of one."""
    kind = elements(schema)
    if isinstance(given, str) and kind in ("str", "int") and given.strip():
        parts = [part.strip() for part in re.split(r"[;,]", given) if part.strip()]
        return f"write [{', '.join(parts)}]" if kind == "str" or all(map(str.isdecimal, parts)) else None
    if isinstance(given, int) and not isinstance(given, bool) and kind == "int":
        return f"write [{given}]"
    if kind == "int" or (schema or {}).get("type") == "int":
        return f"write {given}" if isinstance(given, str) and given.isdecimal() else None
    if isinstance(given, list) and len(given) == 1 and isinstance(given[0], dict):
        return "take away the - or the [ ] around it"
    return None


def _of_form(loc: Sequence[int | str], given: object) -> str | None:
    steps = tuple(map(str, loc))
    places = (steps[-2:], (*steps[-2:-1], "*"), steps[-1:])
    if isinstance(given, str) and given.strip() and not given.isspace():
        if steps[-1:] == ("settled",):
            return f"write {{marker: {given}}}" if given.startswith(".") else f"write {{age: {given}}}"
        for place in places:
            if (form := _FORMS.get(place)) is not None:
                return f"write {form.format(given)}"
    return next((f"write {_EXAMPLES[place]}" for place in places if place in _EXAMPLES), None)


def _schedule(given: object) -> str | None:
    if isinstance(given, list):
        return 'a route has one schedule: write {cron: "0 6,18 * * *"} for several times a day'
    if not isinstance(given, str):
        return "write {every: 15m}"
    plain = given.strip()
    if plain.lower() in _NEVER:
        return "leave schedule out: such a route runs when it is triggered"
    if _CRON.fullmatch(plain):
        try:
            return f'write {{cron: "{check_cron(plain)}"}}'
        except ValueError:
            return 'write {cron: "*/5 * * * *"}, or {every: 15m}'
    if plain.lower() in _NAMED:
        return f'write {{cron: "@{plain.lower()}"}}'
    if found := re.search(r"rate\((.+)\)|every\s+(.+)", plain):
        plain = found[1] or found[2]
    if every := duration_meant(plain):
        return f"write {{every: {every}}}"
    if found := re.search(r"daily.*?(\d{1,2})", plain):
        return f'write {{cron: "0 {int(found[1])} * * *"}}'
    return 'write {cron: "*/5 * * * *"}, or {every: 15m}'


def _of_place(loc: Sequence[int | str], given: object) -> str | None:
    place = tuple(loc)
    if place == ("schedule",):
        return _schedule(given)
    if place == ("entity",) and isinstance(given, str):
        name = given if given.isidentifier() else "order"
        return f"write {{name: {name}, key: {name}.number}}"
    if place[-1:] == ("pagination",) and isinstance(given, str):
        return f"write {PAGINATION.get(given, PAGINATION['cursor'])}"
    if place == ("trigger",) and isinstance(given, str):
        return TRIGGERS.get(given, TRIGGERS["webhook"])
    if place == ("trigger", "webhook") and isinstance(given, str):
        return f"write {{path: {given.strip('/ ') or 'shop/orders'}, verify: {{shopify: <Connection>}}}}"
    if place == ("trigger",) and isinstance(given, list):
        return "write it without the list: {webhook: {…}, listen: {…}}"
    if place == ("delivery", "retry") and isinstance(given, int):
        return f"write {{attempts: {int(given) or 1}}}"
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

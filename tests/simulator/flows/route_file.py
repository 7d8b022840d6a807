"""The route files of a world: written as YAML from their shapes, and read as any route file is."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache, lru_cache
from pathlib import Path

from airflow_integrations.route.definition import Route
from airflow_integrations.route_files.load import read_route
from simulator.flows.shape import NAME, Shape

__all__ = ["route_of", "yaml_of"]

_PAGING = {
    "cursor": "{style: cursor, next: body.next, param: after}",
    "link": "{style: link}",
    "next_url": "{style: next_url, next: body.next_url}",
    "offset": "{style: offset, param: skip, total: body.total}",
    "overlap": "{style: offset, param: skip, total: body.total, overlap: true}",
    "page": "{style: page, pages: body.pages}",
    "counted page": "{style: page, pages: body.pages, total: body.total}",
    "none": "{style: none}",
}
_OUT = {
    "put": 'method: PUT, path: "/items/{{ order.ref }}"',
    "post": "path: /items, idempotent: true, id: body.id",
    "hold": "path: /items, id: body.id",
    "verify": 'path: /items, verify: {path: /items, query: {ref: "{{ order.ref }}"}, '
    "found_when: 'body.items and body.items[0].value == order.value', id: 'body.items[0].id'}",
    "batch": "path: /items, idempotent: true, results: {items: body.results, match: item.ref, ok: item.ok, "
    "reason: item.error, retry_when: item.later}",
    "upsert": 'upsert: {find: {path: /items, query: {ref: "{{ order.ref }}"}, target: body.items}, '
    'create: {path: /items}, update: {method: PUT, path: "/items/{{ target.ref }}"}}',
    "steps": "steps: [{name: part, path: /parts, idempotent: true, result: body.id}, {name: whole, path: /items, "
    'query: {part: "{{ part }}"}, idempotent: true, result: body.id}], target_id: whole',
    "held steps": "steps: [{name: part, path: /parts, result: body.id}, {name: whole, path: /items, "
    'query: {part: "{{ part }}"}, result: body.id}], target_id: whole',
}
_TABLE = "value\n-1\n0\n1\n"
"""What the lookup in a file knows: not the value 2."""
_LOOKED_UP = (
    "  - lookup: {name: customer, route: customers, key: order.customer, missing: retry}",
    "  - set: {customer_id: customer.key}",
)


def yaml_of(shape: Shape) -> str:
    """The route file."""
    group, split = shape.lines == "group", shape.lines in ("split", "joined")
    lines = [f"route: {shape.name}", "entity:", "  name: order", "  key: order.number"]
    lines += ["  version: order.rev"] if shape.versioned else []
    if group:
        customer = ", customer" if shape.beside == "customers" else ""
        lines += [f"  group: {{by: number, same: [rev, updated, value, state{customer}]}}"]
    if shape.contract:
        lines += [f"contract: {_CONTRACTS[shape.contract]}"]
    lines += _incoming(shape)
    if shape.events != "no":
        latest = ", latest: true" if shape.latest else ""
        low = ", latency: low" if shape.events == "low" else ""
        path = "shop/items" if shape.name == NAME else f"shop/{shape.name}"
        lines += [f"trigger: {{webhook: {{path: {path}, verify: none}}{latest}{low}}}"]
    if shape.missing:
        lines += ["missing: {at_most: 100%}"]
    lines += ["transform:"]
    if split:
        lines += [_split(shape)]
    if shape.merge:
        lines += [f"  - merge: {shape.merge}"]
    lines += ['  - filter: order.state != "draft"']
    lines += ["  - validate: {schema: {properties: {value: {minimum: 0}}}}"]
    if shape.table:
        lines += [
            f"  - lookup: {{name: known, file: values.csv, where: {{value: order.value}}, missing: {shape.table}}}"
        ]
    lines += _LOOKED_UP if shape.beside == "customers" else ()
    lines += [f"  - map: {{{_mapped(shape)}}}"]
    delete = ', delete: {path: "/items/{{ key }}"}' if shape.missing else ""
    waits = ", waiting_when: status == 202, waiting_deadline: 2h" if shape.waits else ""
    lines += [f"outgoing: {{http: {{connection: {shape.target}, {_OUT[shape.out]}{delete}{waits}}}}}"]
    policy = ", in_doubt: verify" if shape.out == "verify" else ""
    again = ", resend: always" if shape.again else ""
    retry = f"retry: {{attempts: {shape.attempts}, delay: 1m}}"
    lines += [f"delivery: {{batch: {shape.batch}, concurrency: {shape.concurrency}{policy}{again}, {retry}}}"]
    lines += ["retention: {payloads: 5m, runs: 2, history: 1h, events: 1h}"] if shape.forgets else []
    tasks = ["together: 0"] if shape.apart else []
    tasks += [f"spread: {shape.spread}, spread_above: 1"] if shape.spread > 1 else []
    tasks += [f"fetch_spread: {shape.fetch_tasks}"] if shape.parts else []
    lines += [f"tasks: {{{', '.join(tasks)}}}"] if tasks else []
    return "\n".join(lines) + "\n"


_CONTRACTS = {
    "warn": "{learn: 1}",
    "reject": "{learn: 1, on_new_field: reject, on_type_change: reject}",
    "fail": "{learn: 1, on_new_field: fail, on_gone_field: fail}",
}


def _incoming(shape: Shape) -> list[str]:
    schedule = ["schedule: {every: 10m}"]
    if shape.beside == "feed":
        return [*(schedule if shape.fetches else []), "incoming: {route: feed}"]
    if not shape.fetches:
        return ["incoming: {none: {}}"]
    lines = [*schedule, "incoming:", "  http:", f"    connection: {shape.source}", "    path: /records"]
    lines += ["    records: body.items"]
    counted = shape.missing and shape.paging == "page"  # without it nothing tells that a record has moved
    lines += [f"    pagination: {_PAGING['counted page' if counted else shape.paging]}"]
    query = []
    if shape.asks == "window":
        query += ['from: "{{ window.start }}", to: "{{ window.end }}"']
    if shape.asks == "cursor":
        asked = "field: updated, param: changed" if shape.by_time else "field: rev, param: since"
        lines += [f"    cursor: {{{asked}}}"]
        query += ["sort: number"] if shape.by_key else []
    if shape.parts:
        lines += [f"    partitions: {{list: {list(range(shape.parts))}}}"]
        moves = "value" if shape.versioned else "number"  # without versions the partition that is put last counts
        query += [f'part: "{{{{ partition.value }}}}", of: {shape.parts}, by: {moves}']
    lines += [f"    query: {{{', '.join(query)}}}"] if query else []
    return lines


def _split(shape: Shape) -> str:
    """Each line becomes an entity; ``joined``: of the same key as the whole, for the step behind."""
    key = "order.number" if shape.lines == "joined" else "[order.number, item.line]"
    customer = ", customer: order.customer" if shape.beside == "customers" else ""
    part = f"number: order.number, line: item.line, rev: order.rev, value: order.value, state: order.state{customer}"
    return f'  - split: {{each: order.lines, key: "{key}", map: {{{part}}}}}'


def _mapped(shape: Shape) -> str:
    """What is sent."""
    ref = "'f\"{order.number}|{order.line}\"'" if shape.lines == "split" else "order.number"
    sent = [f"ref: {ref}", "value: order.value"]
    sent += ["rev: order.rev"] if shape.with_rev else []
    sent += [f"edit: {{const: {shape.edit}}}"] if shape.edit else []
    sent += ["lines: '[line.line for line in order.lines]'"] if shape.lines == "group" else []
    sent += ["customer: order.customer_id"] if shape.beside == "customers" else []
    return ", ".join(sent)


@lru_cache(maxsize=4096)
def route_of(shape: Shape) -> Route:
    """The route that its file says; raises RouteError where the file is wrong."""
    if shape.table:
        return _read(shape, _folder_of_tables())
    with tempfile.TemporaryDirectory() as folder:
        return _read(shape, Path(folder))


def _read(shape: Shape, folder: Path) -> Route:
    (folder / f"{shape.name}.yaml").write_text(yaml_of(shape), encoding="utf-8")
    return read_route(folder, shape.name).route


@cache
def _folder_of_tables() -> Path:
    """Its files are read again by each run, so it stays until the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="world_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "values.csv").write_text(_TABLE, encoding="utf-8")
    return folder

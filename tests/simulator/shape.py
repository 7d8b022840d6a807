"""The shape of a world's route: drawn from the seed, written as YAML, and read as any route file is."""

from __future__ import annotations

import random
import tempfile
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from airflow_integrations.route.definition import Route
from airflow_integrations.route_files.load import read_route

__all__ = ["NAME", "Shape", "route_of", "yaml_of"]

NAME = "orders"
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
_BY_POSITION = ("offset", "overlap", "page")
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
_STEPS = {"put": "steps", "upsert": "steps", "hold": "held steps"}
"""What some shapes become."""


@dataclass(frozen=True)
class Shape:
    paging: str = "none"
    asks: str = "all"
    """What a run asks the source for: ``all``, a ``window`` of time, or what is behind a ``cursor``."""
    versioned: bool = True
    missing: bool = False
    """Deletions are sent."""
    events: str = "no"
    """``no``; ``run``: by a run of the events' DAG; ``low``: by a consumer."""
    fetches: bool = True
    latest: bool = False
    out: str = "put"
    with_rev: bool = True
    """Whether what is sent says which state it is of: then two states never have the same content."""
    waits: bool = False
    """The target may say that it decides later."""
    batch: int = 1
    concurrency: int = 1
    attempts: int = 10
    bucket: bool = False
    """Staging is an object store."""
    again: bool = False
    """``resend: always``."""
    forgets: bool = False
    """Retention is minutes."""
    by_time: bool = False
    """A cursor is the time of the change, to the microsecond, and not its number."""
    by_key: bool = False
    """What is behind a cursor comes in the order of keys."""
    edit: int = 0
    """How often the route was edited: each edit adds a constant to what is sent."""

    @property
    def repeatable(self) -> bool:
        return self.out not in ("hold", "verify", "held steps")

    @property
    def in_steps(self) -> bool:
        """An entity is two requests: one makes a part, the other an item of it."""
        return self.out in ("steps", "held steps")

    @staticmethod
    def drawn(chance: random.Random) -> Shape:
        asks = chance.choice(("all", "all", "window", "cursor"))
        events = chance.choice(("no", "no", "run", "run", "low"))
        fetches = events == "no" or (events == "run" and chance.random() < 0.6)
        paging = chance.choice(
            tuple(name for name in _PAGING if name != "counted page" and (asks == "all" or name not in _BY_POSITION))
        )
        out = chance.choice(tuple(name for name in _OUT if name not in _STEPS.values()))
        together = out == "batch" or (out in ("post", "put") and False)
        missing = asks == "all" and fetches and events == "no" and chance.random() < 0.4
        return Shape(
            paging=paging,
            asks=asks,
            versioned=asks == "cursor" or events != "no" or chance.random() < 0.6,
            missing=missing,
            events=events,
            fetches=fetches,
            latest=events != "no" and chance.random() < 0.3,
            out=out,
            with_rev=chance.random() < 0.5,
            waits=out in ("put", "post", "hold") and chance.random() < 0.15,
            batch=chance.randint(2, 4) if together else 1,
            concurrency=chance.randint(1, 3),
            attempts=chance.choice((2, 10, 10)),
            bucket=chance.random() < 0.2,
        )

    def with_more(self, number: int) -> Shape:
        """Drawn apart, so that the other shapes stay as they are."""
        in_steps = not self.waits and self.out in _STEPS and random.Random(f"steps {number}").random() <= 0.2
        forgets = random.Random(f"retention {number}").random() < 0.2
        order = random.Random(f"order {number}") if self.asks == "cursor" else None
        by_time, by_key = (order.random() < 0.4, order.random() < 0.5) if order else (False, False)
        out = _STEPS[self.out] if in_steps else self.out
        return replace(self, out=out, forgets=forgets, by_time=by_time, by_key=by_key)

    def edited(self) -> Shape:
        return replace(self, edit=self.edit + 1)


def yaml_of(shape: Shape) -> str:
    """The route file."""
    lines = [f"route: {NAME}", "entity:", "  name: order", "  key: order.number"]
    lines += ["  version: order.rev"] if shape.versioned else []
    if shape.fetches:
        lines += ["schedule: {every: 10m}"]
        lines += ["incoming:", "  http:", "    connection: source", "    path: /records", "    records: body.items"]
        counted = shape.missing and shape.paging == "page"  # without it nothing tells that a record has moved
        lines += [f"    pagination: {_PAGING['counted page' if counted else shape.paging]}"]
        if shape.asks == "window":
            lines += ['    query: {from: "{{ window.start }}", to: "{{ window.end }}"}']
        if shape.asks == "cursor":
            lines += [
                f"    cursor: {{{'field: updated, param: changed' if shape.by_time else 'field: rev, param: since'}}}"
            ]
            lines += ["    query: {sort: number}"] if shape.by_key else []
    else:
        lines += ["incoming: {none: {}}"]
    if shape.events != "no":
        latest = ", latest: true" if shape.latest else ""
        low = ", latency: low" if shape.events == "low" else ""
        lines += [f"trigger: {{webhook: {{path: shop/items, verify: none}}{latest}{low}}}"]
    if shape.missing:
        lines += ["missing: {at_most: 100%}"]
    lines += ["transform:", '  - filter: order.state != "draft"']
    lines += ["  - validate: {schema: {properties: {value: {minimum: 0}}}}"]
    extra = (", rev: order.rev" if shape.with_rev else "") + (f", edit: {{const: {shape.edit}}}" if shape.edit else "")
    lines += [f"  - map: {{ref: order.number, value: order.value{extra}}}"]
    delete = ', delete: {path: "/items/{{ key }}"}' if shape.missing else ""
    waits = ", waiting_when: status == 202, waiting_deadline: 2h" if shape.waits else ""
    lines += [f"outgoing: {{http: {{connection: target, {_OUT[shape.out]}{delete}{waits}}}}}"]
    policy = ", in_doubt: verify" if shape.out == "verify" else ""
    again = ", resend: always" if shape.again else ""
    retry = f"retry: {{attempts: {shape.attempts}, delay: 1m}}"
    lines += [f"delivery: {{batch: {shape.batch}, concurrency: {shape.concurrency}{policy}{again}, {retry}}}"]
    lines += ["retention: {payloads: 5m, runs: 2, history: 1h, events: 1h}"] if shape.forgets else []
    return "\n".join(lines) + "\n"


@lru_cache(maxsize=4096)
def route_of(shape: Shape) -> Route:
    """The route that its file says; raises RouteError where the file is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / f"{NAME}.yaml").write_text(yaml_of(shape), encoding="utf-8")
        return read_route(Path(folder), NAME).route

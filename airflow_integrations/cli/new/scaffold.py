"""The texts of a new route and its test."""

from __future__ import annotations

from string import Template

from airflow_integrations.schema import BESIDE

__all__ = ["SCHEMA_FILE", "route_text", "test_text"]

SCHEMA_FILE = BESIDE
"""Beside the route: editors complete and check by it. Its name begins with a dot, so it is taken for no route."""

_ROUTE = Template("""\
# yaml-language-server: $$schema=$schema
route: $name
description: What this route is for, in a sentence.
owner: airflow
tags: []
entity: {name: $entity, key: $entity.id}
schedule: {cron: "*/15 * * * *", timezone: UTC}

incoming:
  http:
    connection: $source             # the id of an Airflow Connection of type http
    path: /$entities
    query: {updated_from: "{{ window.start }}", updated_to: "{{ window.end }}"}
    records: body.$entities         # where in the answer the list is; an expression
    pagination: {style: cursor, next: body.next_cursor, param: cursor}

transform:
  - filter: $entity.status == "open"
  - map:
      Number: $entity.id
      Customer: $entity.customer.name
      Currency: {const: EUR}        # text; a string by itself is an expression
      Total: sum(line.quantity * decimal(line.price) for line in $entity.lines)

outgoing:
$outgoing
""")

_TO_HTTP = """\
  http:
    connection: target
    method: POST
    path: /documents"""

_TO_NONE = "  none: {}                        # sends nothing: for trials"

_TEST = Template("""\
# Run it with: airflow-integrations test $name
tests:
  - name: open ones go on, others are filtered out
    given:
      entities:
        - id: 1
          status: open
          customer: {name: Ada}
          lines: [{quantity: 2, price: "9.95"}, {quantity: 1, price: "0.10"}]
        - {id: 2, status: closed, customer: {name: Ben}, lines: []}
    expect:
      entities:
        - {Number: 1, Customer: Ada, Currency: EUR, Total: 20.00}
      filtered: ["2"]
$requests
  - name: all pages are fetched
    given:
      answers:
        source:
          - body: {$entities: [{id: 1, status: open, customer: {name: Ada}, lines: []}], next_cursor: page-2}
          - body: {$entities: [{id: 2, status: open, customer: {name: Ben}, lines: []}], next_cursor: null}
    expect:
      match: partial
      entities:
        - {Number: 1}
        - {Number: 2}
      requests:
        source:
          - {path: /$entities, query: {updated_from: "2026-01-01T00:00:00Z", updated_to: "2026-01-01T01:00:00Z"}}
          - {query: {updated_from: "2026-01-01T00:00:00Z", updated_to: "2026-01-01T01:00:00Z", cursor: page-2}}
""")

_REQUESTS = """\
      requests:
        target:
          - {method: POST, path: /documents, body: {Number: 1, Customer: Ada, Currency: EUR, Total: 20.00}}"""


def route_text(name: str, entity: str, target: str) -> str:
    """A route file that is valid as it is."""
    outgoing = _TO_HTTP if target == "http" else _TO_NONE
    return _ROUTE.substitute(
        schema=SCHEMA_FILE, name=name, entity=entity, entities=f"{entity}s", source="source", outgoing=outgoing
    )


def test_text(name: str, entity: str, target: str) -> str:
    """Tests of that route that pass as they are."""
    text = _TEST.substitute(
        name=name, entity=entity, entities=f"{entity}s", requests=_REQUESTS if target == "http" else ""
    )
    return "\n".join(line for line in text.splitlines() if line.strip()) + "\n"


test_text.__test__ = False  # type: ignore[attr-defined]  # pytest: this is not a test

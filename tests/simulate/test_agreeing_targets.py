"""Previews and tests send to a target that takes everything: kinds whose answers say more still count as delivered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_integrations.testing import run_route_tests

ROUTE = """
route: orders
entity: {{name: order, key: order.id}}
incoming: {{http: {{connection: shop, path: /}}}}
outgoing: {outgoing}
delivery: {{batch: {batch}}}
"""
TESTS = """
tests:
  - name: all are taken
    given: {entities: [{id: a'1}, {id: b}, {id: c}]}
    expect: {balance: {delivered: 3}}
"""
CREATE = "{odata: {connection: erp, entity_set: Orders, operation: create%s}}"
KEYED = "{odata: {connection: erp, entity_set: Orders, key: {id: order.id}%s}}"
MUTATION = "mutation ($id: ID!) { put(id: $id) { order { id } } }"
VARIABLES = "variables: {id: order.id}, id: body.data.put.order.id"
GRAPHQL = f"{{graphql: {{connection: erp, query: '{MUTATION}', {VARIABLES}}}}}"


@pytest.mark.parametrize(
    ("outgoing", "batch"),
    [
        (CREATE % "", 1),
        (CREATE % "", 2),
        (CREATE % ", batch: {format: json}", 3),
        (CREATE % ", version: 2", 3),
        (KEYED % "", 1),
        (KEYED % ", version: 2", 1),
        (KEYED % ", ask: false", 3),
        (GRAPHQL, 1),
    ],
)
def test_every_entity_is_delivered(tmp_path: Path, outgoing: str, batch: Any) -> None:
    (tmp_path / "orders.yaml").write_text(ROUTE.format(outgoing=outgoing, batch=batch))
    (tmp_path / "orders.test.yaml").write_text(TESTS)
    report = run_route_tests(tmp_path)
    assert report.ok, report

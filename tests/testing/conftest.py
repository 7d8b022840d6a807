from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_integrations.testing import Report, run_route_tests

ROUTE = """\
entity: {name: order, key: order.id}
params: {country: ES}
incoming:
  http:
    connection: shop
    path: /orders
    query: {from: "{{ window.start }}", country: "{{ params.country }}"}
    records: body.orders
    pagination: {style: cursor, next: body.next, param: cursor}
transform:
  - filter: order.status == "open"
  - lookup:
      name: customer
      http: {connection: crm, path: "/customers/{{ order.customer }}"}
      missing: reject
  - map:
      Number: order.id
      Name: customer.name
      Note: order.note
      Region: var.region
outgoing:
  http: {connection: erp, method: POST, path: /documents}
delivery: {concurrency: 8}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A routes folder with the route ``orders``."""
    folder = tmp_path / "routes"
    folder.mkdir()
    (folder / "orders.yaml").write_text(ROUTE)
    return folder


@pytest.fixture
def tried(root: Path) -> Callable[[str], Report]:
    """The report of a test file with this text."""

    def run(text: str) -> Report:
        (root / "orders.test.yaml").write_text(text)
        return run_route_tests(root)

    return run

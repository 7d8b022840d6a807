"""A preview asks the real ledger and the real services, and changes nothing at either."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from airflow_integrations.cli.airflow_access import open_ledger
from airflow_integrations.ledger.records import Outcome
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.ledger.runs.runs import begin_run
from airflow_integrations.ledger.store import NewValue, find_values, write_values
from airflow_integrations.window import EPOCH, Window

ROUTE = """
entity: {name: order, key: order.id}
mask: [secret]
incoming: {none: {}}
schedule: {every: 1h}
transform:
- lookup: {name: customer, route: customers, key: order.customer, missing: retry}
- lookup: {name: code, store: codes, key: order.sku}
- lookup:
    name: party
    http:
      connection: source
      path: /nowhere/{{ order.id }}
      create: {path: /documents, body: {id: order.id}}
- store: {name: seen, key: order.id, set: {secret: order.secret, at: order.sku}}
- map: {id: order.id, customer: customer.target_id, code: code.erp, party: party.id}
outgoing: {http: {connection: target, path: /documents}}
"""


def test_a_preview_looks_up_and_creates_and_stores_nothing(
    call: Any, routes: Any, systems: Any, tmp_path: Path
) -> None:
    now = time.time()
    with open_ledger() as ledger:
        ref = begin_run(
            ledger, "customers", "r", kind="cli", window=Window(EPOCH, EPOCH), route_hash="", staging="", now=now
        )
        there = Outcome(key="C-1", status="delivered", hash="0" * 32, target_id="77")
        conclude(ledger, ref, [there], now=now)
        write_values(ledger, "codes", [NewValue("a", b'{"erp":"A-7"}')], route="p", run_id="r", now=now)
    (Path("routes") / "looks.yaml").write_text(ROUTE)
    orders = [{"id": 1, "customer": "C-1", "sku": "a", "secret": "abcdef"}, {"id": 2, "customer": "C-2", "sku": "a"}]
    (tmp_path / "orders.json").write_text(json.dumps(orders))
    code, out, _ = call("preview", "looks", "--entities", "orders.json", "--format", "json")
    found = json.loads(out)
    assert code == 0, out
    assert [entity["after"] for entity in found["entities"]] == [
        {"id": 1, "customer": "77", "code": "A-7", "party": None}
    ]
    assert "customers has not delivered the customer C-2: the route has not had it" in found["rejected"][0]["reason"]
    assert found["stored"] == {"seen": {"1": {"secret": "***", "at": "a"}}}
    assert any("would create 1 party that it does not find, such as by POST /documents" in w for w in found["warnings"])
    assert systems.documents == []
    assert "Would be stored in seen:" in call("preview", "looks", "--entities", "orders.json")[1]
    with open_ledger() as ledger:
        assert [line.store for line in find_values(ledger, now=now).values] == ["codes"]

"""The entities' commands show nothing that a route masks."""

from __future__ import annotations

import json

from sqlalchemy import update

from airflow_integrations.cli.airflow_access import open_ledger
from airflow_integrations.ledger.actions.payload_edits import edit as edit_payload
from airflow_integrations.ledger.queries.entities import where
from airflow_integrations.ledger.storage import tables

NOW = 1_790_000_000.0


def test_what_the_route_masks_is_not_shown(call, routes, systems, edit):
    systems.orders[0]["customer"]["name"] = "Ana Buyer"
    systems.status = 422
    edit(routes / "orders.yaml", "entity: {name: order", "mask: [customer.name]\nentity: {name: order")
    call("run", "orders")
    code, out, _ = call("entities", "show", "orders", "1", "--payload")
    assert code == 0
    assert '"name": "***"' in out
    assert '"Customer": "***"' in out
    assert "Ana Buyer" not in out
    with open_ledger() as ledger:
        edit_payload(ledger, "orders", "1", '{"Customer": "Ana Buyer"}', "cli:ana", NOW)
    for how in ("--payload", "--format=json"):
        assert "Ana Buyer" not in call("entities", "show", "orders", "1", how)[1]


def test_a_mask_that_was_added_counts_at_once_for_what_is_stored(call, routes, systems, edit):
    systems.orders[0]["customer"]["name"] = "Ana Buyer"
    systems.status = 422
    call("run", "orders")
    history = update(tables.entity).where(tables.entity.c.key == "1").values(message="Ana Buyer\\/1 is blocked")
    with open_ledger() as ledger, ledger.write() as connection:
        connection.execute(history)
    asked = [
        *(("entities", "show", "orders", "1", how) for how in ("--payload", "--format=json")),
        *(("entities", "list", "orders", f"--format={form}") for form in ("text", "json", "jsonl")),
        *(("entities", "errors", "orders", f"--format={form}") for form in ("text", "json")),
    ]
    assert all("Ana Buyer" in call(*command)[1] for command in asked)
    edit(routes / "orders.yaml", "entity: {name: order", "mask: [customer.name]\nentity: {name: order")
    for command in asked:
        code, out, _ = call(*command)
        assert code == 0
        assert "Ana Buyer" not in out, command
        assert "***" in out


def test_an_edit_shows_nothing_that_is_masked_and_keeps_it(call, routes, systems, edit, tmp_path):
    systems.orders[0]["customer"]["name"] = "Ana Buyer"
    systems.status = 422
    edit(routes / "orders.yaml", "entity: {name: order", "mask: [customer.name]\nentity: {name: order")
    call("run", "orders")
    payload = tmp_path / "payload.json"
    payload.write_text('{"Customer": "***", "Note": "new"}')
    code, out, _ = call("entities", "edit", "orders", "1", "--payload", str(payload))
    assert code == 0
    assert "Ana Buyer" not in out
    with open_ledger() as ledger:
        found = where(ledger, "orders", "1", NOW)
    assert found is not None
    kept = found.overlay
    assert kept is not None
    assert json.loads(kept.payload) == {"Customer": "Ana Buyer", "Note": "new"}

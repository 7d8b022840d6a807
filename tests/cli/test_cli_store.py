"""``store``: listed, searched, shown with its history, changed and removed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_integrations.cli.airflow_access import open_ledger
from airflow_integrations.ledger.store import NewValue, write_values

NOW = 1_790_000_000.0


@pytest.fixture
def stored() -> None:
    with open_ledger() as ledger:
        values = [NewValue(f"SKU-{number}", json.dumps({"code": number}).encode()) for number in range(3)]
        write_values(ledger, "codes", values, route="orders", run_id="r", now=NOW)


@pytest.mark.usefixtures("stored")
def test_values_are_listed_and_searched(call: Any) -> None:
    code, out, _ = call("store", "list")
    assert (code, "codes" in out, "3" in out) == (0, True, True)
    code, out, _ = call("store", "list", "codes", "--search", "sku-1")
    assert code == 0
    assert "SKU-1" in out
    assert "SKU-2" not in out
    code, out, _ = call("store", "list", "codes", "--limit", "2")
    assert "There are more: --after SKU-1" in out
    code, out, _ = call("store", "list", "codes", "--after", "SKU-1", "--json")
    assert [line["key"] for line in json.loads(out)] == ["SKU-2"]


@pytest.mark.usefixtures("stored")
def test_a_value_is_changed_by_hand_and_its_history_says_by_whom(call: Any) -> None:
    assert call("store", "set", "codes", "SKU-1", '{"code": 70}')[0] == 0
    code, out, _ = call("store", "show", "codes", "SKU-1")
    assert code == 0
    assert 'codes SKU-1: {"code":70}' in out
    assert '{"code": 1}' in out.partition("history, newest first")[2]
    assert call("store", "set", "codes", "SKU-1", "{code: 70}")[0] == 2
    assert call("store", "remove", "codes", "SKU-1", "--yes")[0] == 0
    code, _, err = call("store", "show", "codes", "SKU-1")
    assert (code, "has no value SKU-1" in err) == (1, True)

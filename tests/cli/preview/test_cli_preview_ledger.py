"""A preview knows what was delivered, and leaves the ledger as it is."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import pytest
from cli_servers import Systems

ORDER = {"status": "open", "customer": {"name": "Ada"}, "lines": []}


def counts(**found: int) -> dict[str, int]:
    names = ("new", "changed", "again", "unchanged", "superseded", "left_open", "filtered", "merged", "rejected")
    return dict.fromkeys(names, 0) | found


def rows(path) -> dict[str, list[tuple[Any, ...]]]:
    database = sqlite3.connect(path)
    try:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: database.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in tables}
    finally:
        database.close()


@pytest.fixture
def delivered(call, routes, systems: Systems) -> Systems:
    """Orders 1, 3, 4 and 5 are delivered, 2 is filtered; since then 3 has changed and 6 and 7 have come."""
    assert call("run", "orders")[0] == 0
    systems.orders[2]["customer"] = {"name": "somebody else"}
    systems.orders += [{"id": 6, **ORDER}, {"id": 7, "status": "open", "lines": None}]
    return systems


def test_it_ends_with_what_is_new_and_what_has_changed(call, delivered):
    code, out, _ = call("preview", "orders", "--limit", "9")
    assert code == 1  # as `run` would: one goes wrong
    assert out.splitlines()[-1] == "1 new, 1 changed, 3 unchanged, 1 filtered, 1 would be rejected"
    for title in ("1 (unchanged): before", "3 (changed): before", "6 (new): before"):
        assert title in out
    assert "as if the target had none of them yet" in out


def test_programs_get_the_same(call, delivered):
    found = json.loads(call("preview", "orders", "--limit", "9", "--format", "json")[1])
    assert found["counts"] == counts(new=1, changed=1, unchanged=3, filtered=1, rejected=1)
    assert {entity["key"]: entity["prospect"] for entity in found["entities"]} == {
        "1": "unchanged", "3": "changed", "4": "unchanged", "5": "unchanged", "6": "new",
    }  # fmt: skip
    assert found["ledger_error"] is None


def test_the_ledger_is_only_read(call, delivered, tmp_path):
    before = rows(tmp_path / "ledger.db")
    assert len(before["integrations_run"]) == 1
    assert call("preview", "orders")[0] == 0
    assert rows(tmp_path / "ledger.db") == before


def test_of_a_route_that_never_ran_all_is_new(call, routes, systems):
    out = call("preview", "orders")[1]
    assert out.splitlines()[-1] == "4 new, 1 filtered"
    assert "Would be sent (headers" in out


def test_a_preview_without_a_ledger_says_that_it_does_not_know(call, routes, systems, monkeypatch, tmp_path):
    (tmp_path / "a file").write_text("")
    monkeypatch.setenv(
        "AIRFLOW_CONN_TEST_LEDGER", json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "a file" / "ledger.db")})
    )
    code, out, _ = call("preview", "orders")
    assert code == 0
    assert "5 fetched: 4 go on, 1 filtered" in out
    assert "What is new and what has changed is not known" in out
    assert out.splitlines()[-1] == "1 filtered"
    found = json.loads(call("preview", "orders", "--format", "json")[1])
    assert found["counts"] == {"filtered": 1, "merged": 0, "rejected": 0}
    assert "ledger.db" in found["ledger_error"]
    assert {entity["prospect"] for entity in found["entities"]} == {None}


def test_where_nothing_goes_on_the_ledger_is_not_asked(call, routes, systems, monkeypatch):
    monkeypatch.setenv("AIRFLOW__INTEGRATIONS__LEDGER_CONNECTION", "there_is_none")
    systems.orders = []
    code, out, _ = call("preview", "orders")
    assert code == 0
    assert "not known" not in out

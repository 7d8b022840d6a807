"""Commands about the databases that routes write to."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from sql_surroundings import Tables

ROUTE = """entity: {name: order, key: order.id}
incoming:
  sql: {connection: warehouse, table: orders, columns: [id, nmae]}
outgoing:
  sql: {connection: warehouse, table: copies, key: id}
"""


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tables:
    file = tmp_path / "warehouse.db"
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(file)}))
    tables = Tables(f"sqlite:///{file}")
    tables.run(
        "CREATE TABLE orders (id integer primary key, name text)",
        "CREATE TABLE copies (id integer primary key, name varchar(3) not null)",
        "INSERT INTO orders VALUES (1, 'abc'), (2, 'abcd'), (3, NULL)",
    )
    return tables


@pytest.fixture
def route(tmp_path: Path) -> Path:
    (tmp_path / "routes").mkdir()
    file = tmp_path / "routes" / "copies.yaml"
    file.write_text(ROUTE)
    return file


def test_prepare_makes_the_table_of_markers_once(call, tables):
    assert call("sql", "prepare", "warehouse")[:2] == (
        0,
        "warehouse: the table airflow_integrations_written was made\n",
    )
    assert "is there already" in call("sql", "prepare", "warehouse")[1]
    assert tables.rows("select count(*) from airflow_integrations_written") == [(0,)]


def test_forget_says_what_it_needs(call, tables):
    code, _, told = call("sql", "forget", "warehouse", "copies", "--yes")
    assert code == 1
    assert "sql prepare warehouse" in told
    call("sql", "prepare", "warehouse")
    assert call("sql", "forget", "warehouse", "copies", "--yes")[1] == "warehouse: deleted 0 markers of copies\n"


def test_validate_online_shows_the_line_of_a_column_that_is_not_there(call, tables, route):
    assert call("validate")[0] == 0
    code, out, _ = call("validate", "--online")
    assert code == 1
    assert re.search(
        r"^routes/copies\.yaml:3:\d+  incoming\.sql: table orders has no column nmae, did you mean 'name'", out
    )


def test_validate_online_asks_for_lookups_and_for_what_a_route_listens_to(call, tables, route):
    lookup = "transform: [{lookup: {name: c, sql: {connection: warehouse, table: orders}, where: {nam: order.name}}}]\n"
    listen = "trigger: {listen: {sql_outbox: {connection: warehouse, table: orders, payload: boddy, taken: delete}}}\n"
    route.write_text(ROUTE.replace(", columns: [id, nmae]", "") + lookup + listen)
    out = call("validate", "--online")[1]
    assert re.search(r"copies\.yaml:6:\d+  transform\.0\.lookup: table orders has no column nam, did you mean", out)
    assert re.search(r"copies\.yaml:7:\d+  trigger\.listen\.sql_outbox: table orders has no column boddy", out)


def test_preview_shows_rows_and_what_would_not_fit(call, tables, route):
    route.write_text(ROUTE.replace(", columns: [id, nmae]", ""))
    code, out, _ = call("preview", "copies", "--format", "json")
    assert code == 1, out
    told = json.loads(out)
    assert told["failing"] == [
        {"key": "2", "reason": "copies.name: the text has 4 characters, and the column takes 3"},
        {"key": "3", "reason": "copies.name: the column takes no NULL"},
    ]
    assert "would fail" in call("preview", "copies")[1]
    assert [request["body"] for request in told["requests"]] == [{"id": 1, "name": "abc"}]
    assert tables.rows("select * from copies") == []


def test_run_moves_rows_and_doctor_opens_the_database(call, tables, route):
    route.write_text(ROUTE.replace(", columns: [id, nmae]", ""))
    code, out, _ = call("run", "copies")
    assert code == 1, out  # two rows do not fit
    assert tables.rows("select id, name from copies") == [(1, "abc")]
    assert "opened sqlite" in call("doctor")[1]


def test_a_connection_of_another_kind_is_told(call, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", json.dumps({"conn_type": "http", "host": "https://shop.example"}))
    code, _, told = call("sql", "prepare", "shop")
    assert code == 1
    assert "needs one of a database" in told

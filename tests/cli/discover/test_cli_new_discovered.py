"""Routes from what was discovered at both ends: valid, and with a test that passes, as they are written."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from sql_surroundings import Tables

from airflow_integrations.cli.new.discovered.masked_samples import masked_samples

NAMES = ("Ada Lovelace", "Grace Hopper", "ada@example.org")


@pytest.fixture
def tables(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Tables:
    from sqlalchemy.engine import make_url

    url = make_url(database_url)
    kind = {"sqlite": "sqlite", "postgresql": "postgres", "mysql": "mysql"}[url.get_backend_name()]
    connection: dict[str, Any] = {"conn_type": kind, "host": url.host or url.database, "port": url.port}
    if kind != "sqlite":
        connection |= {"login": url.username, "password": url.password, "schema": url.database}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(connection))
    tables = Tables(database_url)
    moment = "datetime" if kind == "mysql" else "timestamp"
    tables.run(
        "CREATE TABLE orders (id int primary key, customer_name varchar(40), mail varchar(60) not null, "
        f"total numeric(12, 2), paid boolean, updated_at {moment} not null)",
        "INSERT INTO orders VALUES (4711, 'Ada Lovelace', 'ada@example.org', 19.90, true, '2026-01-31 10:00:00'), "
        "(4712, 'Grace Hopper', 'grace@example.org', NULL, false, '2026-01-31 11:00:00')",
        "CREATE TABLE sales (order_id int primary key, total numeric(10, 2), currency char(3) not null, "
        "customerName varchar(10), note varchar(9))",
    )
    return tables


@pytest.fixture
def passes(call, tmp_path):
    """That what was written is valid, and its test passes; gives the route's text and the test's."""

    def check(name: str) -> tuple[str, str]:
        folder = tmp_path / "routes"
        code, out, _ = call("validate")
        assert (code, "no mistakes" in out) == (0, True), out
        code, out, _ = call("test", name)
        assert (code, out.endswith("1 passed\n")) == (0, True), out
        return (folder / f"{name}.yaml").read_text(), (folder / f"{name}.test.yaml").read_text()

    return check


def test_a_table_into_a_table(call, tables, passes):
    code, out, err = call("new", "orders_to_sales", "--from", "warehouse:orders", "--to", "warehouse:sales")
    assert code == 0, err
    assert "routes/schemas/orders_to_sales.json" in out
    route, test = passes("orders_to_sales")
    assert "cursor:\n      column: updated_at" in route
    assert "no index begins with it" in route
    assert re.search(r"^      order_id: order\.id  # by a name that is alike", route, re.MULTILINE)
    assert re.search(r"^      total: order\.total$", route, re.MULTILINE)
    assert "# takes 10 characters, the source has up to 40" in route.replace("check it; ", "")
    assert "# missing, char(3), not null: nothing at the source is called so" in route
    assert "currency: {const: null}" in route
    assert "# note: nothing at the source is called so; it may be left out" in route
    assert "# not sent: order.mail" in route
    assert "key: order_id" in route
    assert not any(name in test for name in NAMES)
    given = yaml.safe_load(test)["tests"][0]["given"]["entities"]
    assert [record["id"] for record in given] == [1, 2]
    assert given[0]["mail"] == "aaa@aaaaaaa.aaa"


def test_a_table_into_an_api(call, tables, passes, monkeypatch):
    if tables.dialect != "postgresql":
        pytest.skip("once is enough")
    monkeypatch.setenv("AIRFLOW_CONN_ERP", json.dumps({"conn_type": "http", "host": "http://127.0.0.1:1"}))
    code, _, err = call("new", "to_api", "--from", "warehouse:orders", "--to", "erp:/sales-orders")
    assert code == 0, err
    route, test = passes("to_api")
    assert "path: /sales-orders" in route
    assert yaml.safe_load(test)["tests"][0]["expect"]["requests"]["erp"][0]["method"] == "POST"


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of files, and an API that describes what it takes."""
    (tmp_path / "in").mkdir()
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", json.dumps({"conn_type": "fs", "extra": {"path": str(tmp_path / "in")}}))
    monkeypatch.setenv("AIRFLOW_CONN_ERP", json.dumps({"conn_type": "http", "host": "http://127.0.0.1:1"}))
    body = {"required": ["Number"], "properties": {"Number": {"type": "string"}, "Amount": {"type": "number"}}}
    content = {"application/json": {"schema": body}}
    document = {"openapi": "3.0.0", "paths": {"/orders": {"post": {"requestBody": {"content": content}}}}}
    (tmp_path / "erp.json").write_text(json.dumps(document))
    return tmp_path / "in"


def test_files_into_an_api_that_describes_itself(call, lake, passes):
    for day in (1, 2):
        (lake / f"orders_2026-01-{day:02}.csv").write_text(f"order_no;amount;name\nA-{day};9.95;Ada\nB-{day};;Ben\n")
    code, _, err = call("new", "files", "--from", "lake:orders_2026-01-*.csv", "--to", "erp:erp.json#/orders")
    assert code == 0, err
    route, test = passes("files")
    assert 'path: "orders_2026-01-*.csv"' in route
    assert "Number: order.order_no  # by a name that is alike, check it" in route
    assert 'Amount: "decimal(order.amount) if order.amount else None"' in route
    assert "# a guess: the key is what the source never changes" in route
    assert "Ada" not in test


def test_files_into_a_table(call, lake, tables, passes):
    if tables.dialect != "sqlite":
        pytest.skip("once is enough")
    (lake / "sales.jsonl").write_text('{"order_id": 7, "total": 1.5, "lines": [{"sku": "A"}]}\n')
    code, _, err = call("new", "into", "--from", "lake:sales.jsonl", "--to", "warehouse:sales")
    assert code == 0, err
    assert "order_id: sale.order_id" in passes("into")[0]


def test_nothing_to_see_and_several_keys(call, tables, passes):
    tables.run("CREATE TABLE stock (plant varchar(4), sku varchar(9), amount int, primary key (plant, sku))")
    code, out, err = call("new", "stock", "--from", "warehouse:stock", "--to", "none")
    assert code == 0, err
    assert "no record could be seen (there is none); the test has an invented one" in out
    assert 'key: "f\\"{stock.plant}/{stock.sku}\\""' in passes("stock")[0]


def test_hostile_names_stay_texts(call, tables, passes):
    quote = "`" if tables.dialect == "mariadb" else '"'
    odd = "x\u202e']} {{ y }} # z: [1]"
    tables.run(
        f"CREATE TABLE odd (id int primary key, {quote}{odd}{quote} int, "
        f"{quote}class{quote} int, {quote}q?{quote} int)",
        "INSERT INTO odd VALUES (1, 2, 3, 4)",
    )
    code, _, err = call("new", "odd", "--from", "warehouse:odd", "--to", "http")
    assert code == 0, err
    route, _ = passes("odd")
    assert "\u202e" not in route
    assert "a map cannot write this name" in route


def test_what_names_several_or_nothing_writes_nothing(call, tables, tmp_path):
    tables.run("CREATE TABLE other (id int primary key)")
    schema = {"sqlite": "main", "postgresql": "public"}.get(tables.dialect, tables.url.rpartition("/")[2])
    code, _, err = call("new", "x", "--from", f"warehouse:{schema}", "--to", "none")
    assert (code, "write one, such as orders" in err) == (2, True)
    code, _, err = call("new", "x", "--from", "warehouse:ordres", "--to", "none")
    assert (code, "did you mean 'orders'" in err) == (1, True)
    code, _, err = call("new", "x", "--to", "warehouse:orders")
    assert (code, "needs a place in --from as well" in err) == (2, True)
    assert call("new", "x", "--from", "warehouse:orders", "--to", "shopify")[0] == 2
    assert not (tmp_path / "routes" / "x.yaml").exists()


def test_masked_samples_keep_the_shape_and_nothing_else():
    record = {
        "id": "K-9",
        "n": 123456,
        "d": Decimal("98.70"),
        "yes": True,
        "at": "2026-01-31T10:00:00Z",
        "text": "Ünï Ada\x07" + "x" * 100,
        "deep": {"ada@example.org": [1, 2, 3], "plain": None},
    }
    first, second = masked_samples([record, record], ["id"])
    assert first == {
        "id": "A-1",
        "n": 1,
        "d": Decimal("1.11"),
        "yes": False,
        "at": "1111-11-11T11:11:11Z",
        "text": "Aaa Aaa " + "a" * 52,
        "deep": {"key_0": [1, 1], "plain": None},
    }
    assert second["id"] == "A-2"


def test_an_api_that_an_openapi_file_describes(call, systems, passes, tmp_path):
    line = {"type": "object", "properties": {"quantity": {"type": "integer"}}}
    order = {
        "required": ["id", "status"],
        "properties": {
            "id": {"type": "integer"},
            "status": {"type": "string"},
            "customer": {"type": "object"},
            "lines": {"type": "array", "items": line},
        },
    }
    answer = {"properties": {"orders": {"type": "array", "items": order}, "next_cursor": {"type": "string"}}}
    get = {
        "parameters": [{"name": "cursor", "in": "query"}],
        "responses": {"200": {"content": {"application/json": {"schema": answer}}}},
    }
    (tmp_path / "api.json").write_text(json.dumps({"openapi": "3.0.0", "paths": {"/orders": {"get": get}}}))
    code, _, err = call("new", "api", "--from", "source:api.json#/orders", "--to", "none")
    assert code == 0, err
    route, test = passes("api")
    assert "records: body.orders" in route
    assert "style: cursor" in route
    assert [record["id"] for record in yaml.safe_load(test)["tests"][0]["given"]["entities"]] == [1, 2]
    assert [heard.method for heard in systems.heard] == ["GET"]

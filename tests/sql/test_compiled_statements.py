"""SQL Server and Oracle do not run here: what they would be sent, as SQLAlchemy's dialects write it."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy
from compiled_statements import Recorder
from sqlalchemy.schema import CreateIndex, CreateTable

from airflow_integrations.listen.sql.outbox_options import OutboxOptions
from airflow_integrations.listen.sql.outbox_table import OutboxTable
from airflow_integrations.outgoing.sql.options import SqlOptions
from airflow_integrations.outgoing.sql.plan import Planned, RowWrite, TablePlan
from airflow_integrations.outgoing.sql.statements import call_for, write_table
from airflow_integrations.sql.binds import Binds
from airflow_integrations.sql.database import Database
from airflow_integrations.sql.markers import markers_table
from airflow_integrations.sql.statement import SqlText
from airflow_integrations.sql.tables import Column, Table

BOTH = ("mssql", "oracle")


def written(name: str, mode: Any, *, found: int = 1) -> list[str]:
    """For one entity with two children."""
    recorder: Any = Recorder(name, found)
    options = SqlOptions.model_validate(
        {
            "connection": "db",
            "table": "sales.orders",
            "key": "id",
            "mode": mode,
            "children": {"lines": {"table": "lines", "on": {"order_id": "id"}}},
        }
    )
    database, main = Database("db", f"{name}://"), options.main
    assert main is not None
    plan = TablePlan(main, "order", None, {"lines": None}, database=None, zone=None)
    lines = [{"order_id": 1, "no": 1}, {"order_id": 1, "no": 2}]
    row = {"id": 1, "total": 5} if mode != "delete" else {"id": 1}
    write_table(database, recorder, plan, [RowWrite(mode, row, {} if mode == "delete" else {"lines": lines})])
    told: list[str] = recorder.told
    return told


@pytest.mark.parametrize("name", BOTH)
def test_what_is_written(name: str) -> None:
    gone = "DELETE FROM lines WHERE lines.order_id IN (:some_1)"
    update = "UPDATE sales.orders SET total=:v0 WHERE sales.orders.id = :k0"
    insert = "INSERT INTO sales.orders (id, total) VALUES (:id, :total)"
    lines = "INSERT INTO lines (order_id, no) VALUES (:order_id, :no)"
    assert written(name, "upsert") == [gone, update, lines]
    assert written(name, "upsert", found=0) == [gone, update, insert, lines]
    assert written(name, "insert") == [gone, insert, lines]
    assert written(name, "delete") == [gone, "DELETE FROM sales.orders WHERE sales.orders.id IN (:some_1)"]


@pytest.mark.parametrize(
    ("name", "sql"),
    [("mssql", "EXEC sales.take :a0, :a1"), ("oracle", "BEGIN sales.take(:a0, :a1); END;")],
)
def test_a_procedure(name: str, sql: str) -> None:
    recorder: Any = Recorder(name)
    outbound: Any = None
    call_for(recorder, "sales.take", Planned(outbound, [], args=[1, "x"]))
    assert recorder.told == [sql]


@pytest.mark.parametrize(
    ("name", "types"),
    [
        ("mssql", ("VARCHAR(32) NOT NULL", "NVARCHAR(512) NOT NULL", "BIGINT NOT NULL")),
        ("oracle", ("VARCHAR2(32 CHAR) NOT NULL", "VARCHAR2(512 CHAR) NOT NULL", "NUMBER(19) NOT NULL")),
    ],
)
def test_the_table_of_markers(name: str, types: tuple[str, ...]) -> None:
    recorder, table = Recorder(name), markers_table()
    made = recorder.sql(CreateTable(table))
    assert made.startswith("CREATE TABLE airflow_integrations_written ( id ")
    assert all(each in made for each in types)
    assert "PRIMARY KEY (id)" in made
    (index,) = table.indexes
    assert recorder.sql(CreateIndex(index)) == (
        "CREATE INDEX ix_airflow_integrations_written_at ON airflow_integrations_written (written_at)"
    )


def outbox(name: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Recorder, OutboxTable]:
    kinds = {"id": sqlalchemy.Integer(), "payload": sqlalchemy.Text(), "sent": sqlalchemy.DateTime()}
    columns = {each: Column(each, kind, True, False, False) for each, kind in kinds.items()}
    table = Table("shop.outbox", columns, ("id",), (frozenset(["id"]),))
    monkeypatch.setattr("airflow_integrations.listen.sql.outbox_table.table_of", lambda *_: table)
    options = OutboxOptions.model_validate(
        {"connection": "db", "table": "shop.outbox", "payload": "payload", "taken": {"time": "sent"}, "prefetch": 50}
    )
    recorder: Any = Recorder(name)
    return recorder, OutboxTable(options, Database("db", f"{name}://"), recorder, {})


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [("mssql", "SELECT TOP 50 id, payload, sent", "ORDER BY id"), ("oracle", "SELECT id, payload, sent", "ROWS ONLY")],
)
def test_an_outbox(name: str, first: str, last: str, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder, rows = outbox(name, monkeypatch)
    waiting = recorder.sql(rows.waiting())
    assert waiting.startswith(first)
    assert "FROM shop.outbox WHERE sent IS NULL ORDER BY id" in waiting
    assert waiting.endswith(last)
    marked = recorder.sql(rows.marked([7, 8]))
    assert marked == "UPDATE shop.outbox SET sent = CURRENT_TIMESTAMP WHERE id IN (:p0_1, :p0_2)"
    assert "count(*)" in recorder.sql(rows.counted(1000))


@pytest.mark.parametrize("name", BOTH)
def test_values_of_a_routes_own_sql_are_bound(name: str) -> None:
    recorder, binds = Recorder(name), Binds({"params.regions": ["ES", "x'; drop table t --"], "params.since": 5})
    sql = binds.of(SqlText("region in :params.regions and changed >= :params.since and note <> 'a:b'"))
    made = recorder.sql(binds.text(f"SELECT * FROM orders WHERE {sql}"))
    assert made == ("SELECT * FROM orders WHERE region in (:p0_1, :p0_2) and changed >= :p1 and note <> 'a:b'")

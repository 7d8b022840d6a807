"""What there is in real databases."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ledger_pool import admin_connection
from sql_surroundings import Surroundings, Tables, route_of

from airflow_integrations.discovery import Bounds, Collection, Discovery
from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.incoming.sql.source import SqlIncoming
from airflow_integrations.run import Services

HOSTILE = "bell \x07 and [red]markup"


@pytest.fixture
def tables(database_url: str) -> Tables:
    return Tables(database_url)


def look(url: str, place: str | None = None, **bounds: Any) -> Discovery:
    async def asked() -> Discovery:
        async with Services(Surroundings(url)) as services:
            return await SqlIncoming.discover("db", place, services, Bounds(**bounds))

    return asyncio.run(asked())


def one(url: str, place: str) -> Collection:
    (found,) = look(url, place).collections
    return found


def test_a_table_is_told_with_its_key_columns_and_what_tells_changes(tables):
    moment = "datetime" if tables.dialect == "mariadb" else "timestamp"
    tables.run(
        "CREATE TABLE customers (id int primary key, name varchar(40) not null)",
        "CREATE TABLE orders (id int primary key, number varchar(20) not null, total numeric(12, 2), paid boolean, "
        f"day date, customer int, created_at {moment} null, updated_at {moment} not null, "
        "note varchar(9) default 'none' not null, foreign key (customer) references customers (id))",
        "CREATE INDEX orders_changed ON orders (updated_at)",
    )
    found = one(tables.url, "orders")
    assert (found.what, found.name, found.key, found.guessed) == ("table", "orders", ("id",), ())
    by_name = {field.name: field for field in found.fields}
    assert {name: field.meaning for name, field in by_name.items()} == {
        "id": "integer",
        "number": "string",
        "total": "number",
        "paid": "boolean",
        "day": "date",
        "customer": "integer",
        "created_at": "datetime",
        "updated_at": "datetime",
        "note": "string",
    }
    assert by_name["number"].length == 20
    assert by_name["customer"].leads_to == "customers.id"
    assert [name for name, field in by_name.items() if field.needed and name != "id"] == ["number", "updated_at"]
    best, *others = found.cursors
    assert (best.field, best.changes, best.indexed) == ("updated_at", True, True)
    assert not any(other.changes for other in others)
    lag = {} if tables.dialect == "sqlite" else {"lag": "5m"}  # transactions commit in another order than their times
    assert found.incoming == {"table": "orders", "cursor": {"column": "updated_at", **lag}}
    route_of("incoming", dict(found.incoming))  # a route can be written with it


def test_without_a_primary_key_a_unique_index_counts_and_else_the_name_is_a_guess(tables):
    tables.run(
        "CREATE TABLE stock (plant varchar(4) not null, sku varchar(20) not null, amount int, "
        "constraint stock_once unique (plant, sku))",
        "CREATE TABLE heap (id int, name varchar(20))",
        "CREATE TABLE bare (a int, b int)",
        "CREATE VIEW recent AS SELECT id, name FROM heap",
    )
    stock, heap, bare, recent = (one(tables.url, name) for name in ("stock", "heap", "bare", "recent"))
    assert (stock.key, stock.guessed, stock.incoming) == (
        ("plant", "sku"),
        (),
        {"table": "stock", "key": ["plant", "sku"]},
    )
    assert (heap.key, heap.guessed) == (("id",), ("key",))
    assert (bare.key, bare.guessed) == ((), ())
    assert (recent.what, recent.guessed, recent.records) == ("view", ("key",), None)


def test_what_the_database_sets_with_every_change_comes_first(tables):
    if tables.dialect != "mariadb":
        pytest.skip("MariaDB's ON UPDATE")
    tables.run(
        "CREATE TABLE t (id int primary key, modified_by_user datetime, "
        "ts timestamp default current_timestamp on update current_timestamp)"
    )
    assert [cursor.field for cursor in one(tables.url, "t").cursors] == ["ts", "modified_by_user", "id"]


def test_many_tables_come_in_pages(tables):
    tables.run(*(f"CREATE TABLE t{number:02} (id int primary key)" for number in range(25)))
    names: list[str] = []
    after, left = None, []
    while True:
        found = look(tables.url, most=10, after=after)
        names += [each.name for each in found.collections]
        left.append(found.left_out)
        if not found.left_out:
            break
        after = names[-1]
    assert names == [f"t{number:02}" for number in range(25)]
    assert left == [15, 5, 0]


def test_names_may_hold_anything(tables):
    quote = "`" if tables.dialect == "mariadb" else '"'
    odd = HOSTILE.replace("\x07", "\u202e")  # no database takes every control character
    tables.run(f"CREATE TABLE {quote}{odd}{quote} (id int primary key, {quote}a b{quote} int)")
    (found,) = look(tables.url).collections
    assert found.name == f'"{odd}"'
    assert [field.name for field in one(tables.url, found.name).fields] == ["id", "a b"]
    assert found.incoming == {"table": f'"{odd}"'}
    route_of("incoming", dict(found.incoming))


def test_another_database_of_mariadb_is_a_place_of_its_own(tables):
    if tables.dialect != "mariadb":
        pytest.skip("MariaDB's databases")
    tables.run("CREATE TABLE mine (id int primary key)")
    name = tables.url.rpartition("/")[2]
    other = Tables(tables.url.replace(name, "mysql"))
    assert [each.name for each in look(tables.url).collections] == ["mine"]
    assert [each.name for each in look(other.url, name).collections] == [f"{name}.mine"]
    assert one(other.url, f"{name}.mine").key == ("id",)


def test_an_empty_database_is_no_mistake(tables):
    if tables.dialect == "sqlite":
        tables.run("PRAGMA user_version = 1")
    assert look(tables.url).collections == ()


def test_a_name_that_is_not_there_is_told_with_the_nearest(tables):
    tables.run("CREATE TABLE orders (id int primary key)")
    with pytest.raises(SetupError, match="no schema, table or view ordres, did you mean 'orders'"):
        look(tables.url, "ordres")


def test_nothing_is_written_and_no_file_is_made(tmp_path: Path):
    with pytest.raises(SetupError, match=r"no such file: .*absent\.db"):
        look(f"sqlite:///{tmp_path}/absent.db")
    assert not list(tmp_path.iterdir())


def test_a_database_that_is_away_is_told():
    with pytest.raises(OutageError, match="'db'"):
        look("postgresql+psycopg://me:topsecret@127.0.0.1:1/x")


def test_rows_are_told_by_the_statistics(tables):
    rows = ", ".join(f"({number})" for number in range(300))
    tables.run("CREATE TABLE t (id int primary key)", f"INSERT INTO t VALUES {rows}")
    if tables.dialect == "sqlite":
        assert one(tables.url, "t").about["rows"] == "at most 300"
    if tables.dialect == "postgresql":
        assert one(tables.url, "t").records is None
    tables.run("ANALYZE TABLE t" if tables.dialect == "mariadb" else "ANALYZE t")
    assert one(tables.url, "t").records == 300


@pytest.fixture
def stranger(emptied_database: Any) -> Iterator[tuple[Tables, str]]:
    """A PostgreSQL database with a schema and a table that a second role may not look into, and that role's address."""
    with emptied_database.lend() as url, admin_connection() as admin:
        tables, role = Tables(url), f"stranger_{secrets.token_hex(4)}"
        admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'pw'")
        tables.run(
            "CREATE SCHEMA hr",
            "CREATE TABLE hr.people (id int primary key)",
            "CREATE SCHEMA sales",
            "CREATE TABLE sales.orders (id int primary key)",
            "CREATE TABLE sales.secrets (id int primary key)",
            f"GRANT USAGE ON SCHEMA sales TO {role}",
            f"GRANT SELECT ON sales.orders TO {role}",
        )
        host = url.rpartition("@")[2]
        try:
            yield tables, f"postgresql+psycopg://{role}:pw@{host}"
        finally:
            tables.run("DROP SCHEMA hr CASCADE", "DROP SCHEMA sales CASCADE", f"DROP OWNED BY {role}")
            admin.execute(f"DROP ROLE {role}")


def test_missing_rights_are_told_by_schema_and_table(stranger):
    found = look(stranger[1])
    assert {each.name: each.problem for each in found.collections} == {
        "sales.orders": None,
        "sales.secrets": "no right to read it (SELECT)",
    }
    assert found.collections[1].incoming is None
    assert "schema hr: no right to look inside (USAGE)" in found.notes
    assert look(stranger[1], "sales").notes == ()

"""Lookups in a database: one query for a batch, values bound, nothing written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy
from pydantic import ValidationError
from sql_surroundings import Surroundings, Tables
from transform_chain import Chain, parse

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.transform.lookup import sql as lookup_sql

SET = {"set": {"found": "customer"}}


@pytest.fixture
def tables(database_url: str) -> Tables:
    tables = Tables(database_url)
    tables.run(
        "CREATE TABLE customers (id int PRIMARY KEY, number varchar(20), region int, "
        "credit numeric(12, 2), active int)",
        "INSERT INTO customers VALUES (1, 'A-1', 7, 100.50, 1), (2, 'A-2', 7, 0.10, 1), (3, 'o''X;--', 8, NULL, 1)",
        "INSERT INTO customers VALUES (4, 'A-4', 8, 1, 0), (5, 'twice', 9, 1, 1), (6, 'twice', 9, 2, 1)",
    )
    return tables


@pytest.fixture
def on(tables: Tables, chain: Callable[..., Chain]) -> Callable[..., Chain]:
    """A lookup in the table, with the row in the entity's field ``found``."""

    def build(source: dict[str, Any], where: dict[str, str], **more: Any) -> Chain:
        options: dict[str, Any] = {k: more.pop(k) for k in ("missing", "cache", "each", "all") if k in more}
        step: dict[str, Any] = {
            "lookup": {"name": "customer", "sql": {"connection": "db", **source}, "where": where, **options}
        }
        made = chain(step, SET, **more)
        made.connections = Surroundings(tables.url)  # type: ignore[assignment]
        return made

    return build


@pytest.fixture
def asked() -> Iterator[list[str]]:
    """The statements that go to databases, but for those about tables."""
    heard: list[str] = []

    def note(conn: Any, cursor: Any, statement: str, *_: Any) -> None:
        if "FROM customers" in statement and "1 = 0" not in statement:
            heard.append(statement)

    sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", note)
    yield heard
    sqlalchemy.event.remove(sqlalchemy.Engine, "before_cursor_execute", note)


async def test_one_query_for_a_batch_and_none_for_what_is_known(on: Any, asked: list[str]) -> None:
    steps = on({"table": "customers", "columns": ["id", "credit"]}, {"number": "order.no"}, missing="null", batch=4)
    orders = [{"no": no} for no in ("A-1", "A-2", "o'X;--", "none", "A-1", "A-2", "A-1", "none")]
    found = [order["found"] for order in await steps.values(*orders)]
    first, second = {"id": 1, "credit": Decimal("100.50")}, {"id": 2, "credit": Decimal("0.10")}
    assert found == [first, second, {"id": 3, "credit": None}, None, first, second, first, None]
    assert len(asked) == 1


async def test_values_are_those_of_the_columns_type(on: Any) -> None:
    """Texts that are numbers find numbers; what cannot be one of the column's rejects its entity alone."""
    steps = on({"table": "customers", "columns": ["number"]}, {"id": "order.id"})
    found = await steps.values({"id": "1"}, {"id": 2}, {"id": "abc"}, {"id": Decimal("3.0")})
    assert [order["found"]["number"] for order in found] == ["A-1", "A-2", "o'X;--"]
    assert steps.books.reasons == {"2": "transform.0.lookup where.id: a whole number belongs here, not 'abc'"}


async def test_several_columns_conditions_and_a_query(on: Any) -> None:
    steps = on(
        {"table": "customers", "where": "active = 1"}, {"region": "order.region", "id": "order.id"}, missing="null"
    )
    found = await steps.values({"region": 7, "id": 1}, {"region": 8, "id": 1}, {"region": 8, "id": 4})
    assert [order["found"] and order["found"]["number"] for order in found] == ["A-1", None, None]
    query = "select id, number from customers where id < :params.limit and credit is not null"
    steps = on({"query": query}, {"id": "order.id"}, missing="null")
    found = await steps.values({"id": 1}, {"id": 3})
    assert [order["found"] for order in found] == [{"id": 1, "number": "A-1"}, None]


async def test_two_rows_reject_the_entity_that_asks_for_one(on: Any) -> None:
    steps = on({"table": "customers"}, {"number": "order.no"})
    assert len(await steps.values({"no": "twice"}, {"no": "A-1"})) == 1
    assert "several rows match" in steps.books.reasons["0"]


async def test_all_rows_that_match_are_a_list(on: Any, asked: list[str]) -> None:
    steps = on({"table": "customers", "columns": ["id"]}, {"number": "order.no"}, all=True, missing="null", batch=3)
    orders = [{"no": no} for no in ("twice", "A-1", "none", "twice", "none", None)]
    found = [[row["id"] for row in order["found"]] for order in await steps.values(*orders)]
    assert [sorted(rows) for rows in found] == [[5, 6], [1], [], [5, 6], [], []]
    assert len(asked) == 1
    steps = on({"table": "customers"}, {"number": "order.no"}, all=True)
    assert await steps.values({"no": "none"}) == []
    assert "no customer found" in steps.books.reasons["0"]


async def test_so_many_rows_of_one_are_refused(on: Any, tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup_sql, "ROWS_OF_ALL", 3)
    monkeypatch.setattr(lookup_sql, "ROWS_OF_ONE", 1)
    tables.run("INSERT INTO customers VALUES " + ", ".join(f"({n}, 'many', 1, 1, 1)" for n in range(100, 105)))
    steps = on({"table": "customers"}, {"number": "order.no"}, all=True)
    assert [len(order["found"]) for order in await steps.values({"no": "many"}, {"no": "twice"}, {"no": "A-1"})] == [
        2,
        1,
    ]
    assert "over 3 rows match" in steps.books.reasons["0"]


async def test_what_the_database_refuses_rejects_its_entity_alone(on: Any, tables: Tables) -> None:
    """In a query nobody knows the columns' types: PostgreSQL refuses the statement, others find nothing."""
    steps = on({"query": "select id, number from customers"}, {"id": "order.id"}, missing="null")
    found = await steps.values({"id": 1}, {"id": "abc"}, {"id": 2})
    there = [order["found"]["id"] for order in found if order["found"]]
    assert there == [1, 2]
    if tables.dialect == "postgresql":
        assert "abc" in steps.books.reasons["1"]


async def test_nothing_is_written(on: Any, tables: Tables) -> None:
    if tables.dialect != "postgresql":
        pytest.skip("a SELECT that writes is PostgreSQL's")
    steps = on({"query": "select setval('counter', 9) as number"}, {"number": "order.no"})
    tables.run("CREATE SEQUENCE counter")
    with pytest.raises(SetupError, match="read-only"):
        await steps.values({"no": 9})


@pytest.mark.parametrize(
    ("sql", "where", "told"),
    [
        ({"table": "custmers"}, {"id": "order.id"}, "no table custmers, did you mean 'customers'"),
        ({"table": "customers"}, {"nmber": "order.id"}, "no column nmber, did you mean 'number'"),
        ({"query": "select id from customers"}, {"number": "order.id"}, "the query gives no column number"),
    ],
)
async def test_what_is_not_there_ends_the_run(on: Any, sql: Any, where: Any, told: str) -> None:
    with pytest.raises(SetupError, match=told):
        await on(sql, where).values({"id": 1})


async def test_a_database_that_is_away_is_an_outage(on: Any) -> None:
    steps = on({"table": "customers"}, {"id": "order.id"})
    steps.connections = Surroundings("postgresql+psycopg://nobody:pass-word-7@127.0.0.1:1/x")
    with pytest.raises(OutageError) as caught:
        await steps.values({"id": 1})
    assert "pass-word-7" not in str(caught.value)


@pytest.mark.parametrize(
    ("sql", "where", "told"),
    [
        ({"table": "customers"}, {}, "where is missing"),
        ({"table": "customers", "query": "select 1"}, {"id": "order.id"}, "exactly one of them"),
        ({"query": "select {{ order.id }}"}, {"id": "order.id"}, "never pasted"),
        ({"table": "customers", "where": "at > :window_start"}, {"id": "order.id"}, "binds :params.name"),
    ],
)
def test_mistakes_are_told_with_the_remedy(sql: Any, where: Any, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        parse({"lookup": {"name": "customer", "sql": {"connection": "db", **sql}, "where": where}})

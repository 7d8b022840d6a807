"""Ranges of a column: every row of a real database is in exactly one of them."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sql_surroundings import Tables, route_of, run_of

from airflow_integrations.route.partitions import partitions_of
from airflow_integrations.window import Window

BY_ID = {"column": "id", "from": 10, "to": 40, "every": 10}
BY_TIME = {"column": "made", "from": "2026-01-01", "to": "2026-01-04", "every": "1d"}


@pytest.fixture
def tables(database_url: str) -> Tables:
    return Tables(database_url)


async def ranges(tables: Tables, config: dict[str, Any], column: str = "id") -> list[list[Any]]:
    """The values of a column in each partition, as they come."""
    route = route_of("incoming", config)
    incoming = route.incoming.component()(route.incoming.config, route)
    found = []
    async with tables.services() as services:
        run = run_of(route)
        for partition in partitions_of(route, run.window):
            async with aclosing(incoming.pages(replace(run, partition=partition), services)) as pages:
                found.append([record[column] async for page in pages for record in page.records])
    return found


async def test_rows_before_the_first_and_behind_the_last_edge_are_in_the_first_and_last_range(tables: Tables) -> None:
    values = ", ".join(f"({n}, 'x')" for n in (-5, 0, 9, 10, 19, 20, 29, 30, 39, 40, 1000))
    tables.run("CREATE TABLE orders (id int primary key, name varchar(9))", f"INSERT INTO orders VALUES {values}")
    found = await ranges(tables, {"table": "orders", "partitions": BY_ID})
    assert found == [[-5, 0, 9, 10, 19], [20, 29], [30, 39, 40, 1000]]


async def test_rows_without_a_value_are_in_the_first_range(tables: Tables) -> None:
    tables.run(
        "CREATE TABLE orders (id int primary key, place int)",
        "INSERT INTO orders VALUES (1, NULL), (2, 5), (3, 15), (4, 25), (5, 35), (6, NULL)",
    )
    found = await ranges(tables, {"table": "orders", "partitions": BY_ID | {"column": "place"}})
    assert found == [[1, 2, 3, 6], [4], [5]]


async def test_one_range_has_all_rows(tables: Tables) -> None:
    tables.run("CREATE TABLE orders (id int primary key)", "INSERT INTO orders VALUES (1), (99)")
    assert await ranges(tables, {"table": "orders", "partitions": BY_ID | {"every": 30}}) == [[1, 99]]


async def test_ranges_of_time_are_half_open(tables: Tables) -> None:
    times = ["2025-12-31 12:00:00", "2026-01-01 23:59:59", "2026-01-02 00:00:00", "2026-01-03 00:00:00"]
    values = ", ".join(f"({n}, '{text}')" for n, text in enumerate(times))
    made = "timestamp" if tables.url.startswith("postgresql") else "datetime"
    tables.run(
        f"CREATE TABLE orders (id int primary key, made {made})", f"INSERT INTO orders VALUES {values}, (9, NULL)"
    )
    assert await ranges(tables, {"table": "orders", "partitions": BY_TIME}) == [[0, 1, 9], [2], [3]]


async def test_a_condition_a_cursor_and_a_query_hold_within_each_range(tables: Tables) -> None:
    values = ", ".join(f"({n}, {n % 3})" for n in range(0, 60, 5))
    tables.run("CREATE TABLE orders (id int primary key, kind int)", f"INSERT INTO orders VALUES {values}")
    wanted = [[n for n in some if n % 3 == 0] for some in ([0, 5, 10, 15], [20, 25], [30, 35, 40, 45, 50, 55])]
    cursor = {"cursor": {"column": "kind", "tie": "id"}}
    table = {"table": "orders", "where": "kind = 0 OR kind = 99", "partitions": BY_ID}
    assert await ranges(tables, table) == wanted
    assert await ranges(tables, table | cursor) == wanted
    query = {"query": "select id from orders where kind = 0 or kind = 99", "key": "id", "partitions": BY_ID}
    assert await ranges(tables, query) == wanted


async def test_a_column_that_the_table_lacks_is_named(tables: Tables) -> None:
    from airflow_integrations.errors import SetupError

    tables.run("CREATE TABLE orders (id int primary key)")
    with pytest.raises(SetupError, match="has no column ident"):
        await ranges(tables, {"table": "orders", "partitions": BY_ID | {"column": "ident"}})


def test_ranges_of_the_window_follow_the_run() -> None:
    config = {"table": "orders", "partitions": {"column": "made", "every": "1d"}}
    route = route_of("incoming", config)
    window = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 3, 12, tzinfo=UTC))
    assert [str(each) for each in partitions_of(route, window)] == [
        "1 of 3 (… → 2026-01-02T00:00:00Z)",
        "2 of 3 (2026-01-02T00:00:00Z → 2026-01-03T00:00:00Z)",
        "3 of 3 (2026-01-03T00:00:00Z → …)",
    ]

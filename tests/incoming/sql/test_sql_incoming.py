"""Rows of real databases as entities."""

from __future__ import annotations

import asyncio
import base64
from contextlib import aclosing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sql_surroundings import Tables, route_of, run_of

from airflow_integrations.errors import AnswerError, SetupError
from airflow_integrations.formats import BadRecord
from airflow_integrations.formats.json import decode, encode
from airflow_integrations.incoming import Page
from airflow_integrations.incoming.sql.source import SqlIncoming
from airflow_integrations.route.definition import Route


@pytest.fixture
def tables(database_url: str) -> Tables:
    return Tables(database_url)


async def pages_of(
    tables: Tables, config: dict[str, Any], *, resume: Any = None, between: Any = None, **more: Any
) -> list[Page]:
    """``between`` is called once, behind the first page."""
    route = route_of("incoming", config, **more.pop("route", {}))
    incoming = route.incoming.component()(route.incoming.config, route)
    found: list[Page] = []
    async with (
        tables.services(plant="M1") as services,
        aclosing(incoming.pages(run_of(route, **more), services, resume)) as pages,
    ):
        async for page in pages:
            found.append(page)
            if between is not None and len(found) == 1:
                await asyncio.to_thread(between)
    return found


async def records_of(tables: Tables, config: dict[str, Any], **more: Any) -> list[Any]:
    return [record for page in await pages_of(tables, config, **more) for record in page.records]


def numbered(tables: Tables, count: int, *, first: int = 1) -> None:
    values = ", ".join(f"({number}, 'n{number}')" for number in range(first, first + count))
    tables.run("CREATE TABLE orders (id int primary key, name varchar(40))", f"INSERT INTO orders VALUES {values}")


async def test_numbers_are_exact_and_null_is_null(tables: Tables) -> None:
    tables.run(
        "CREATE TABLE orders (id bigint primary key, total numeric(20, 4), name varchar(10), paid boolean)",
        "INSERT INTO orders VALUES (9007199254740993, 1234.5000, NULL, true)",
    )
    (record,) = await records_of(tables, {"table": "orders"})
    assert record["id"] == 9007199254740993
    assert type(record["total"]) in (int, Decimal)
    assert record["total"] == Decimal("1234.5")
    assert record["name"] is None
    assert record["paid"] is True


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_postgresql_types_become_json(tables: Tables) -> None:
    tables.run(
        """CREATE TABLE orders (id uuid primary key, at timestamptz, naive timestamp, day date, clock time,
        span interval, doc jsonb, names text[], moments timestamptz[], bytes bytea,
        share float8, room int4range, ip inet)""",
        """INSERT INTO orders VALUES ('6f2d3a52-3b7e-4a7b-9a55-0d7c4a8e1111', '2026-01-31 12:00:00.123456+01',
        '2026-01-31 12:00:00', '2026-01-31', '12:30', '1 mon 2 days', '{"a": 1.10}', '{a,NULL}',
        '{2026-01-01 00:00+00}', '\\x00ff', 0.1, '[1,5)', '10.0.0.1')""",
    )
    (record,) = await records_of(tables, {"table": "orders"})
    assert record == {
        "id": "6f2d3a52-3b7e-4a7b-9a55-0d7c4a8e1111",
        "at": "2026-01-31T11:00:00.123456Z",
        "naive": "2026-01-31T12:00:00",
        "day": "2026-01-31",
        "clock": "12:30:00",
        "span": "P1M2D",
        "doc": {"a": Decimal("1.10")},
        "names": ["a", None],
        "moments": ["2026-01-01T00:00:00Z"],
        "bytes": base64.b64encode(b"\x00\xff").decode(),
        "share": Decimal("0.1"),
        "room": "[1,5)",
        "ip": "10.0.0.1",
    }
    (zoned,) = await records_of(tables, {"table": "orders", "time_zone": "Asia/Kolkata"})
    assert (zoned["at"], zoned["naive"]) == ("2026-01-31T11:00:00.123456Z", "2026-01-31T06:30:00Z")


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_value_that_json_cannot_hold_is_one_row_s_matter(tables: Tables) -> None:
    tables.run(
        "CREATE TABLE orders (id int primary key, share numeric, at timestamp)",
        "INSERT INTO orders VALUES (1, 'NaN', NULL), (2, 0.5, 'infinity'), (3, 1, '0044-03-15 BC')",
    )
    first, *others = await records_of(tables, {"table": "orders"})
    assert isinstance(first, BadRecord)
    assert "share" in first.reason
    assert [record["at"] for record in others] == ["infinity", "0044-03-15 00:00:00 BC"]


async def test_a_time_that_utc_cannot_show_is_one_row_s_matter(tables: Tables) -> None:
    """The last second of the year 9999 stands for "until further notice" in many a database."""
    kind = "timestamp" if tables.dialect == "postgresql" else "datetime"
    tables.run(
        f"CREATE TABLE prices (id int primary key, until {kind})",
        "INSERT INTO prices VALUES (1, '9999-12-31 23:59:59'), (2, '2026-01-31 12:00:00')",
    )
    options = {"table": "prices", "time_zone": "America/New_York"}
    if tables.dialect == "sqlite":  # it has no times, only texts
        assert len(await records_of(tables, options)) == 2
        return
    far, near = await records_of(tables, options)
    assert isinstance(far, BadRecord)
    assert "column until: 9999-12-31 23:59:59 is beyond the years 1 to 9999 in UTC" in far.reason
    assert near["until"] == "2026-01-31T17:00:00Z"


@pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)
async def test_mariadb_types_become_json(tables: Tables) -> None:
    tables.run(
        """CREATE TABLE orders (id bigint unsigned primary key, at timestamp(6) null, naive datetime(6), clock time,
        doc json, bytes blob, flag tinyint(1), bits bit(1), share double)"""
    )
    with tables.engine.begin() as connection:
        connection.exec_driver_sql("SET time_zone = '+01:00'")
        connection.exec_driver_sql(
            """INSERT INTO orders VALUES (18446744073709551615, '2026-01-31 12:00:00.5', '2026-01-31 12:00:00',
            '-12:30', '{"a": 1.10}', x'00ff', 1, 1, 0.1)"""
        )
    (record,) = await records_of(tables, {"table": "orders", "time_zone": "Europe/Madrid"})
    options = {"query": "select * from orders", "key": "id", "json_columns": ["doc"], "time_zone": "Europe/Madrid"}
    assert await records_of(tables, options) == [record]
    assert record == {
        "id": 18446744073709551615,
        "at": "2026-01-31T11:00:00.500000Z",
        "naive": "2026-01-31T11:00:00Z",
        "clock": "-12:30:00",
        "doc": {"a": Decimal("1.10")},
        "bytes": "AP8=",
        "flag": True,
        "bits": True,
        "share": Decimal("0.1"),
    }


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_sqlite_types_become_json(tables: Tables) -> None:
    tables.run(
        "CREATE TABLE orders (id integer primary key, paid boolean, doc json, at datetime, bytes blob)",
        """INSERT INTO orders VALUES (1, 0, '{"a": 1.10}', '2026-01-31 12:00:00', x'00ff')""",
    )
    (record,) = await records_of(tables, {"table": "orders"})
    assert record == {
        "id": 1,
        "paid": False,
        "doc": {"a": Decimal("1.10")},
        "at": "2026-01-31 12:00:00",
        "bytes": "AP8=",
    }


async def test_a_file_of_sqlite_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    file = tmp_path / "ordres.db"
    with pytest.raises(SetupError, match=r"no such file: .*ordres\.db; make the database, or correct the path"):
        await records_of(Tables(f"sqlite:///{file}"), {"table": "orders"})
    assert not file.exists()


async def test_values_are_bound_whatever_they_hold(tables: Tables) -> None:
    numbered(tables, 3)
    route = {"params": {"name": "n1' or '1'='1", "ids": [1, 3], "none": []}}
    assert await records_of(tables, {"table": "orders", "where": "name = :params.name"}, route=route) == []
    found = await records_of(tables, {"table": "orders", "where": "id in :params.ids"}, route=route)
    assert [record["id"] for record in found] == [1, 3]
    assert await records_of(tables, {"table": "orders", "where": "id in :params.none"}, route=route) == []
    text = "name <> ':x' and name not like '%:y%' -- :z"
    assert len(await records_of(tables, {"table": "orders", "where": text})) == 3
    (one,) = await records_of(tables, {"query": "select :var.plant as plant, id from orders where id = 2", "key": "id"})
    assert one["plant"] == "M1"


async def test_a_window_is_bound(tables: Tables) -> None:
    tables.run(
        "CREATE TABLE orders (id int primary key, at timestamp)",
        "INSERT INTO orders VALUES (1, '2026-01-30 23:59:59'), (2, '2026-01-31 00:00:00'), (3, '2026-02-01 00:00:00')",
    )
    where = "at >= :window_start and at < :window_end"
    assert [record["id"] for record in await records_of(tables, {"table": "orders", "where": where})] == [2]


async def test_children_come_in_their_order_and_without_a_query_for_each(tables: Tables) -> None:
    numbered(tables, 250)
    tables.run(
        "CREATE TABLE order_lines (order_id int, no int, sku varchar(9), primary key (order_id, no))",
        "INSERT INTO order_lines VALUES (1, 2, 'b'), (1, 1, 'a'), (250, 1, 'z'), (3, 1, 'no')",
    )
    child = {"table": "order_lines", "on": {"order_id": "id"}, "columns": ["no", "sku"], "where": "sku <> 'no'"}
    found = await records_of(tables, {"table": "orders", "children": {"parts": child}})
    assert [record["id"] for record in found] == list(range(1, 251))
    assert found[0]["parts"] == [{"no": 1, "sku": "a"}, {"no": 2, "sku": "b"}]
    assert found[249]["parts"] == [{"no": 1, "sku": "z"}]
    assert [record["parts"] for record in found[1:249]] == [[]] * 248


async def test_children_by_several_columns(tables: Tables) -> None:
    tables.run(
        "CREATE TABLE orders (plant varchar(2), id int, primary key (plant, id))",
        "INSERT INTO orders VALUES ('A', 1), ('B', 1)",
        "CREATE TABLE order_lines (plant varchar(2), order_id int, sku varchar(9))",
        "INSERT INTO order_lines VALUES ('A', 1, 'a'), ('B', 1, 'b')",
    )
    child = {"table": "order_lines", "on": {"plant": "plant", "order_id": "id"}, "columns": ["sku"]}
    found = await records_of(tables, {"table": "orders", "children": {"parts": child}})
    assert [(record["plant"], record["parts"]) for record in found] == [("A", [{"sku": "a"}]), ("B", [{"sku": "b"}])]


async def test_a_fetch_sees_one_state_of_the_database(tables: Tables) -> None:
    if tables.dialect == "sqlite":
        tables.run("PRAGMA journal_mode = WAL")
    numbered(tables, 250)
    tables.run("CREATE TABLE order_lines (order_id int, sku varchar(9))", "INSERT INTO order_lines VALUES (250, 'a')")

    def change() -> None:
        tables.run(
            "DELETE FROM orders WHERE id = 249",
            "INSERT INTO orders VALUES (1000, 'new')",
            "INSERT INTO order_lines VALUES (250, 'new')",
        )

    child = {"table": "order_lines", "on": {"order_id": "id"}}
    found = await pages_of(tables, {"table": "orders", "children": {"parts": child}}, between=change)
    records = [record for page in found for record in page.records]
    assert [record["id"] for record in records] == list(range(1, 251))
    assert len(records[-1]["parts"]) == 1


CURSOR = {"table": "orders", "cursor": {"column": "at", "tie": "id"}}


async def test_a_cursor_takes_equal_values_again_and_rows_without_one_always(tables: Tables) -> None:
    tables.run(
        "CREATE TABLE orders (id int primary key, at int)",
        "INSERT INTO orders VALUES (1, 5), (2, 6), (3, 6), (4, 7), (5, NULL)",
    )
    found = await records_of(tables, CURSOR, cursor="6")
    assert [record["id"] for record in found] == [5, 2, 3, 4]
    assert [record["id"] for record in await records_of(tables, CURSOR)] == [5, 1, 2, 3, 4]


async def test_a_cursor_of_times_goes_on_where_the_last_run_ended(tables: Tables) -> None:
    kind = {"postgresql": "timestamptz", "mariadb": "timestamp(6)", "sqlite": "datetime"}[tables.dialect]
    tables.run(
        f"CREATE TABLE orders (id int primary key, at {kind} not null)",
        "INSERT INTO orders VALUES (1, '2026-01-31 11:59:59.5'), (2, '2026-01-31 12:00:00.25'), (3, '2026-02-01')",
    )
    first = await records_of(tables, CURSOR)
    found = await records_of(tables, CURSOR, cursor=first[1]["at"])
    assert [record["id"] for record in found] == [2, 3]


@pytest.mark.parametrize("database_url", ["postgresql", "mariadb"], indirect=True)
async def test_the_hour_that_clocks_show_twice_is_asked_for_as_a_whole(tables: Tables) -> None:
    kind = "timestamp" if tables.dialect == "postgresql" else "datetime"
    tables.run(
        f"CREATE TABLE orders (id int primary key, at {kind} not null)",
        "INSERT INTO orders VALUES (1, '2026-10-25 01:30'), (2, '2026-10-25 02:10'), (3, '2026-10-25 02:50')",
    )
    config = {**CURSOR, "time_zone": "Europe/Madrid"}
    ordered = await records_of(tables, config)
    assert [record["at"] for record in ordered] == [
        "2026-10-24T23:30:00Z",
        "2026-10-25T00:10:00Z",
        "2026-10-25T00:50:00Z",
    ]
    # 02:10 may be the second one of that night, an hour after the 02:50 that was seen
    assert [record["id"] for record in await records_of(tables, config, cursor="2026-10-25T00:50:00Z")] == [2, 3]


async def test_goes_on_behind_a_place_although_rows_came_and_went(tables: Tables) -> None:
    numbered(tables, 250)
    first = (await pages_of(tables, {"table": "orders"}))[0]
    tables.run("DELETE FROM orders WHERE id <= 50", "INSERT INTO orders VALUES (1000, 'new')")
    rest = await records_of(tables, {"table": "orders"}, resume=decode(encode(first.resume)))
    assert [record["id"] for record in rest] == [*range(101, 251), 1000]


async def test_rows_without_an_order_are_not_gone_on_with_where_they_changed(tables: Tables) -> None:
    numbered(tables, 250)
    config = {"query": "select id, name from orders order by id"}
    first = (await pages_of(tables, config))[0]
    tables.run("DELETE FROM orders WHERE id = 50")
    with pytest.raises(AnswerError, match="not those of the saved place"):
        await pages_of(tables, config, resume=first.resume)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"table": "order"}, "did you mean 'orders'"),
        ({"table": "orders", "columns": ["nam"]}, "did you mean 'name'"),
        ({"table": "orders", "cursor": {"column": "updated"}}, "has no column updated"),
        ({"query": "select id from nowhere", "key": "id"}, "nowhere"),
        ({"query": "select id, id from orders", "key": "id"}, "twice"),
        ({"query": "select name from orders", "key": "id"}, "no column id"),
        ({"table": "orders", "where": "nonsense = 1"}, "nonsense"),
        ({"table": "orders", "children": {"x": {"table": "none", "on": {"a": "id"}}}}, "there is no table none"),
    ],
)
async def test_what_is_not_there_is_told_with_what_is(tables: Tables, config: dict[str, Any], told: str) -> None:
    if told == "twice" and tables.dialect != "postgresql":
        pytest.skip("the others refuse it, or give the second one another name")
    numbered(tables, 1)
    with pytest.raises(SetupError, match=told):
        await pages_of(tables, config)
    route = route_of("incoming", config)
    async with tables.services() as services:
        with pytest.raises(SetupError, match=told):
            await SqlIncoming.check_online(route.incoming.config, route, services)


async def test_two_equals_signs_are_told_where_the_database_has_them_not(tables: Tables) -> None:
    numbered(tables, 1)
    config = {"table": "orders", "where": "name == 'x'"}
    if tables.dialect == "sqlite":
        await pages_of(tables, config)
        return
    with pytest.raises(SetupError, match="SQL compares with one ="):
        await pages_of(tables, config)
    with pytest.raises(SetupError) as caught:
        await pages_of(tables, {"table": "orders", "where": "nonsense = 'a == b'"})
    assert "compares" not in str(caught.value)


async def test_a_fetch_writes_nothing(tables: Tables) -> None:
    numbered(tables, 1)
    if tables.dialect == "postgresql":
        config = {"query": "with gone as (delete from orders returning id) select id from gone"}
        with pytest.raises((AnswerError, SetupError)):
            await pages_of(tables, config)
    else:
        await pages_of(tables, {"table": "orders"})
    assert tables.rows("select id from orders") == [(1,)]


async def test_a_fetch_can_be_left_in_the_middle_and_lets_go_of_the_database(tables: Tables) -> None:
    numbered(tables, 1000)
    route = route_of("incoming", {"table": "orders"})
    incoming = route.incoming.component()(route.incoming.config, route)
    async with tables.services() as services, aclosing(incoming.pages(run_of(route), services)) as pages:
        assert (await anext(pages)).records
    tables.run("DROP TABLE orders")


def test_options_that_do_not_go_together_are_told() -> None:
    for config, told in [
        ({}, "exactly one of table, query and file"),
        ({"query": "select 1", "where": "a = 1"}, "where goes with table"),
        ({"table": "a b"}, "not the name of a table"),
        ({"table": "orders", "where": "id = {{ params.id }}"}, "write :params.id"),
        ({"table": "orders", "where": "at > '{{ window.start }}'"}, "write :window_start"),
        ({"table": "orders", "where": "at > :windw_start"}, ":windw_start is not known"),
        ({"table": "orders", "where": "at > :params.regoin"}, "no param 'regoin'"),
        ({"query": "select 1; drop table orders"}, "one statement"),
        ({"table": "orders", "where": "a = 'it\\'s'"}, "backslash"),
    ]:
        with pytest.raises(ValueError, match=told):
            route_of("incoming", config, params={"region": "x"})


def test_a_route_says_the_same_when_it_is_written_out() -> None:
    route = route_of("incoming", {"table": "sales.orders", "where": "a = :window_start", "cursor": {"column": "at"}})
    assert isinstance(route, Route)
    dumped = route.incoming.config.model_dump(mode="json", exclude_unset=True)
    assert dumped["where"] == "a = :window_start"

"""Entities as rows of real databases."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from sql_surroundings import Surroundings, Tables, route_of, run_of

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.formats.json import encode
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.outgoing.sql.target import SqlOutgoing
from airflow_integrations.simulate.replay import Recording, ReplayServices

ORDERS = {"table": "orders", "key": "id"}


@pytest.fixture
def tables(database_url: str) -> Tables:
    tables = Tables(database_url)
    tables.run(
        "CREATE TABLE orders (id int primary key, name varchar(10) not null, total numeric(10, 2), email varchar(40))",
        "CREATE UNIQUE INDEX by_email ON orders (email)",
        "CREATE TABLE order_lines (order_id int, no int, sku varchar(9) not null)",
        "CREATE TABLE history (order_id int, name varchar(10) not null)",
    )
    return tables


def order(number: int, generation: int = 0, **fields: Any) -> Outbound:
    outbound = Outbound(str(number), encode({"id": number, **fields}), route="orders")
    outbound.generation = generation
    return outbound


async def sent(tables: Tables, config: dict[str, Any], *batches: list[Outbound], **more: Any) -> list[Result]:
    route = route_of("outgoing", config, **more)
    outgoing = SqlOutgoing(route.outgoing.config, route)
    results: list[Result] = []
    async with tables.services() as services:
        await outgoing.open(run_of(route), services)
        try:
            for batch in batches:
                results += await outgoing.send(batch)
        finally:
            await outgoing.close()
    return results


def statuses(results: list[Result]) -> list[str]:
    return [result.status for result in results]


async def test_a_large_batch_is_upserted_and_updated(tables: Tables) -> None:
    first = [order(number, name=f"n{number}", total=Decimal("1.50")) for number in range(300)]
    second = [order(number, 1, name="new") for number in range(100, 400)]
    results = await sent(tables, ORDERS, first, second)
    assert set(statuses(results)) == {"delivered"}
    rows = {id_: (name, total) for id_, name, total in tables.rows("select id, name, total from orders")}
    assert len(rows) == 400
    assert rows[99] == ("n99", Decimal("1.50")) or rows[99] == ("n99", 1.5)
    assert rows[100][0] == "new"
    assert rows[100][1] == Decimal("1.50")  # what an entity does not say stays as it is
    assert rows[399] == ("new", None)


async def test_what_is_told_to_be_delivered_is_committed(tables: Tables) -> None:
    route = route_of("outgoing", ORDERS)
    outgoing = SqlOutgoing(route.outgoing.config, route)
    async with tables.services() as services:
        await outgoing.open(run_of(route), services)
        results = await outgoing.send([order(number, name="n") for number in range(300)])
        there = tables.rows("select count(*) from orders")
        await outgoing.close()
    assert set(statuses(results)) == {"delivered"}
    assert there == [(300,)]


@pytest.mark.parametrize("count", [3, 250])
async def test_refused_rows_fail_alone_with_the_database_s_words(tables: Tables, count: int) -> None:
    tables.run("INSERT INTO orders (id, name, email) VALUES (9999, 'x', 'taken')")
    batch = [order(number, name="n", email=f"{number}@x") for number in range(count)]
    bad = {1: "taken", count - 1: "taken"}
    for place, email in bad.items():
        batch[place] = order(place, name="n", email=email)
    results = await sent(tables, ORDERS, batch)
    assert [place for place, result in enumerate(results) if result.status == "failed"] == sorted(bad)
    assert all(result.status == "delivered" for place, result in enumerate(results) if place not in bad)
    told = results[1].reason or ""
    assert "email" in told
    assert results[1].cause == "refused"
    assert tables.rows("select id, name from orders where email = 'taken'") == [(9999, "x")]
    assert tables.rows("select count(*) from orders") == [(count - len(bad) + 1,)]
    # what failed has left no marker: it goes once the other row is gone
    tables.run("DELETE FROM orders WHERE id = 9999")
    assert statuses(await sent(tables, ORDERS, [batch[1]])) == ["delivered"]


async def test_what_does_not_fit_is_told_before_anything_is_written(tables: Tables) -> None:
    cases = {
        "orders.name: the column takes no NULL": order(1, name=None),
        "orders.name: the column takes no NULL and has no default": order(2, total=1),
        "orders.name: the text has 11 characters, and the column takes 10": order(3, name="x" * 11),
        "orders.total: has more than 2 decimal places": order(4, name="n", total=Decimal("1.005")),
        "orders.total: a number belongs here": order(5, name="n", total="much"),
        "orders.nmae: table orders has no such column, did you mean 'name'?": order(6, nmae="n", name="n"),
        "orders.name: a text belongs here, not an object": order(7, name={"a": 1}),
        "orders.id: identifies the row, and is null or missing": Outbound("8", encode({"name": "n"}), route="orders"),
    }
    results = await sent(tables, ORDERS, [*cases.values(), order(9, name="fits")])
    assert statuses(results) == ["failed"] * len(cases) + ["delivered"]
    for told, result in zip(cases, results, strict=False):
        reason = (result.reason or "").replace("1.005 has", "has")
        assert told in reason, reason
        assert result.cause == "unwritable"
    assert tables.rows("select id from orders") == [(9,)]


async def test_children_are_replaced_with_their_parent(tables: Tables) -> None:
    config = {**ORDERS, "children": {"lines": {"table": "order_lines", "on": {"order_id": "id"}}}}
    first = order(1, name="n", lines=[{"no": 1, "sku": "a"}, {"no": 2, "sku": "b"}])
    other = order(2, name="n", lines=[{"no": 1, "sku": "z"}])
    await sent(tables, config, [first, other])
    second = order(1, 1, name="n", lines=[{"no": 1, "sku": "c"}])
    refused = order(3, name="n", lines=[{"no": 1, "sku": "a"}, {"no": 2, "sku": None}])
    results = await sent(tables, config, [second, refused])
    assert statuses(results) == ["delivered", "failed"]
    assert "order_lines[1].sku" in (results[1].reason or "")
    assert sorted(tables.rows("select order_id, no, sku from order_lines")) == [(1, 1, "c"), (2, 1, "z")]
    assert sorted(tables.rows("select id from orders")) == [(1,), (2,)]


async def test_several_tables_are_one_transaction(tables: Tables) -> None:
    history = {"table": "history", "mode": "append", "columns": {"order_id": "order.id", "name": "order.note"}}
    config = {**ORDERS, "columns": {"id": "order.id", "name": "order.name"}, "also": [history]}
    results = await sent(tables, config, [order(1, name="n", note="x"), order(2, name="n", note="much too long")])
    assert statuses(results) == ["delivered", "failed"]
    assert tables.rows("select id from orders") == [(1,)]
    assert tables.rows("select order_id from history") == [(1,)]


async def test_modes(tables: Tables) -> None:
    def mode(name: str) -> dict[str, Any]:
        return {**ORDERS, "mode": name}

    assert statuses(await sent(tables, mode("insert"), [order(1, name="a")])) == ["delivered"]
    assert statuses(await sent(tables, mode("insert"), [order(1, 1, name="b"), order(2, name="b")])) == [
        "failed",
        "delivered",
    ]
    updated = await sent(tables, mode("update"), [order(1, 2, name="c"), order(7, name="c"), order(2, 2, total=3)])
    assert statuses(updated) == ["delivered", "failed", "delivered"]
    assert "no row" in (updated[1].reason or "")
    assert tables.rows("select id, name, total from orders order by id") == [(1, "c", None), (2, "b", 3)]
    assert statuses(await sent(tables, mode("delete"), [order(1, 3), order(9)])) == ["delivered", "delivered"]
    assert tables.rows("select id from orders") == [(2,)]
    assert statuses(await sent(tables, {**ORDERS, "delete_when": "order.gone"}, [order(2, 4, gone=True)])) == [
        "delivered"
    ]
    assert tables.rows("select id from orders") == []


async def test_the_same_state_is_written_once_and_the_next_one_again(tables: Tables) -> None:
    config = {"table": "history", "mode": "append", "columns": {"order_id": "order.id", "name": "order.name"}}
    first = [order(1, name="a"), order(2, name="b")]
    assert statuses(await sent(tables, config, first)) == ["delivered"] * 2
    again = await sent(tables, config, [order(1, name="a"), order(3, name="c"), order(2, name="b")])
    assert statuses(again) == ["delivered"] * 3
    assert [bool(result.reason) for result in again] == [True, False, True]
    assert sorted(tables.rows("select order_id from history")) == [(1,), (2,), (3,)]
    await sent(tables, config, [order(1, 1, name="a")])
    assert len(tables.rows("select order_id from history where order_id = 1")) == 2


async def test_a_table_that_was_emptied_is_filled_again(tables: Tables) -> None:
    await sent(tables, ORDERS, [order(1, name="a"), order(2, name="b")])
    tables.run("DELETE FROM orders WHERE id = 1", "UPDATE orders SET name = 'theirs' WHERE id = 2")
    await sent(tables, ORDERS, [order(1, name="a"), order(2, name="b")])
    assert tables.rows("select id, name from orders order by id") == [(1, "a"), (2, "theirs")]


async def test_an_attempt_that_is_thought_dead_and_still_writes_is_waited_for(tables: Tables) -> None:
    if tables.dialect == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    config = {"table": "history", "mode": "append", "columns": {"order_id": "order.id", "name": "order.name"}}
    await sent(tables, config, [order(0, name="a")])  # makes the table of markers
    batch = [order(number, name="a") for number in range(20)]
    route = route_of("outgoing", config)
    async with tables.services() as one, tables.services() as other:
        first, second = SqlOutgoing(route.outgoing.config, route), SqlOutgoing(route.outgoing.config, route)
        await first.open(run_of(route), one)
        await second.open(run_of(route), other)
        results = await asyncio.gather(first.send(batch), second.send(batch))
        await first.close()
        await second.close()
    assert {result.status for some in results for result in some} == {"delivered"}
    assert len(tables.rows("select order_id from history")) == 20


async def test_a_lock_that_somebody_holds_is_an_outage_and_no_failure(tables: Tables) -> None:
    await sent(tables, ORDERS, [order(1, name="a")])
    waits = {"postgresql": "SET lock_timeout = '50ms'", "mariadb": "SET innodb_lock_wait_timeout = 1"}
    route = route_of("outgoing", ORDERS)
    outgoing = SqlOutgoing(route.outgoing.config, route)
    async with tables.services() as services:
        await outgoing.open(run_of(route), services)
        session, _ = outgoing._idle[0]
        if tables.dialect in waits:
            await session.run(lambda: session.connection.exec_driver_sql(waits[tables.dialect]))
            await session.run(lambda: session.connection.commit())
        else:
            await session.run(lambda: session.connection.exec_driver_sql("PRAGMA busy_timeout = 20"))
        with tables.engine.connect() as holder:
            holder.exec_driver_sql("BEGIN IMMEDIATE" if tables.dialect == "sqlite" else "BEGIN")
            holder.exec_driver_sql("UPDATE orders SET name = 'mine' WHERE id = 1")
            with pytest.raises(OutageError):
                await outgoing.send([order(1, 1, name="b")])
            holder.rollback()
        assert statuses(await outgoing.send([order(1, 1, name="b")])) == ["delivered"]
        await outgoing.close()


async def test_deletions_go_by_what_the_target_called_it(tables: Tables) -> None:
    config = {**ORDERS, "key": ["id", "name"]}
    tables.run("CREATE UNIQUE INDEX by_both ON orders (id, name)")
    (result,) = await sent(tables, config, [order(1, name="a|b")])
    gone = Outbound("1", b"null", route="orders", deleted=True, target_id=result.target_id, generation=1)
    assert statuses(await sent(tables, config, [gone, order(2, name="n")])) == ["delivered", "delivered"]
    assert tables.rows("select id from orders") == [(2,)]
    unknown = Outbound("7", b"null", route="orders", deleted=True, generation=1)
    (told,) = await sent(tables, config, [unknown])
    assert (told.status, told.cause) == ("failed", "unwritable")


@pytest.mark.parametrize("database_url", ["postgresql", "mariadb"], indirect=True)
async def test_a_procedure_is_called_once(tables: Tables) -> None:
    body = "INSERT INTO history VALUES (order_no, doc)"
    if tables.dialect == "postgresql":
        tables.run(f"CREATE PROCEDURE take(order_no int, doc text) LANGUAGE sql AS $$ {body} $$")
    else:
        tables.run(f"CREATE PROCEDURE take(order_no int, doc text) {body}")
    config = {"call": {"procedure": "take", "args": ["order.id", "order.name"]}}
    batch = [order(1, name="a"), order(2, name="much too long"), order(3, name="c")]
    results = await sent(tables, config, batch)
    assert statuses(results) == ["delivered", "failed", "delivered"]
    assert statuses(await sent(tables, config, batch)) == ["delivered", "failed", "delivered"]
    assert sorted(tables.rows("select order_id from history")) == [(1,), (3,)]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("count", [2, 150])
async def test_types_of_postgresql_are_written(tables: Tables, count: int) -> None:
    tables.run(
        """CREATE TABLE things (id uuid primary key, at timestamptz, naive timestamp, day date, doc jsonb, names text[],
        bytes bytea, ok boolean, big numeric, ip inet)"""
    )
    thing = {
        "at": "2026-01-31T12:00:00.5+01:00",
        "naive": "2026-01-31T12:00:00Z",
        "day": "2026-01-31",
        "doc": {"a": Decimal("1.10"), "b": "\\ tab\t"},
        "names": ["a", None, 'q"'],
        "bytes": "AP8=",
        "ok": True,
        "big": Decimal("12345678901234567890.123456789"),
        "ip": "10.0.0.1",
    }
    ids = [f"6f2d3a52-3b7e-4a7b-9a55-{number:012d}" for number in range(count)]
    batch = [Outbound(id_, encode({"id": id_, **thing}), route="orders") for id_ in ids]
    config = {"table": "things", "key": "id", "time_zone": "Europe/Madrid"}
    assert set(statuses(await sent(tables, config, batch))) == {"delivered"}
    query = """select distinct at at time zone 'UTC', naive, day::text, doc::text, names, bytes, ok, big::text, ip::text
        from things"""
    ((at, naive, *others),) = tables.rows(query)
    assert (at.isoformat(), naive.isoformat()) == ("2026-01-31T11:00:00.500000", "2026-01-31T13:00:00")
    assert others == [
        "2026-01-31",
        '{"a": 1.10, "b": "\\\\ tab\\t"}',
        ["a", None, 'q"'],
        b"\x00\xff",
        True,
        "12345678901234567890.123456789",
        "10.0.0.1/32",
    ]
    assert len(tables.rows("select id from things")) == count


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_what_the_commit_refuses_fails_alone(tables: Tables) -> None:
    tables.run(
        "CREATE TABLE parts (id int primary key, of int REFERENCES orders (id) DEFERRABLE INITIALLY DEFERRED)",
        "INSERT INTO orders (id, name) VALUES (1, 'n')",
    )
    batch = [Outbound(str(n), encode({"id": n, "of": of}), route="orders") for n, of in [(1, 1), (2, 9), (3, 1)]]
    results = await sent(tables, {"table": "parts", "key": "id"}, batch)
    assert statuses(results) == ["delivered", "failed", "delivered"]
    assert "foreign key" in (results[1].reason or "")
    assert sorted(tables.rows("select id from parts")) == [(1,), (3,)]


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"table": "order", "key": "id"}, "did you mean 'orders'"),
        ({"table": "orders", "key": "name"}, "CREATE UNIQUE INDEX"),
        ({"table": "orders", "key": "idd"}, "did you mean 'id'"),
        ({**ORDERS, "columns": {"id": "order.id", "nmae": "order.name"}}, "did you mean 'name'"),
    ],
)
async def test_what_is_not_there_stops_the_run_and_shows_online(
    tables: Tables, config: dict[str, Any], told: str
) -> None:
    with pytest.raises(SetupError, match=told):
        await sent(tables, config, [order(1, name="n")])
    route = route_of("outgoing", config)
    async with tables.services() as services:
        with pytest.raises(SetupError, match=told):
            await SqlOutgoing.check_online(route.outgoing.config, route, services)


async def test_a_preview_checks_the_rows_and_writes_nothing(tables: Tables) -> None:
    route = route_of("outgoing", ORDERS)
    outgoing = SqlOutgoing(route.outgoing.config, route)
    recording = Recording()
    async with ReplayServices(recording) as services:
        services.connections = Surroundings(tables.url)
        await outgoing.open(run_of(route), services)
        results = await outgoing.send([order(1, name="n"), order(2, name="x" * 11)])
        await outgoing.close()
    assert statuses(results) == ["delivered", "failed"]
    assert [str(heard) for heard in recording.heard["db"]] == ["UPSERT orders"]
    assert recording.heard["db"][0].data == {"id": 1, "name": "n"}
    assert tables.rows("select id from orders") == []


async def test_markers_are_forgotten_after_their_time(tables: Tables) -> None:
    await sent(tables, ORDERS, [order(1, name="n")])
    tables.run("UPDATE airflow_integrations_written SET written_at = 0")
    await sent(tables, {**ORDERS, "keep_markers": "1d"}, [order(2, name="n")])
    assert tables.rows("select entity_key from airflow_integrations_written") == [("2",)]


async def test_a_database_that_is_away_is_an_outage() -> None:
    for url in ("postgresql+psycopg://127.0.0.1:1/x", "mysql+pymysql://127.0.0.1:1/x"):
        with pytest.raises(OutageError):
            await sent(Tables(url), ORDERS, [order(1, name="n")])


def test_options_that_do_not_go_together_are_told() -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({}, "either table or call"),
        ({"table": "orders"}, "mode upsert needs key"),
        ({"table": "orders", "mode": "append", "key": "id"}, "append always makes a new row"),
        ({**ORDERS, "columns": {"name": "order.name"}}, "columns has no id"),
        ({"call": {"procedure": "p"}, "key": "id"}, "key goes with table"),
        ({"table": "orders; drop", "key": "id"}, "not the name of a table"),
    ]
    for config, told in cases:
        with pytest.raises(ValueError, match=told):
            route_of("outgoing", config)
    with pytest.raises(ValueError, match="nothing identifies them"):
        route_of("outgoing", {"table": "orders", "mode": "append"}, missing="emit")


def test_what_may_be_sent_again() -> None:
    cases: list[tuple[dict[str, Any], bool]] = [
        (ORDERS, True),
        ({**ORDERS, "exactly_once": False}, True),
        ({"table": "t", "mode": "append", "exactly_once": False}, False),
        ({"table": "t", "mode": "append"}, True),
        ({"call": {"procedure": "p"}, "exactly_once": False}, False),
    ]
    for config, repeatable in cases:
        route = route_of("outgoing", config)
        assert SqlOutgoing(route.outgoing.config, route).repeatable is repeatable

"""One value that cannot be read, or that the database compares in its own way: its row's matter, and nobody else's."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from decimal import Decimal
from typing import Any

import pytest
from sql_surroundings import Tables, route_of, run_of

from airflow_integrations.formats import BadRecord
from airflow_integrations.formats.json import encode

UNREADABLE = {
    "postgresql": {
        "json": ["'1e99999'", "'{\"a\": 1e99999}'"],
        "jsonb": ["('1' || repeat('0', 5000))::jsonb"],
        "json[]": ["array['1e99999']::json[]"],
        "numeric": ["'NaN'"],
    },
    "mariadb": {"json": ["'1e99999'"]},
    "sqlite": {"real": ["9e999"], "json": ["'{bad'", "'1e99999'", "X'01'"]},
}
"""By type, as the database writes them."""
KEPT: dict[str, list[tuple[str, str, Any]]] = {
    "postgresql": [("json", "'{\"a\": 1.10}'", {"a": Decimal("1.10")}), ("json", r"""'"\ud800"'""", "\ud800")],
    "mariadb": [
        ("varbinary(4)", "0x00ff", "AP8="),
        ("binary(2)", "0x00ff", "AP8="),
        ("time", "'-00:00:01'", "-00:00:01"),
    ],
    "sqlite": [("text", "CAST(X'61ff' AS TEXT)", "a\udcff"), ("json", "1.5", Decimal("1.5"))],
}


@pytest.fixture
def tables(database_url: str) -> Tables:
    return Tables(database_url)


def fetched(tables: Tables, config: dict[str, Any]) -> list[Any]:
    async def all_of_it() -> list[Any]:
        route = route_of("incoming", config)
        incoming = route.incoming.component()(route.incoming.config, route)
        async with tables.services() as services, aclosing(incoming.pages(run_of(route), services, None)) as pages:
            return [record async for page in pages for record in page.records]

    return asyncio.run(all_of_it())


def test_what_cannot_be_read_is_its_rows_matter_also_as_a_child(tables: Tables) -> None:
    cases = [(type_, value) for type_, values in UNREADABLE[tables.dialect].items() for value in values]
    tables.run("CREATE TABLE parents (id int primary key)", "INSERT INTO parents VALUES (1), (2), (3)")
    for number, (type_, value) in enumerate(cases):
        name = f"odd{number}"
        tables.run(
            f"CREATE TABLE {name} (id int primary key, v {type_})",
            f"INSERT INTO {name} VALUES (1, NULL), (2, {value}), (3, NULL)",
        )
        records = fetched(tables, {"table": name})
        assert [isinstance(record, BadRecord) for record in records] == [False, True, False], value
        child = {"table": name, "on": {"id": "id"}}
        first, odd, last = fetched(tables, {"table": "parents", "children": {"lines": child, "others": child}})
        assert [len(record["lines"]) for record in (first, last)] == [1, 1]
        assert isinstance(odd, BadRecord)
        assert odd.reason.startswith("children.lines: column v: ")
        assert "'id': '2'" in odd.content


def test_what_can_be_read_is_what_it_was(tables: Tables) -> None:
    for number, (type_, value, expected) in enumerate(KEPT[tables.dialect]):
        tables.run(f"CREATE TABLE kept{number} (id int, v {type_})", f"INSERT INTO kept{number} VALUES (1, {value})")
        (record,) = fetched(tables, {"table": f"kept{number}"})
        assert (record["v"], type(record["v"])) == (expected, type(expected))
        if not isinstance(expected, str):
            assert encode(record["v"]) in (b'{"a":1.10}', b"1.5")


def test_children_whose_key_is_written_in_another_way(tables: Tables) -> None:
    if tables.dialect != "mariadb":
        pytest.skip("the collations of MariaDB take e for é, and 1 for the text 1")
    tables.run(
        "CREATE TABLE parents (id int primary key, code varchar(9)) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
        "INSERT INTO parents VALUES (1, 'cafe'), (2, 'A'), (3, '7')",
        "CREATE TABLE parts (code varchar(9), no int) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
        "INSERT INTO parts VALUES ('café', 1), ('cafe', 2), ('a ', 3), ('7', 4)",
        "CREATE TABLE numbered (code int, no int)",
        "INSERT INTO numbered VALUES (7, 5)",
    )
    children = {name: {"table": name, "on": {"code": "code"}, "columns": ["no"]} for name in ("parts", "numbered")}
    records = fetched(tables, {"table": "parents", "children": children})
    found = {each["code"]: sorted(part["no"] for part in each["parts"] + each["numbered"]) for each in records}
    assert found == {"cafe": [1, 2], "A": [3], "7": [4, 5]}


def test_more_children_than_fit_beside_each_other_come_in_smaller_pages(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what alone has too many is rejected alone."""
    monkeypatch.setattr("airflow_integrations.incoming.sql.children.MOST", 50)
    many = {number: 60 if number == 7 else 4 for number in range(40)}
    lines = ", ".join(f"({number}, {no})" for number, count in many.items() for no in range(count))
    tables.run(
        "CREATE TABLE orders (id int primary key)",
        "CREATE TABLE parts (of_id int, no int, primary key (of_id, no))",
        f"INSERT INTO orders VALUES {', '.join(f'({number})' for number in many)}",
        f"INSERT INTO parts VALUES {lines}",
    )
    config = {"table": "orders", "children": {"parts": {"table": "parts", "on": {"of_id": "id"}}}}
    records = fetched(tables, config)
    bad = records.pop(7)
    assert isinstance(bad, BadRecord)
    assert "over 50 rows belong to 1 parent" in bad.reason
    del many[7]
    assert {record["id"]: len(record["parts"]) for record in records} == many

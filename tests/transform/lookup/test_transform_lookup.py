from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from transform_chain import parse

from airflow_integrations.config.file_reference import Folder
from airflow_integrations.entity import Entity
from airflow_integrations.errors import EntityError, SetupError
from airflow_integrations.transform.lookup.compared import compared
from airflow_integrations.transform.lookup.step import Lookup
from airflow_integrations.transform.lookup.table import load_table

TAX = {"lookup": {"name": "tax", "file": "tax.csv", "where": {"country": "order.country"}}}


@pytest.fixture(autouse=True)
def tables(tmp_path: Path) -> None:
    (tmp_path / "tax.csv").write_text("country,code\nES,S1\nFR,F1\n,none\n")
    (tmp_path / "rows.json").write_text(
        '[{"id": 1, "rate": 0.10, "on": true}, {"id": 12345678901234567890, "rate": 2, "on": false}, {"id": null}]'
    )
    (tmp_path / "map.json").write_text('{"ES": {"code": "S1"}, "FR": "F1"}')


async def test_what_is_found_is_seen_by_later_steps(chain: Any) -> None:
    steps = chain(TAX, {"set": {"tax": "tax.code"}})
    assert await steps.values({"country": "ES"}, {"country": "FR"}) == [
        {"country": "ES", "tax": "S1"},
        {"country": "FR", "tax": "F1"},
    ]


async def test_nothing_found_rejects(chain: Any) -> None:
    steps = chain(TAX)
    assert await steps.values({"country": "DE"}, {"country": " ES"}, {"country": None}, {}, {"country": {}}) == []
    told = steps.books.reasons
    assert told["0"] == "transform.0.lookup: no tax found for country = DE"
    assert told["2"] == told["3"] == "transform.0.lookup: nothing to look tax up with: order.country is null or missing"
    assert "where.country: a lookup compares texts and numbers" in told["4"]


async def test_a_join_finds_all_rows(chain: Any, tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text("sku,list,price\nA,retail,2\nB,retail,3\nA,trade,1\n,none,0\n")
    join = {"name": "prices", "file": "prices.csv", "where": {"sku": "order.sku"}, "all": True, "missing": "null"}
    steps = chain({"lookup": join}, {"set": {"prices": "{row.list: row.price for row in prices}"}})
    assert await steps.values({"sku": "A"}, {"sku": "B"}, {"sku": "C"}, {}) == [
        {"sku": "A", "prices": {"retail": "2", "trade": "1"}},
        {"sku": "B", "prices": {"retail": "3"}},
        {"sku": "C", "prices": {}},
        {"prices": {}},
    ]
    each = {**join, "each": "order.lines", "where": {"sku": "item"}}
    steps = chain({"lookup": each}, {"set": {"lines": "[len(rows) for rows in prices]"}})
    assert await steps.values({"lines": ["A", "C", "B"]}) == [{"lines": [2, 0, 1]}]
    steps = chain({"lookup": {**join, "missing": "reject"}})
    assert await steps.values({"sku": "C"}) == []
    assert steps.books.reasons["0"] == "transform.0.lookup: no prices found for sku = C"


def test_a_join_with_a_hundred_thousand_rows_holds_each_once(tmp_path: Path) -> None:
    file = tmp_path / "many.csv"
    file.write_text("sku,price\n" + "".join(f"S{n // 4},{n}\n" for n in range(100_000)))
    table = load_table(file, ("sku",), every=True)
    assert (len(table), [row["price"] for row in table["S7",]]) == (25_000, ["28", "29", "30", "31"])
    file.write_text("sku,price\n" + "S,1\n" * 10_001)
    with pytest.raises(ValueError, match="line 10002: over 10,000 rows have the key sku = S"):
        load_table(file, ("sku",), every=True)


@pytest.mark.parametrize("name", ["large.csv", "large.json"])
def test_a_file_that_is_too_large_says_where_it_belongs(tmp_path: Path, name: str) -> None:
    with (tmp_path / name).open("wb") as file:
        file.truncate(64 * 1024 * 1024 + 1)  # without content: nothing of it is read
    with pytest.raises(ValueError, match=r"has over 64 MiB, .* memory: load it .* and write sql here"):
        load_table(tmp_path / name, ("sku",))


@pytest.mark.parametrize("missing", [None, "null"])
async def test_nothing_found_goes_on_with_null(chain: Any, missing: Any) -> None:
    steps = chain({"lookup": {**TAX["lookup"], "missing": missing}}, {"set": {"tax": "tax.code"}})
    assert await steps.values({"country": "DE"}, {}) == [{"country": "DE", "tax": None}, {"tax": None}]


@pytest.mark.parametrize(
    ("file", "where", "order", "row"),
    [
        ("rows.json", {"id": "order.id"}, {"id": 1}, {"id": 1, "rate": Decimal("0.10"), "on": True}),
        (
            "rows.json",
            {"id": "order.id"},
            {"id": "12345678901234567890"},
            {"id": 12345678901234567890, "rate": 2, "on": False},
        ),
        ("map.json", {"country": "order.id"}, {"id": "ES"}, {"country": "ES", "code": "S1"}),
        ("map.json", {"country": "order.id"}, {"id": "FR"}, {"country": "FR", "value": "F1"}),
    ],
)
async def test_json_tables(chain: Any, file: str, where: Any, order: Any, row: Any) -> None:
    (entity,) = await chain({"lookup": {"name": "row", "file": file, "where": where}}).entities([Entity("1", order)])
    assert entity.found == {"row": row}


async def test_entities_do_not_share_what_was_found(chain: Any) -> None:
    first, second = await chain(TAX, {"lookup": {**TAX["lookup"], "name": "again"}}).entities(
        [Entity("1", {"country": "ES"}), Entity("2", {"country": "ES"})]
    )
    assert first.found is not second.found
    assert first.found.keys() == {"tax", "again"}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"a,b\n1,2\n1,3\n", "line 3 has the same key as line 2: a = 1; each key may be there once"),
        ("t.csv", b"a,b\n1\n", "line 2 has 1 columns, the header has 2"),
        ("t.csv", b"a,a\n", "two columns 'a'"),
        ("t.csv", b"x,b\n", "no column 'a', only x, b"),
        ("t.csv", b"a;b\n", "is the delimiter another one?"),
        ("t.csv", b"", "no header line"),
        ("t.csv", b"a\n\xff\n", "is not UTF-8"),
        ("t.csv", b'a\n"x\n', "is not CSV"),
        ("t.json", b'{"1": 2, "1": 3}', "'1' twice"),
        ("t.json", b'[{"a": 1}, {"a": "1"}]', "item 1 has the same key as item 0"),
        ("t.json", b"[1]", "item 0 is not an object"),
        ("t.json", b"[{}]", "item 0 has no 'a'"),
        ("t.json", b"[{", "is not JSON: line 1, column"),
        ("t.json", b"3", "neither a list of objects nor an object"),
        ("t.json", b'[{"a": NaN}]', "holds NaN"),
        ("t.json", b'[{"a": [1]}]', "item 0: a lookup compares texts and numbers"),
        ("t.json", b"[" * 100_000, "nested too deeply"),
        ("t.txt", b"", "neither .csv nor .json"),
    ],
)
async def test_bad_tables_are_found_before_the_run_and_stop_it(
    chain: Any, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    step = {"lookup": {"name": "t", "file": name, "where": {"a": "order.a"}}}
    ((place, told),) = Lookup.check_files(parse(step, Folder(tmp_path, tmp_path)).config)
    assert place == ("file",)
    assert message in told
    with pytest.raises(SetupError) as caught:
        await chain(step).values({"a": 1})
    assert str(caught.value) == f"transform.0.lookup: {told}"


def test_delimiter_and_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes('\ufeffa;b\n"1;x";" 2 "\n\n'.encode())
    assert load_table(path, ("a",), ";") == {("1;x",): {"a": "1;x", "b": " 2 "}}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "exactly one"),
        ({"file": "tax.csv"}, "where is missing"),
        ({"file": "tax.csv", "where": {"a": "1 +"}}, "cannot be read"),
        ({"file": "none.csv", "where": {"a": "1"}}, "no file"),
        ({"file": "tax.csv", "where": {"a": "1"}, "missing": "skip"}, "reject"),
        (
            {
                "odata": {"connection": "erp", "entity_set": "P", "find": {"a": "order.a"}, "select": ["ID", "b/c"]},
                "where": {"b": "1", "a": "order.a"},
            },
            "where compares a, which odata.select leaves out: nothing would ever be found",
        ),
        ({"store": "codes", "key": "order.sku", "all": True}, "all goes with file and sql; with store leave it out"),
    ],
)
def test_mistakes_in_the_route(tmp_path: Path, options: Any, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        parse({"lookup": {"name": "tax", **options}}, Folder(tmp_path, tmp_path))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("query", "place", "message"),
    [
        ("{ customer { id } }", ("where", "email"), "does not ask for email in customer: nothing would ever be found"),
        ("{ customer { nodes { id } email } }", ("where", "email"), "in customer.nodes: nothing would ever be found"),
        ("{ customer { edges { node { id name } } } }", ("where", "email"), "add it there. It asks for: id, name"),
        ("{ customer { mail: email } }", ("where", "email"), "It asks for: mail"),
        ("{ customer }", ("where", "email"), "It asks for: none"),
        ("{ people { email } }", ("graphql", "records"), "asks for no customer; its fields are people"),
        ("{ customer { ", ("graphql", "query"), "it is not GraphQL"),
        ("mutation { customer { id } }", ("graphql", "query"), "a query belongs here"),
    ],
)
def test_a_query_that_could_never_find_anything(tmp_path: Path, query: str, place: Any, message: str) -> None:
    there = {"connection": "shop", "query": query, "variables": {"a": "order.a"}, "records": "customer"}
    step = {"lookup": {"name": "t", "graphql": there, "where": {"email": "order.email"}}}
    found = dict(Lookup.check_files(parse(step, Folder(tmp_path, tmp_path)).config))
    assert message in found[place]


@pytest.mark.parametrize(
    "query",
    [
        "{ customer { ...Found } } fragment Found on Customer { email }",
        "{ customer { nodes { ... on Person { email } } } }",
        "{ customer { edges { node { email: mail } } } }",
    ],
)
def test_a_query_that_asks_for_what_is_compared(tmp_path: Path, query: str) -> None:
    there = {"connection": "shop", "query": query, "variables": {}, "records": "customer"}
    step = {"lookup": {"name": "t", "graphql": there, "where": {"email": "order.email"}}}
    assert list(Lookup.check_files(parse(step, Folder(tmp_path, tmp_path)).config)) == []


def test_names_that_mean_something_else_are_refused(tmp_path: Path) -> None:
    def stage(name: str) -> Any:
        return parse({"lookup": {**TAX["lookup"], "name": name}}, Folder(tmp_path, tmp_path))

    def told(*stages: Any) -> list[str]:
        route: Any = SimpleNamespace(transform=stages, entity=SimpleNamespace(name="order"))
        return [message for each in stages for _, message in Lookup.mistakes(each.config, route)]

    assert told(stage("tax"), stage("vat")) == []
    assert "already means something" in told(stage("order"))[0]
    assert "already means something" in told(stage("source"))[0]
    assert told(stage("tax"), stage("tax")) == ["an earlier lookup is called 'tax' already"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x ", "x "),
        (1, "1"),
        (10**40, "1" + "0" * 40),
        (Decimal("1.0"), "1.0"),
        (Decimal("1E+2"), "100"),
        (True, "true"),
        (None, None),
    ],
)
def test_values_are_compared_as_they_are_written(value: Any, text: str | None) -> None:
    assert compared(value) == text


def test_a_number_that_would_fill_the_memory_is_refused() -> None:
    with pytest.raises(EntityError):
        compared(Decimal("1E+999999999"))


cells = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=4)


@given(
    rows=st.lists(st.tuples(cells, cells, cells), max_size=8, unique_by=lambda row: row[:2]),
    wanted=st.tuples(cells, cells),
    pick=st.integers(0, 7),
)
def test_the_index_finds_what_a_linear_scan_finds(tmp_path_factory: Any, rows: Any, wanted: Any, pick: int) -> None:
    path = tmp_path_factory.mktemp("table") / "t.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("a", "b", "c"), *rows])
    table = load_table(path, ("b", "a"))
    for a, b in [wanted, *(row[:2] for row in rows[pick : pick + 1])]:
        scanned = next(({"a": row[0], "b": row[1], "c": row[2]} for row in rows if row[:2] == (a, b)), None)
        assert table.get((b, a)) == scanned

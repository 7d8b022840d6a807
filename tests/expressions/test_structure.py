"""The grammar of map: what stands for what, which field failed, what is read."""

from __future__ import annotations

import copy
import pickle
import re
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import ValidationError

from airflow_integrations.config.model import Model
from airflow_integrations.errors import EntityError, SetupError
from airflow_integrations.expressions import Namespace, Sees, Structure

ORDER: dict[str, Any] = {
    "number": "A-1",
    "customer": {"id": 7},
    "lines": [{"sku": "X", "qty": 2, "price": "1.10"}, {"sku": "Y", "qty": 0, "price": "0.30"}],
}
MAP = {
    "Number": "order.number",
    "Customer": {"Code": 'f"WEB-{order.customer.id}"', "Fixed": {"const": "EUR"}},
    "Rank": 3,
    "Rate": Decimal("1.50"),
    "Flag": True,
    "Nothing": None,
    "Lines": {"each": "order.lines", "name": "line", "map": {"Sku": "line.sku", "Price": "decimal(line.price)"}},
    "Total": "sum(line.qty * decimal(line.price) for line in order.lines)",
}


def made(definition: Any, order: Any = ORDER, **names: Any) -> Any:
    return Structure(definition, "entity").compile()({"order": order, **names})


def test_mappings_nest_text_is_an_expression_the_rest_stands() -> None:
    assert made(MAP) == {
        "Number": "A-1",
        "Customer": {"Code": "WEB-7", "Fixed": "EUR"},
        "Rank": 3,
        "Rate": Decimal("1.50"),
        "Flag": True,
        "Nothing": None,
        "Lines": [{"Sku": "X", "Price": Decimal("1.10")}, {"Sku": "Y", "Price": Decimal("0.30")}],
        "Total": Decimal("2.20"),
    }


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        ("order.number", "A-1"),
        ({"a": {"const": "order.number"}}, {"a": "order.number"}),
        ({"a": {"const": ["x", {"y": 1.5}]}}, {"a": ["x", {"y": Decimal("1.5")}]}),
        ({"a": {"const": None}}, {"a": None}),
        ({"a": '{"const": order.number}'}, {"a": {"const": "A-1"}}),
        ({"a": 0.1}, {"a": Decimal("0.1")}),
        ({"a": "order.nobody"}, {"a": None}),
        ({"a?": "order.nobody", "b?": "order.number", "c": {"d?": None}}, {"b": "A-1", "c": {}}),
        ({"a": {"each": "order.nobody", "map": {"x": "item.y"}}}, {"a": []}),
        ({"a": {"each": "order.lines", "map": "item.sku"}}, {"a": ["X", "Y"]}),
        ({"a": {"each": "order.lines", "where": "item.qty > 0", "map": "item.sku"}}, {"a": ["X"]}),
        (
            {"a": {"each": "order.lines", "name": "l", "map": {"each": "[1, 2]", "name": "n", "map": "l.qty * n"}}},
            {"a": [[2, 4], [0, 0]]},
        ),
        ({"each": "order.lines", "map": {"s": "item.sku"}}, [{"s": "X"}, {"s": "Y"}]),
        ({"each": "order.number", "other": "order.number"}, {"each": "A-1", "other": "A-1"}),
        ({"when": "window.start"}, {"when": None}),
        ({}, {}),
    ],
)
def test_stands_for(definition: Any, expected: Any) -> None:
    assert made(definition, window=None) == expected


def test_fixed_data_is_nobodys_to_share() -> None:
    compiled = Structure({"a": {"const": {"b": [1]}}}).compile()
    compiled({})["a"]["b"].append(2)
    assert compiled({}) == {"a": {"b": [1]}}


@pytest.mark.parametrize(
    ("definition", "place", "words"),
    [
        ({"Lines": ["l.sku for l in order.lines"]}, ("Lines",), "quote it"),
        ({"a": {"b": "{{ order.x }}"}}, ("a", "b"), "without {{ }}: order.x"),
        ({"a": {"each": "order.lines"}}, ("a",), "each needs map"),
        ({"a": {"each": ["x"], "map": {}}}, ("a", "each"), "YAML list"),
        ({"a": {"each": 3, "map": {}}}, ("a", "each"), "one expression"),
        ({"a": {"each": "order.x", "where": True, "map": {}}}, ("a", "where"), "one expression"),
        ({"a": {"each": "order.x", "name": "_x", "map": {}}}, ("a", "name"), "cannot be a name"),
        ({"a": {"each": "order.x", "name": "class", "map": {}}}, ("a", "name"), "cannot be a name"),
        ({"a": {"each": "order.x", "map": {"b?": "1 +"}}}, ("a", "map", "b?"), "cannot be read"),
        ({"a": object()}, ("a",), "does not stand here"),
        ({"a": {"const": object()}}, ("a",), "not JSON"),
        ({"a": float("nan")}, ("a",), "finite"),
        ({"a": {1: "x"}}, ("a",), "quote it"),
        ({"a": "1", "a?": "2"}, (), "twice"),
        ({"a": ""}, ("a",), "empty"),
    ],
)
def test_a_mistake_has_its_place_and_remedy(definition: Any, place: tuple[str, ...], words: str) -> None:
    class Config(Model):
        map: Annotated[Structure, Sees("entity")]

    with pytest.raises(ValueError) as plain:
        Structure(definition)
    assert words in str(plain.value)
    with pytest.raises(ValidationError) as caught:
        Config(map=definition)
    (error,) = caught.value.errors()
    assert error["loc"] == ("map", *place)
    assert words in error["msg"]


def test_all_mistakes_at_once() -> None:
    with pytest.raises(ValueError) as caught:
        Structure({"a": "1 +", "b": {"c": ["x"]}, "d": "order._id"})
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == ["a", "b.c", "d"]


def test_nesting_is_bounded() -> None:
    definition: Any = "1"
    for _ in range(40):
        definition = {"a": definition}
    with pytest.raises(ValueError, match="nested more than"):
        Structure(definition)


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"number": None, "customer": None}, "Customer.Code", "order.customer.id: it is missing"),
        ({"lines": [{"price": "1"}, {"price": "x"}]}, "Lines.1.Price", "decimal(line.price): the text is not a number"),
        ({"lines": "text"}, "Lines", "order.lines: it is text, not a list"),
        ({"lines": [{"price": "1"}]}, "Total", "line.qty: it is missing"),
    ],
)
def test_the_failing_field_is_named(change: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(EntityError) as caught:
        made(MAP, {**ORDER, **change})
    assert caught.value.field == field
    assert caught.value.reason.startswith(f"{field}: ")
    assert words in caught.value.reason


def test_where_gives_true_or_false() -> None:
    with pytest.raises(EntityError) as caught:
        made({"a": {"each": "order.lines", "where": "item.nope", "map": "item"}})
    assert caught.value.field == "a.0"
    assert "a condition is true or false" in caught.value.reason


def test_a_missing_variable_is_the_deployments_fault() -> None:
    with pytest.raises(SetupError):
        made({"a": "var.nope"}, var=Namespace("var", lambda name: None))


def test_reads() -> None:
    structure = Structure(
        {
            "a": "order.customer.address.city",
            "b": {
                "each": "order.lines",
                "name": "line",
                "where": "line.ok",
                "map": {"c": "line.sku", "d": "tax.code", "line": "line"},
            },
            "e": {
                "each": "order.parcels or []",
                "map": {"each": "item.boxes", "name": "box", "map": "box.id + item.n"},
            },
            "line": "line.outer",
        }
    )
    assert structure.names == {"order", "tax", "line"}
    assert structure.fields == {
        ("order", "customer", "address", "city"),
        ("order", "lines"),
        ("order", "lines", "*", "ok"),
        ("order", "lines", "*", "sku"),
        ("tax", "code"),
        ("order", "parcels"),
        ("order", "parcels", "*", "boxes"),
        ("order", "parcels", "*", "boxes", "*", "id"),
        ("order", "parcels", "*", "n"),
        ("line", "outer"),
    }
    places = {place: found.names for place, _, found in structure.leaves()}
    assert places[("b", "map", "d")] == {"tax"}
    assert places[("e", "map", "map")] == set()
    assert ("b", "where") in places


def test_instances_are_values() -> None:
    class Config(Model):
        map: Annotated[Structure, Sees("entity")]

    config = Config(map={"a": "order.x", "b": {"const": Decimal("1.5")}})
    assert config.map.sees == "entity"
    assert config.model_dump() == {"map": {"a": "order.x", "b": {"const": Decimal("1.5")}}}
    assert Config(map=config.map) == config
    assert Config(map=Structure({"a": "1"}, "run")).map.sees == "entity"
    config.map.compile()
    assert pickle.loads(pickle.dumps(config.map)) == config.map
    assert copy.deepcopy(config.map) is config.map
    assert hash(config.map) == hash(Structure(config.map.definition, "entity"))
    assert "const" in Config.model_json_schema()["properties"]["map"]["description"]


@pytest.mark.parametrize(
    ("values", "remedy"),
    [
        (["paid", "shipped"], "for a fixed list write {const: [paid, shipped]}"),
        (["order.id"], "for a fixed list write {const: […]}"),
        ([1, "paid"], "for a fixed list write {const: […]}"),
        (["paid"] * 40, "for a fixed list write {const: […]}"),
        ([], "for a fixed list write {const: […]}"),
    ],
)
def test_a_list_is_told_how_it_is_written(values: list[object], remedy: str) -> None:
    with pytest.raises(ValueError, match=re.escape(remedy)):
        Structure({"states": values})
    assert Structure({"states": {"const": values}}).compile()({}) == {"states": values}

"""map, set, drop and rename."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from transform_chain import parse

from airflow_integrations.entity import Entity
from airflow_integrations.errors import EntityError
from airflow_integrations.transform.paths import MISSING, dropped, placed, taken

ORDER = {
    "number": 7,
    "customer": {"id": 3, "city": "Madrid"},
    "lines": [{"sku": "a", "qty": 2, "price": "1.10"}],
    "note": None,
}


@pytest.mark.parametrize(
    ("step", "value"),
    [
        ({"map": {"No": "order.number", "C": {"const": "EUR"}, "N": 5}}, {"No": 7, "C": "EUR", "N": 5}),
        (
            {
                "map": {
                    "Lines": {"each": "order.lines", "name": "line", "map": {"Sum": "line.qty * decimal(line.price)"}}
                }
            },
            {"Lines": [{"Sum": Decimal("2.20")}]},
        ),
        ({"map": "order.customer"}, {"id": 3, "city": "Madrid"}),
        ({"set": {"total": "order.number + 1"}}, {**ORDER, "total": 8}),
        (
            {"set": {"customer.zip": {"const": "28001"}}},
            {**ORDER, "customer": {"id": 3, "city": "Madrid", "zip": "28001"}},
        ),
        ({"set": {"note.text": {"const": "hi"}, "a.b.c": 1}}, {**ORDER, "note": {"text": "hi"}, "a": {"b": {"c": 1}}}),
        ({"set": {"x": "order.number", "y": "order.x * 2"}}, {**ORDER, "x": 7, "y": 14}),
        ({"set": {"number": "source.number + 1", "again": "source.number"}}, {**ORDER, "number": 8, "again": 7}),
        (
            {"drop": ["customer.city", "lines.*.price", "nothing.here"]},
            {"number": 7, "customer": {"id": 3}, "lines": [{"sku": "a", "qty": 2}], "note": None},
        ),
        ({"drop": ["lines.*", "customer"]}, {"number": 7, "lines": [], "note": None}),
        (
            {"rename": {"customer.id": "customer_id", "absent": "x"}},
            {**ORDER, "customer": {"city": "Madrid"}, "customer_id": 3},
        ),
        ({"rename": {"number": "note", "note": "number"}}, {**ORDER, "note": 7, "number": None}),
        (
            {"rename": {"customer": "party.sold_to"}},
            {"number": 7, "lines": ORDER["lines"], "note": None, "party": {"sold_to": ORDER["customer"]}},
        ),
    ],
)
async def test_fields_change_and_the_source_does_not(chain: Any, step: Any, value: Any) -> None:
    before = copy.deepcopy(ORDER)
    entity = Entity("7", ORDER)
    (after,) = await chain(step).entities([entity])
    assert after.value == value
    assert after.source is ORDER
    assert before == ORDER


@pytest.mark.parametrize(
    ("step", "reason", "field"),
    [
        ({"map": {"Total": "sum(line.qty for line in order.lines) + order.note"}}, "transform.0.map Total: ", "Total"),
        ({"map": "order.absent"}, "transform.0.map: the new entity is null", None),
        ({"set": {"number.x": 1}}, "transform.0.set number.x: 'x' cannot be set below a number", "number.x"),
        ({"set": {"lines.x": 1}}, "below a list", "lines.x"),
        ({"set": {"a": "order.customer.city - 1"}}, "transform.0.set a: ", "a"),
        ({"rename": {"number": "note"}}, "transform.0.rename note: the entity already has this field", "note"),
        ({"rename": {"note": "number.x"}}, "cannot be set below a number", "number.x"),
    ],
)
async def test_errors_name_the_step_and_the_field(chain: Any, step: Any, reason: str, field: str | None) -> None:
    steps = chain(step)
    assert await steps.values(ORDER) == []
    assert reason in steps.books.reasons["0"]
    assert steps.books.fields["0"] == field


async def test_a_reason_names_its_field_once(chain: Any) -> None:
    steps = chain({"map": {"Lines": {"each": "order.lines", "map": {"Price": "decimal(item)"}}}})
    await steps.entities([Entity("1", {"lines": ["x"]})])
    (reason,) = steps.books.reasons.values()
    assert reason.startswith("transform.0.map Lines.0.Price: decimal(item): ")
    assert reason.count("Lines.0.Price") == 1


async def test_a_rejected_entity_keeps_the_value_it_came_with(chain: Any) -> None:
    entity = Entity("1", {"a": 1})
    await chain({"set": {"b": 1, "c": "order.a + order.nothing"}}).entities([entity])
    assert entity.value == {"a": 1}


@pytest.mark.parametrize(
    "step",
    [
        {"set": {}},
        {"set": {"a..b": 1}},
        {"drop": []},
        {"drop": ["a "]},
        {"rename": {}},
        {"rename": {"a": ".b"}},
        {"drop": "a"},
        {"map": None},
    ],
)
def test_nonsense_is_refused_at_its_place(step: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        parse(step)
    assert caught.value.errors()[0]["loc"][0] in step


@pytest.mark.parametrize(
    "step",
    [
        {"map": {"a": "order.b"}},
        {"set": {"a.b": "1 + 1"}},
        {"drop": ["a"]},
        {"rename": {"a": "b"}},
        {"filter": "order.a is None"},
    ],
)
def test_steps_are_serialised_as_they_were_written(step: Any) -> None:
    from pydantic import TypeAdapter

    from airflow_integrations.route.stage import TransformStage

    assert TypeAdapter(TransformStage).dump_python(parse(step), mode="json") == step


names = st.sampled_from(["a", "b", "c"])
documents = st.recursive(
    st.none() | st.integers(),
    lambda inner: st.dictionaries(names, inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=8,
)
paths = st.lists(names, min_size=1, max_size=3).map(tuple)


@given(documents.filter(lambda value: isinstance(value, dict)), paths, documents)
def test_what_was_placed_is_there_and_dropping_takes_it_away(value: Any, path: Any, new: Any) -> None:
    before = copy.deepcopy(value)
    try:
        after = placed(value, path, new)
    except EntityError:
        after = value  # something other than an object is in the way
    else:
        assert taken(after, path) == new
    gone = dropped(after, path)
    assert taken(gone, path) is MISSING
    assert value == before


async def test_the_fields_that_a_step_sets_share_one_budget_and_the_entity_alone_is_rejected(chain: Any) -> None:
    steps = chain({"set": {f"f{number}": "order.text + '-'" for number in range(8)}})
    went_on = await steps.values({"text": "x"}, {"text": "x" * 9_000_000}, {"text": "y"})
    assert [value["text"] for value in went_on] == ["x", "y"]
    assert "build more than 64000000 bytes together" in steps.books.reasons["1"]

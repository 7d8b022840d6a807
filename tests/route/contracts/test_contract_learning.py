"""What is learned of a source's fields, and what counts as different from it."""

from __future__ import annotations

import random
import tracemalloc
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_integrations.errors import RunError
from airflow_integrations.route.contracts.learned import Learned, accept, drifts, learn_from, lines
from airflow_integrations.route.contracts.options import ContractOptions
from airflow_integrations.route.contracts.paths import type_words
from airflow_integrations.route.contracts.seen import MOST_FIELDS, Seen

ONE_RUN = ContractOptions(learn=1)


def seen(records: list[Any], learned: Learned, options: ContractOptions = ONE_RUN) -> Seen:
    made = Seen(learned, options.ignore)
    for record in records:
        made.look(record)
    return made.counted()


def learn(learned: Learned, records: list[Any], run: str = "a", options: ContractOptions = ONE_RUN) -> Learned:
    """By way of what the ledger keeps."""
    after = learn_from(learned, seen(records, learned, options), options, run_id=run, began=1.0, now=2.0)
    return msgspec.json.decode(msgspec.json.encode(after), type=Learned)


def different(learned: Learned, record: Any, options: ContractOptions = ONE_RUN) -> list[str]:
    return [f"{one.path} {one.kind} {one.expected}→{one.found}" for one in Seen(learned, options.ignore).look(record)]


def told(learned: Learned) -> list[str]:
    return [str(drift) for drift in drifts(learned)]


ORDER = {
    "number": 1,
    "total": Decimal("1.5"),
    "lines": [{"sku": "A", "qty": 1}],
    "customer": {"vip": True},
    "note": None,
}


def test_fields_have_paths_and_types() -> None:
    learned = learn(Learned(), [ORDER])
    assert {path: type_words(field.types) for path, field in lines(learned)} == {
        "number": "number",
        "total": "number",
        "lines": "list",
        "lines[]": "object",
        "lines[].sku": "text",
        "lines[].qty": "number",
        "customer": "object",
        "customer.vip": "boolean",
        "note": "null",
    }


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"number": Decimal("1.0")}, []),  # integers and decimals are one kind
        ({"total": None, "lines": None, "customer": None}, []),  # null is of every type
        ({"note": "first"}, []),  # it had no type yet
        ({"lines": []}, []),
        ({"total": "1.50"}, ["total type number→text"]),
        ({"total": True}, ["total type number→boolean"]),
        ({"vat": "DE1"}, ["vat new →text"]),
        ({"lines": [{"sku": "A", "qty": "1"}]}, ["lines[].qty type number→text"]),
        ({"lines": {"sku": "A"}}, ["lines type list→object"]),
        ({"lines": ["A"]}, ["lines[] type object→text"]),
        ({"customer": {"vip": True, "e.mail": "x"}}, ['customer["e.mail"] new →text']),
    ],
)
def test_what_differs(change: dict[str, Any], found: list[str]) -> None:
    learned = learn(Learned(), [ORDER])
    assert different(learned, {**ORDER, **change}) == found


def test_a_record_that_is_no_object_any_more_differs() -> None:
    assert different(learn(Learned(), [ORDER]), ["x"]) == ["(the record) type object→list"]


def test_nothing_differs_while_runs_are_learned_from() -> None:
    options, learned = ContractOptions(learn=2), Learned()
    learn_from(learned, seen([{"a": 1}], learned, options), options, run_id="a", began=1, now=1)
    learn_from(learned, seen([{"a": 1}], learned, options), options, run_id="a", began=1, now=1)  # tried again
    assert (learned.complete, different(learned, {"a": "x"})) == (False, [])
    learn_from(learned, seen([], learned, options), options, run_id="empty", began=1, now=1)
    assert not learned.complete
    learn_from(learned, seen([{"a": "x"}], learned, options), options, run_id="b", began=1, now=1)
    assert learned.complete
    assert (different(learned, {"a": "x"}), different(learned, {"a": True})) == ([], ["a type number or text→boolean"])


def test_a_field_that_every_entity_had_is_gone_when_none_has_it() -> None:
    learned = learn(Learned(), [{"a": 1, "b": 1, "c": None}, {"a": 2, "c": 1}])
    assert [one.path for one in seen([{"b": 1}, {"a": 1}], learned).gone()] == ["c"]
    assert told(learn(learned, [{"b": 1}, {"a": 1}])) == ["c is gone (number; every entity had it)"]
    assert told(learn(learned, [{"c": 1}, {"x": 1}])) == [
        "a is gone (number; every entity had it)",
        "x is new (number)",
    ]
    assert told(learn(learned, [{"a": 1, "c": 1}])) == ["x is new (number)"]  # a is back


def test_fields_of_lines_that_nobody_has_are_not_gone() -> None:
    learned = learn(Learned(), [{"lines": [{"sku": "A"}], "customer": {"id": 1}}])
    assert told(learn(learned, [{"lines": [], "customer": None}])) == []
    assert told(learn(learned, [{"lines": [{}], "customer": {}}])) == [
        "lines[].sku is gone (text; every entity had it)",
        "customer.id is gone (number; every entity had it)",
    ]


def test_what_is_accepted_is_right_from_then_on() -> None:
    learned = learn(learn(Learned(), [{"a": 1, "b": 1}]), [{"a": "x", "c": {"d": 1}}])
    assert told(learned) == [
        "a is text, and was number",
        "b is gone (number; every entity had it)",
        "c is new (object)",
    ]
    assert [drift.path for drift in accept(learned, ["c"])] == ["c"]
    assert different(learned, {"a": 1, "c": {"d": 1}}) == []
    with pytest.raises(RunError, match=r"nothing differs there\. What differs: a, b"):
        accept(learned, ["c"])
    accept(learned, [])
    assert (told(learned), different(learned, {"a": "x"})) == ([], [])
    assert told(learn(learned, [{"a": 1, "b": 1, "c": {"d": 1}}])) == []  # what an earlier run left has the old fields


def test_a_type_that_comes_no_more_is_no_difference_any_more() -> None:
    learned = learn(Learned(), [{"a": 1}])
    learn_from(learned, seen([{"a": "x"}], learned), ONE_RUN, run_id="b", began=3.0, now=4.0)
    beside = seen([{"a": 1}], learned)
    learn_from(learned, beside, ONE_RUN, run_id="c", began=3.5, now=5.0)  # it read before the other had ended
    assert told(learned) == ["a is text, and was number"]
    learn_from(learned, seen([{"a": 1}], learned), ONE_RUN, run_id="d", began=6.0, now=7.0)
    assert told(learned) == []


def test_what_the_route_ignores_is_learned_in_silence() -> None:
    options = ContractOptions(learn=1, on_new_field="ignore", on_type_change="ignore", on_gone_field="ignore")
    learned = learn(learn(Learned(), [{"a": 1, "b": 1}], options=options), [{"a": "x", "c": 1}], options=options)
    assert (told(learned), different(learned, {"a": "x", "c": 2})) == ([], [])


def test_fields_that_are_left_out_are_not_looked_at() -> None:
    options = ContractOptions(learn=1, ignore=("prices", "lines[].extra"))
    learned = learn(Learned(), [{"prices": {"EUR": 1}, "lines": [{"sku": "A", "extra": {"x": 1}}]}], options=options)
    assert [path for path, _ in lines(learned)] == ["lines", "lines[]", "lines[].sku"]
    assert different(learned, {"prices": {"USD": "1"}, "lines": [{"sku": "A", "extra": 7}]}, options) == []
    before = learn(Learned(), [{"prices": 1, "a": 1}])
    assert told(learn(before, [{"a": 1}], options=options)) == []


def test_a_run_that_began_while_fields_were_learned_teaches() -> None:
    before = Learned()
    late = seen([{"a": 1, "b": 1}], before)
    learned = learn(Learned(), [{"a": 1}])
    assert learned.complete
    learn_from(learned, late, ONE_RUN, run_id="late", began=0.0, now=9.0)
    assert told(learned) == []
    assert different(learned, {"b": "x"}) == ["b type number→text"]


values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=8,
)
records = st.lists(st.dictionaries(st.sampled_from("abcd"), values, max_size=4), min_size=1, max_size=4)


@settings(max_examples=150, deadline=None)
@given(runs=st.lists(records, min_size=1, max_size=4), order=st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_of_runs_matters(runs: list[Any], order: random.Random) -> None:
    options = ContractOptions(learn=100)

    def after(numbers: list[int]) -> dict[str, Any]:
        learned = Learned()
        for number in numbers:  # each compares with nothing: they run beside each other
            what = seen(runs[number], Learned(), options)
            learn_from(learned, what, options, run_id=str(number), began=0, now=0)
        return {path: (field.types, field.always) for path, field in lines(learned)} | {"": learned.runs}

    straight = list(range(len(runs)))
    shuffled = straight * 2
    order.shuffle(shuffled)
    assert after(straight) == after(shuffled)


@settings(max_examples=150, deadline=None)
@given(run=records)
def test_what_was_learned_from_does_not_differ(run: list[Any]) -> None:
    learned = learn(Learned(), run)
    assert [different(learned, record) for record in run if different(learned, record)] == []
    assert (seen(run, learned).gone(), told(learn(learned, run, "again"))) == ([], [])


def test_a_million_names_cost_bounded_memory_and_ledger() -> None:
    learned = Learned()
    tracemalloc.start()
    try:
        for run in range(2):
            what = Seen(learned)
            for part in range(50):
                what.look({f"name {run} {part} {index}": {"x": index} for index in range(2_000)})
            learn_from(learned, what.counted(), ONE_RUN, run_id=str(run), began=0, now=0)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(list(lines(learned))) <= MOST_FIELDS
    assert learned.beyond
    assert held < 8_000_000
    assert len(msgspec.json.encode(learned)) < 200_000
    assert seen([{"x": 1}], learned).gone() == []
    assert different(learned, {"y": 1}) == ["y new →number"]  # all the same


def test_many_shapes_cost_bounded_memory() -> None:
    names, dice = [f"field_{index}" for index in range(60)], random.Random(7)
    what = Seen(Learned())
    tracemalloc.start()
    try:
        for _ in range(20_000):
            what.look(dict.fromkeys(dice.sample(names, 40), 1))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000
    assert {field.present > 0 for field in what.counted().root.fields.values()} == {True}
    assert sum(field.present for field in what.root.fields.values()) == 20_000 * 40


@pytest.mark.parametrize("name", ["n" * 201, "half \ud83d"])
def test_names_that_cannot_be_kept_are_not(name: str) -> None:
    learned = learn(Learned(), [{name: 1, "a": 1}])
    assert ([path for path, _ in lines(learned)], learned.beyond) == (["a"], True)


def test_what_is_nested_deeply_is_not_looked_into() -> None:
    deep: Any = 1
    for _ in range(500):
        deep = {"x": deep}
    learned = learn(Learned(), [deep])
    assert (len(list(lines(learned))), learned.beyond) == (10, True)
    nested: Any = 1
    for _ in range(500):
        nested = [nested]
    assert learn(Learned(), [{"x": nested}]).beyond

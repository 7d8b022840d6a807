from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transform_chain import Chain, parse

from airflow_integrations.entity import Entity
from airflow_integrations.transform.merge import Merge

arrivals = st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.integers(0, 12).map(str)), max_size=12)


@given(arrivals=arrivals, keep=st.sampled_from(["first", "last", "newest"]), batch=st.integers(1, 5))
async def test_merging_is_what_a_dictionary_would_do(
    tmp_path_factory: Any, arrivals: Any, keep: str, batch: int
) -> None:
    model: dict[str, tuple[Any, int]] = {}
    for position, (key, version) in enumerate(arrivals):
        if key not in model or keep == "last" or (keep == "newest" and int(version or -1) >= int(model[key][0] or -1)):
            model[key] = version, position
    steps = Chain([{"merge": keep}], folder=tmp_path_factory.getbasetemp(), batch=batch)
    out = await steps.entities(
        [Entity(key, {"n": position}, version=version) for position, (key, version) in enumerate(arrivals)]
    )
    assert [(entity.key, entity.version, entity.value["n"]) for entity in out] == [
        (key, version, n) for key, (version, n) in model.items()
    ]
    assert steps.books.counts["merged"] == len(arrivals) - len(out)
    merged = [value["n"] for value in steps.books.merged_values]
    assert sorted([*merged, *(n for _, n in model.values())]) == list(range(len(arrivals)))


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("9", "10"),
        ("2026-01-31T00:00:00Z", "2026-02-01T00:00:00Z"),
        (None, "0"),
        ("1.9", "1.10e1"),
        ("a9", "b1"),
        ("x", "x"),
    ],
)
async def test_newest_knows_numbers_and_moments(chain: Any, older: Any, newer: Any) -> None:
    for pair in ([older, newer], [newer, older]):
        if older == newer:
            continue
        out = await chain({"merge": {"keep": "newest"}}).entities(
            [Entity("k", {"v": version}, version=version) for version in pair]
        )
        assert [entity.value["v"] for entity in out] == [newer]


async def test_newest_of_two_kinds_is_the_last_and_people_are_told(chain: Any) -> None:
    steps = chain({"merge": {"keep": "newest"}})
    out = await steps.entities([Entity("k", 1, version="2026-01-01"), Entity("k", 2, version="1767225600")])
    assert [entity.value for entity in out] == [2]
    (told,) = steps.warnings
    assert "values that cannot be compared (a date, then a number of 10 digits); of such entities the last one" in told


async def test_everything_about_an_entity_comes_back(chain: Any, tmp_path: Any) -> None:
    (tmp_path / "t.json").write_text('{"7": "x"}')
    source = {"id": 10**40, "price": Decimal("1.10"), "text": "NaN", "none": None}
    lookup = {"lookup": {"name": "t", "file": "t.json", "where": {"n": "7"}}}
    (plain,) = await chain({"merge": "last"}).entities([Entity("7", source, version="3")])
    assert (plain.value, plain.version, plain.found) == (source, "3", None)
    assert plain.source is plain.value
    (mapped,) = await chain(
        lookup, {"map": {"id": "order.id"}}, {"merge": {}}, {"set": {"t": "t.value", "p": "source.price"}}
    ).entities([Entity("7", source)])
    assert mapped.value == {"id": 10**40, "t": "x", "p": Decimal("1.10")}


@pytest.mark.parametrize("value", [{"a": Decimal("NaN")}, {"a": "\ud800"}, {"a": object()}, Decimal("Infinity")])
async def test_what_json_cannot_hold_is_rejected(chain: Any, value: Any) -> None:
    steps = chain({"merge": "first"})
    assert await steps.values(value, {"a": 1}) == [{"a": 1}]
    assert "the entity cannot be written as JSON: " in steps.books.reasons["0"]
    assert "codec" not in steps.books.reasons["0"]


async def test_many_entities_come_back_in_order(chain: Any) -> None:
    steps = chain({"merge": "first"}, batch=100)
    out = await steps.entities([Entity(str(n % 1200), {"n": n}) for n in range(1500)])
    assert [entity.value["n"] for entity in out] == list(range(1200))


def test_newest_needs_a_version() -> None:
    config = parse({"merge": "newest"}).config
    without: Any = SimpleNamespace(entity=SimpleNamespace(version=None))
    with_one: Any = SimpleNamespace(entity=SimpleNamespace(version="order.updated_at"))
    assert [place for place, _ in Merge.mistakes(config, without)] == [("keep",)]
    assert list(Merge.mistakes(config, with_one)) == []

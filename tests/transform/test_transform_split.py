from __future__ import annotations

from typing import Any

import pytest

from airflow_integrations.entity import Entity

ORDER = {"number": 7, "lines": [{"sku": "a", "qty": 1}, {"sku": "b", "qty": 2}]}


async def test_parts_stand_where_the_whole_stood(chain: Any) -> None:
    steps = chain(
        {"split": {"each": "order.lines", "key": "[order.number, item.sku]"}}, {"set": {"of": "source.number"}}
    )
    out = await steps.entities([Entity("7", ORDER, version="v1"), Entity("8", {"number": 8, "lines": [{"sku": "c"}]})])
    assert [(part.key, part.version, part.value) for part in out] == [
        ("7|a", "v1", {"sku": "a", "qty": 1, "of": 7}),
        ("7|b", "v1", {"sku": "b", "qty": 2, "of": 7}),
        ("8|c", None, {"sku": "c", "of": 8}),
    ]
    assert out[0].source is ORDER
    assert ORDER["lines"] == [{"sku": "a", "qty": 1}, {"sku": "b", "qty": 2}]
    assert steps.books.counts == {"split_added": 1}


async def test_keys_are_numbered_where_none_is_given(chain: Any) -> None:
    out = await chain({"split": {"each": "order.lines"}}).entities([Entity("7", ORDER)])
    assert [part.key for part in out] == ["7/1", "7/2"]


async def test_in_a_split_item_is_the_part_and_the_entity_is_whole(chain: Any) -> None:
    step = {"split": {"each": "order.lines", "version": "item.qty", "map": {"doc": "order.number", "sku": "item.sku"}}}
    out = await chain(step).entities([Entity("7", ORDER)])
    assert [(part.value, part.version) for part in out] == [
        ({"doc": 7, "sku": "a"}, "1"),
        ({"doc": 7, "sku": "b"}, "2"),
    ]


@pytest.mark.parametrize(
    ("order", "counts", "reason"),
    [
        ({"lines": []}, {"filtered": 1}, None),
        (
            {"lines": None},
            {"rejected": 1},
            "transform.0.split each: order.lines is null or missing; write order.lines or []",
        ),
        ({}, {"rejected": 1}, "order.lines is null or missing"),
        ({"lines": "ab"}, {"rejected": 1}, "order.lines is not a list"),
        ({"lines": {"a": 1}}, {"rejected": 1}, "order.lines is not a list"),
    ],
)
async def test_a_whole_without_parts(chain: Any, order: Any, counts: Any, reason: str | None) -> None:
    steps = chain({"split": {"each": "order.lines"}})
    assert await steps.values(order) == []
    assert steps.books.counts == counts
    assert reason is None or reason in steps.books.reasons["0"]


async def test_a_bad_part_is_rejected_alone(chain: Any) -> None:
    steps = chain({"split": {"each": "order.lines", "key": "item.sku"}})
    out = await steps.entities([Entity("7", {"lines": [{"sku": "a"}, {}, None, {"sku": "d"}]})])
    assert [part.key for part in out] == ["a", "d"]
    assert steps.books.counts == {"split_added": 3, "rejected": 2}
    assert steps.books.reasons.keys() == {"7/2", "7/3"}
    assert steps.books.reasons["7/2"].startswith("transform.0.split key: the entity has no key")


async def test_parts_keep_what_lookups_found_without_sharing_it(chain: Any, tmp_path: Any) -> None:
    (tmp_path / "t.json").write_text('{"7": "x"}')
    table = {"file": "t.json", "where": {"n": "7"}}
    steps = chain(
        {"lookup": {"name": "t", **table}}, {"split": {"each": "order.lines"}}, {"lookup": {"name": "u", **table}}
    )
    first, second = await steps.entities([Entity("7", ORDER)])
    assert first.found == second.found == {"t": {"n": "7", "value": "x"}, "u": {"n": "7", "value": "x"}}
    assert first.found is not second.found

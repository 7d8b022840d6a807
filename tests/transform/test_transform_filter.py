from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("expression", "order", "kept"),
    [
        ('order.status == "paid"', {"status": "paid"}, True),
        ('order.status == "paid"', {"status": "open"}, False),
        ('order.status is not None and order.status == "paid"', {}, False),
        ('order.status is None or order.status == "paid"', {}, True),
        ("order.status == None", {}, True),
        ('order.status in ("paid", None)', {}, True),
        ('(order.status or "open") == "open"', {}, True),
        ('not (order.status is not None and order.status == "paid")', {}, True),
        ("order.a == 1 or order.b == 2", {"a": 1}, True),
        ("order.a == 1 and order.b == 2", {"a": 2}, False),
        ("order.b == 2 if order.a == 1 else True", {"a": 2}, True),
        ('order["a b"] == 1', {"a b": 1}, True),
        ('any(line.sku == "x" for line in order.lines)', {"lines": [{}, {"sku": "x"}]}, True),
        ("order.paid", {"paid": True}, True),
        ("order.paid", {"paid": False}, False),
        ("params.limit == 10", {}, True),
    ],
)
async def test_true_goes_on_and_false_is_filtered(chain: Any, expression: str, order: Any, kept: bool) -> None:
    steps = chain({"filter": expression})
    assert await steps.values(order) == ([order] if kept else [])
    assert steps.books.counts == ({} if kept else {"filtered": 1})


@pytest.mark.parametrize(
    ("expression", "order", "reason"),
    [
        (
            'order.status == "paid"',
            {},
            "order.status is null or missing: test for it, such as order.status is not None and",
        ),
        ('order.status != "paid"', {"status": None}, "order.status is null or missing"),
        ('order.customer.country in ("ES", "FR")', {"customer": None}, "order.customer.country is null or missing"),
        ("order.a == 1 or order.b == 2", {"a": 2}, "order.b is null or missing"),
        ("not order.b == 2", {}, "order.b is null or missing"),
        ('order["a b"] == 1', {}, 'order["a b"] is null or missing'),
        ("order.paid", {}, "order.paid is null or missing: test for it"),
        ("order.total", {"total": 3}, "order.total gave a number, neither true nor false"),
        ("order.name", {"name": ""}, "gave a text"),
        ("order.lines", {"lines": [1]}, "gave a list"),
        ("order.lines", {"lines": {}}, "gave an object"),
    ],
)
async def test_what_is_neither_is_rejected(chain: Any, expression: str, order: Any, reason: str) -> None:
    steps = chain({"filter": expression})
    assert await steps.values(order) == []
    assert steps.books.counts == {"rejected": 1}
    assert steps.books.reasons["0"].startswith("transform.0.filter: ")
    assert reason in steps.books.reasons["0"]


async def test_one_bad_entity_leaves_the_others_alone(chain: Any) -> None:
    steps = chain({"filter": "order.n > 1"})
    assert await steps.values({"n": 1}, {"n": "x"}, {"n": 2}, {}, {"n": 3}) == [{"n": 2}, {"n": 3}]
    assert steps.books.counts == {"filtered": 1, "rejected": 2}


async def test_a_field_that_no_entity_has_is_a_warning(chain: Any) -> None:
    steps = chain({"filter": 'order.statuss is None or order.status == "paid"'})
    await steps.values({"status": "paid"}, {"status": "open"})
    assert steps.warnings == ["transform.0.filter reads order.statuss, which no entity of this run has"]


async def test_no_warning_without_entities(chain: Any) -> None:
    steps = chain({"filter": "order.typo is None"})
    assert await steps.values() == []
    assert steps.warnings == []

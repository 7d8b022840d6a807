"""A payload cannot make an expression run away."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions import Expression, Structure

LONG = "x" * 200_000
DEEP: Any = []
for _ in range(100_000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("text", "entity", "words"),
    [
        ("e.a * e.b", {"a": 10**900, "b": 10**900}, "digits"),
        ("e.a * e.b", {"a": Decimal("1e900"), "b": Decimal("1e900")}, "e.a * e.b"),
        ("decimal(e.a) * decimal(e.a)", {"a": "1e900"}, "decimal(e.a)"),
        ("e.a ** e.b", {"a": 10, "b": 10**9}, "digits"),
        ("e.a ** e.b", {"a": Decimal("1.5"), "b": 10**9}, "exponent"),
        ("2 ** (2 ** (2 ** e.a))", {"a": 10}, "digits"),
        ("e.a + 1", {"a": Decimal("1e999999999")}, "e.a + 1"),
        ("e.a + e.b", {"a": Decimal("1e900"), "b": Decimal("1e-900")}, "digits"),
        ("integer(e.a)", {"a": Decimal("1e999999999")}, "digits"),
        ("text(e.a)", {"a": Decimal("1e999999999")}, "digits"),
        ("f'{e.a}'", {"a": Decimal("1e-999999999")}, "digits"),
        ("f'{e.a:f}'", {"a": Decimal("1e999999999")}, "digits"),
        ("round(e.a, 2)", {"a": Decimal("1e999999999")}, "digits"),
        ("decimal(e.a, 2)", {"a": "1e999999999"}, "digits"),
        ("'x'.zfill(e.a)", {"a": 10**9}, "characters"),
        ("'x'.ljust(e.a)", {"a": 10**9}, "characters"),
        ("e.a.replace('x', e.a)", {"a": LONG}, "characters"),
        ("e.a.join(e.b)", {"a": LONG, "b": ["y"] * 1000}, "characters"),
        ("range(e.a)", {"a": 10**12}, "range()"),
        ("range(0, e.a, e.b)", {"a": 10**12, "b": 0}, "range"),
        ("[1 for a in range(1000) for b in range(1001)]", {}, "1000000 elements"),
        ("[[1 for b in e.a] for a in e.a]", {"a": [0] * 1001}, "1000000 elements"),
        ("any(a == -1 for a in e.a for b in e.a for c in e.a)", {"a": [0] * 300}, "1000000 elements"),
        ("[f'{e.a}{x}' for x in e.b]", {"a": LONG, "b": [1] * 1000}, "bytes"),
        ("[e.a + 'y' for x in e.b]", {"a": LONG, "b": [1] * 1000}, "bytes"),
        ("[e.a[1:] for x in e.b]", {"a": LONG, "b": [1] * 1000}, "bytes"),
        ("[e.a.upper() for x in e.b]", {"a": LONG, "b": [1] * 1000}, "bytes"),
        ("[e.a.split('x') for x in e.b]", {"a": LONG, "b": [1] * 1000}, "bytes"),
        ("[text(e.a) for x in e.b]", {"a": LONG, "b": [1] * 1000}, "bytes"),
        ("[{**e.a, 'x': x} for x in e.b]", {"a": {str(i): i for i in range(20_000)}, "b": [1] * 1000}, "bytes"),
        ("[e.a for x in e.b]", {"a": LONG, "b": [1] * 1000}, "the result would have"),
        ("[x in e.a for x in e.b]", {"a": list(range(40_000)), "b": [1] * 1000}, "1000000 elements"),
        ("[sum(e.a) for x in e.b]", {"a": list(range(40_000)), "b": [1] * 1000}, "1000000 elements"),
        ("[sha256(e.a) for x in e.b]", {"a": LONG * 2, "b": [1] * 1000}, "1000000 elements"),
        ("[matches(e.a, '^(x+)+y$') for x in e.b]", {"a": LONG * 2, "b": [1] * 1000}, "1000000 elements"),
        ("json(e.a)", {"a": DEEP}, "json(e.a)"),
        ("e.a == e.b", {"a": DEEP, "b": [DEEP]}, "nested too deeply"),
    ],
)
def test_refused_with_a_reason(text: str, entity: Any, words: str) -> None:
    with pytest.raises(EntityError) as caught:
        Expression(text).compile()({"e": entity})
    assert words in caught.value.reason
    assert len(caught.value.reason) < 1000


def test_a_regular_expression_does_not_backtrack() -> None:
    assert Expression("matches(e, '^(a|a)*(a+)+$')").compile()({"e": "a" * 100_000 + "!"}) is False


def test_structures_are_bounded_too() -> None:
    structure = Structure({"Rows": {"each": "e.b", "name": "x", "map": {"Note": "e.a"}}})
    with pytest.raises(EntityError, match="the result would have more than"):
        structure.compile()({"e": {"a": LONG, "b": [1] * 1000}})


def test_honest_sizes_pass() -> None:
    lines = [{"qty": 1, "price": "1.10", "sku": f"S{i}"} for i in range(20_000)]
    assert Expression("sum(l.qty * decimal(l.price) for l in e.lines)").compile()({"e": {"lines": lines}}) == Decimal(
        "22000.00"
    )
    rows = Structure({"R": {"each": "e.lines", "name": "l", "map": {"S": "f'x-{l.sku}'"}}}).compile()(
        {"e": {"lines": lines}}
    )
    assert rows["R"][-1] == {"S": "x-S19999"}
    assert Expression("e.a + 1").compile()({"e": {"a": 10**400}}) == 10**400 + 1
    assert Expression("e.a + 1").compile()({"e": {"a": Decimal("1e400")}}) == Decimal(10**400 + 1)

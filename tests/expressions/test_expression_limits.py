"""A payload cannot make an expression run away."""

from __future__ import annotations

import contextlib
import time
import tracemalloc
from decimal import Decimal
from typing import Any

import pytest

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions import Expression, Structure, Template
from airflow_integrations.expressions.evaluation import meter
from airflow_integrations.expressions.evaluation.limits import MAX_CHARACTERS, MAX_STEPS

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
        ("f'{e.a}{e.a}'", {"a": "x" * 6_000_000}, "may build at most 10000000"),
        ("e.a + e.a", {"a": "x" * 6_000_000}, "may build at most 10000000"),
        ("hex(e.a)", {"a": "x" * 6_000_000}, "may build at most 10000000"),
        ("[e.a.split(','), e.a.split(','), e.a.split(',')]", {"a": "a," * 450_000}, "bytes together"),
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


@pytest.mark.parametrize(
    "text", ["e.parts.split(',')", "e.parts.rsplit(',')", "e.lines.splitlines()", "e.words.split()"]
)
def test_a_text_is_not_cut_into_more_pieces_than_a_loop_may_go_through(text: str) -> None:
    entity = {"parts": "a," * 1_000_001, "lines": "a\n" * 1_000_001, "words": "a " * 1_000_001}
    with pytest.raises(EntityError, match=r"more than 1000000 (parts|lines)"):
        Expression(text).compile()({"e": entity})


@pytest.mark.parametrize(
    "text",
    [
        "e.parts.split(',')",
        "e.long.lower()",
        "f'{e.long}-'",
        "e.long + '-'",
        "e.long[1:]",
        "e.long.replace('x', 'y')",
        "json(e.long)",
        "parse_json(e.json)",
        "range(300000)",
        "zip(e.list, e.list)",
        "{**e.object}",
    ],
)
def test_what_one_entity_builds_is_bounded_in_sum(text: str) -> None:
    entity = {
        "long": "x" * 9_000_000,
        "parts": "a," * 300_000,
        "json": f'"{"x" * 3_000_000}"',
        "list": [1] * 300_000,
        "object": dict.fromkeys(map(str, range(200_000))),
    }
    assert Expression(text).compile()({"e": entity}) is not None
    with pytest.raises(EntityError, match="build more than 64000000 bytes together"):
        Expression(f"[{', '.join([text] * 20)}]").compile()({"e": entity})
    with pytest.raises(EntityError, match="build more than 64000000 bytes together"):
        Structure({f"F{number}": text for number in range(20)}).compile()({"e": entity})


@pytest.mark.parametrize("value", ["e.long | upper", "e.long + '-'", "e.long | replace('x', 'y')"])
def test_what_one_template_builds_is_bounded_in_sum(value: str) -> None:
    entity = {"long": "x" * 9_000_000, "lines": [1] * 20}
    with pytest.raises(EntityError, match="build more than 64000000 bytes together"):
        Template(f"{{% for l in e.lines %}}{{% set y = {value} %}}{{% endfor %}}").render({"e": entity})
    assert Template(f"{{% set y = {value} %}}.").render({"e": entity}) == "."


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


COLLIDING = [number * (2**61 - 1) for number in range(1, 30_000)]
FRACTIONS = [Decimal((0, tuple(map(int, str(pow(10, k, 2**61 - 1)))), -k)) for k in range(1, 4000)]
"""Numbers that Python gives one hash."""


@pytest.mark.parametrize("text", ["unique(e.a)", "group_by([{'n': x} for x in e.a], 'n')", "{x: 1 for x in e.a}"])
@pytest.mark.parametrize("numbers", [COLLIDING, FRACTIONS], ids=["whole", "fractions"])
def test_numbers_with_one_hash_take_no_quadratic_time(text: str, numbers: list[Any]) -> None:
    assert len(set(map(hash, numbers))) < 5
    took = time.process_time()
    with contextlib.suppress(EntityError):
        Expression(text).compile()({"e": {"a": numbers}})
    assert time.process_time() - took < 2


@pytest.mark.parametrize(
    ("text", "entity"),
    [
        ("matches(e.t, '(a+)+$')", {"t": "a" * 9_000_000 + "!"}),
        ("matches(e.t, '^(a|a)*(a+)+$')", {"t": "a" * 9_000_000 + "!"}),
        ("regex_extract_all(e.t, 'a*b|a')", {"t": "a" * 60_000}),
        ("regex_replace(e.t, 'a*b|a', '')", {"t": "a" * 60_000}),
        ("[regex_replace(x, 'a*b|a', '') for x in e.b]", {"b": ["a" * 5_000] * 5_000}),
        ("[matches(x, '[ab]*a[ab]{400}c') for x in e.b]", {"b": ["ab" * 1_000] * 5_000}),
        ("parse_json(e.t)", {"t": "[" + "1.5," * 2_250_000 + "1]"}),
        ("parse_json(e.t)", {"t": "[" + "{}," * 3_000_000 + "1]"}),
        ("parse_json(e.t)", {"t": '["\\ud800",' + "1.5," * 500_000 + "1]"}),
        ("[parse_json(e.t) for x in e.b]", {"t": "[" + "1," * 9_000 + "1]", "b": [1] * 5_000}),
        ("parse_xml(e.t)", {"t": "<a>" + "<b/>" * 2_000_000 + "</a>"}),
        ("parse_xml(e.t)", {"t": "<a>" + "<b c='1'>d</b>" * 600_000 + "</a>"}),
        ("[a == b for a in e.b for b in e.c]", {"b": ["x" * 50_000 + "y"] * 900, "c": ["x" * 50_000 + "z"] * 900}),
        ("[a == b for a in e.b for b in e.c]", {"b": [[[1] * 20_000]] * 900, "c": [[[1] * 20_000]] * 900}),
        ("[a < b for a in e.b for b in e.c]", {"b": ["x" * 50_000] * 900, "c": ["x" * 50_000 + "z"] * 900}),
        ("[e.o in e.l for x in e.b]", {"o": [[1] * 90_000], "l": [[[1] * 89_999 + [2]]] * 50, "b": [1] * 5_000}),
        ("[find(e.l, 'n', e.o) for x in e.b]", {"o": [1] * 90_000, "l": [{"n": [1] * 89_999 + [2]}], "b": [1] * 9_000}),
        ("[sha512(e.t) for x in e.b]", {"t": "x" * 9_000_000, "b": [1] * 900}),
        ("[base64(e.t) for x in e.b]", {"t": "x" * 9_000_000, "b": [1] * 900}),
        ("[from_hex(e.t) for x in e.b]", {"t": "61" * 4_000_000, "b": [1] * 900}),
        ("[decimal(e.t) for x in e.b]", {"t": "1" * 900_000, "b": [1] * 9_000}),
        ("[slug(e.t) for x in e.b]", {"t": "\ufdfa" * 90_000, "b": [1] * 9_000}),
        ("[slug(e.t) for x in e.b]", {"t": "\ufdfa" * 9_000_000, "b": [1]}),
        ("[chunk(e.l, 1) for x in e.b]", {"l": [1] * 90_000, "b": [1] * 9_000}),
        ("[group_by(e.l, 'n') for x in e.b]", {"l": [{"n": n} for n in range(9_000)], "b": [1] * 9_000}),
        ("[truncate(e.t, 9000000) for x in e.b]", {"t": "x" * 9_500_000, "b": [1] * 900}),
        ("[join(e.l) for x in e.b]", {"l": ["abc"] * 90_000, "b": [1] * 9_000}),
        ("[split(e.t, ',') for x in e.b]", {"t": "a," * 90_000, "b": [1] * 9_000}),
        ("[json(e.l) for x in e.b]", {"l": [{"n": n} for n in range(9_000)], "b": [1] * 9_000}),
        ("[sorted(e.l) for x in e.b]", {"l": [[1, 2]] * 9_000, "b": [1] * 9_000}),
        ("[e.l.count(e.o) for x in e.b]", {"o": [1] * 9_000, "l": [[1] * 9_000] * 90, "b": [1] * 9_000}),
    ],
)
def test_hostile_values_take_seconds_at_most(monkeypatch: pytest.MonkeyPatch, text: str, entity: Any) -> None:
    """With a tenth of the steps, so that the test takes a tenth of the time."""
    monkeypatch.setattr(meter, "MAX_STEPS", MAX_STEPS // 10)
    monkeypatch.setattr(meter, "MAX_CHARACTERS", MAX_CHARACTERS // 10)
    took = time.process_time()
    with contextlib.suppress(EntityError):
        Expression(text).compile()({"e": entity})
    assert time.process_time() - took < 2


@pytest.mark.parametrize(
    "template",
    [
        "{% for l in e.b %}{{ (e.t | sha512)[0] }}{% endfor %}",
        "{% for l in e.b %}{% if e.t == e.u %}a{% endif %}{% endfor %}",
        "{% for l in e.b %}{% if e.t in e.u %}a{% endif %}{% endfor %}",
        "{% for l in e.b %}{% set x = e.t | regex_replace('x*y|x', '') %}{% endfor %}",
        "{% for l in e.b %}{% set x = e.j | parse_json %}{% endfor %}",
    ],
)
def test_hostile_values_in_templates_take_seconds_at_most(monkeypatch: pytest.MonkeyPatch, template: str) -> None:
    monkeypatch.setattr(meter, "MAX_STEPS", MAX_STEPS // 10)
    monkeypatch.setattr(meter, "MAX_CHARACTERS", MAX_CHARACTERS // 10)
    entity = {"t": "x" * 900_000 + "y", "u": "x" * 900_000 + "z", "b": [1] * 90_000, "j": "[" + "1.5," * 99_000 + "1]"}
    took = time.process_time()
    with pytest.raises(EntityError):
        Template(template).render({"e": entity})
    assert time.process_time() - took < 2


def test_decoding_stays_within_the_memory_that_it_is_charged_for() -> None:
    """The estimate is no less than what CPython takes."""
    worst = ["1.5,", "{},", "[],", '"ab",', "999,", '{"a":1},', "[1.5],", '"é",', '{"a":{"b":[]}},', "1e9,"]
    for part in worst:
        text = "[" + part * 2_000 + "1]"
        charged = [0, 0]
        tracemalloc.start()
        held = Expression("parse_json(t)").compile()({"t": text, "_meter": charged})
        used = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert held
        assert used < charged[1] * 1.1, part


def test_honest_documents_pass() -> None:
    rows = [{"id": n, "sku": f"S{n}", "price": Decimal("1.10")} for n in range(50_000)]
    text = Expression("json(r)").compile()({"r": rows})
    assert Expression("len(parse_json(t))").compile()({"t": text}) == 50_000
    photo = "x" * 9_000_000
    assert Expression("len(from_base64(base64(t)))").compile()({"t": photo[:7_000_000]}) == 7_000_000
    assert Expression("len(parse_json(t).photo)").compile()({"t": f'{{"photo": "{photo}"}}'}) == 9_000_000
    assert Expression("len(regex_replace(t, '[^0-9]+', ''))").compile()({"t": "1 a " * 5_000}) == 5_000
    lines = [{"sku": f"S{n}", "long": "y" * 300} for n in range(900)]
    assert Expression("sum(1 for a in l for b in l if a.sku == b.sku)").compile()({"l": lines}) == 900

"""What expressions mean: fields, missing values, numbers, text; and what is refused, with the remedy."""

from __future__ import annotations

import copy
import decimal
import pickle
from decimal import Decimal
from typing import Any

import pytest

from airflow_integrations.errors import EntityError, SetupError
from airflow_integrations.expressions import Expression, Namespace
from airflow_integrations.window import Window

ORDER: dict[str, Any] = {
    "number": "A-1",
    "_id": "abc",
    "items": [1, 2],
    "first-name": "Ana",
    "qty": 3,
    "big": 1234567890123456789012345678901234567890,
    "price": Decimal("19.90"),
    "paid": True,
    "note": None,
    "created_at": "2026-01-31T23:30:00+01:00",
    "customer": {"id": 7, "name": "Ana", "address": {"country": "es"}},
    "lines": [
        {"sku": "X", "qty": 2, "price": "1.10", "tags": ["a", "b"]},
        {"sku": "Y", "qty": 3, "price": "0.30", "tags": []},
    ],
}
WINDOW = Window.parse("2026-01-31T23:05:00Z", "2026-02-01T00:00:00Z").names()


def value(text: str, **names: Any) -> Any:
    return Expression(text, "entity").compile()({"order": ORDER, **names})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("order.customer.address.country", "es"),
        ('order["customer"]["id"]', 7),
        ('order["_id"]', "abc"),
        ('order["first-name"]', "Ana"),
        ("order.items", [1, 2]),
        ("order.items[0]", 1),
        ("order.lines[-1].sku", "Y"),
        # missing, all the way down
        ("order.nobody", None),
        ("order.nobody.address.city", None),
        ("order.note.anything[3].more", None),
        ("order.lines[9].sku", None),
        ("order.lines[-9]", None),
        ("order.nobody[:10]", None),
        ("order.created_at[:10]", "2026-01-31"),
        ("order.lines[1:][0].sku", "Y"),
        ("order.number[::-1]", "1-A"),
        # numbers
        ("order.big + 1", 1234567890123456789012345678901234567891),
        ("order.big * order.big", 1234567890123456789012345678901234567890**2),
        ("0.1 + 0.2", Decimal("0.3")),
        ("1.10", Decimal("1.10")),
        ("1_000.5", Decimal("1000.5")),
        ("6 / 2", Decimal(3)),
        ("1 / 8", Decimal("0.125")),
        ("order.big / 2", Decimal("617283945061728394506172839450617283945")),
        ("7 // 2", 3),
        ("-7 % 3", 2),
        ("2 ** 10", 1024),
        ("2 ** -1", Decimal("0.5")),
        ("1.1 ** 2", Decimal("1.21")),
        ("order.price * 3", Decimal("59.70")),
        ("sum(line.qty * decimal(line.price) for line in order.lines)", Decimal("3.10")),
        ("-order.price", Decimal("-19.90")),
        # text
        ('f"WEB-{order.customer.id}"', "WEB-7"),
        ('f"{order.paid}/{order.price}/{order.big}"', "true/19.90/1234567890123456789012345678901234567890"),
        ('f"{order.price * 2:.1f}|{order.qty:03d}|{order.qty:.2f}|{order.number:>5}"', "39.8|003|3.00|  A-1"),
        ('f"{12345678901234567890:,.2f}"', "12,345,678,901,234,567,890.00"),
        ("order.number.lower().replace('-', '')", "a1"),
        ('", ".join(line.sku for line in order.lines)', "X, Y"),
        ("'A' in order.number and order.number not in ('B', 'C')", True),
        ("order.number in {'A-1'}", True),
        # loops
        ("[line.sku for line in order.lines if line.qty > 2]", ["Y"]),
        ("[tag for line in order.lines for tag in line.tags]", ["a", "b"]),
        ("[[tag + line.sku for tag in line.tags] for line in order.lines]", [["aX", "bX"], []]),
        ("{line.sku: line.qty for line in order.lines}", {"X": 2, "Y": 3}),
        ("[f'{i}{line.sku}' for i, line in enumerate(order.lines, 1)]", ["1X", "2Y"]),
        ("[a + b for a, b in zip([1, 2], [3, 4])]", [4, 6]),
        ("any(line.qty > 2 for line in order.lines)", True),
        ("all(line.qty > 2 for line in order.lines)", False),
        ("any(x == 1 or x.nope for x in order.items)", True),
        ("(line.sku for line in order.lines)", ["X", "Y"]),
        ("[k for k, v in items(order.customer) if v == 7]", ["id"]),
        ("[order.qty for order in [{'qty': 1}]]", [1]),
        # structure and choice
        ('{**order.customer, "id": 8}', {"id": 8, "name": "Ana", "address": {"country": "es"}}),
        ("(order.number, order.qty)", ("A-1", 3)),
        ("'big' if order.qty > 2 else 'small'", "big"),
        ("order.note or 'none'", "none"),
        ("order.note is None and order.nobody is None", True),
        ("not order.paid", False),
        ("1 < order.qty <= 3 != 4", True),
        # moments
        ("window.start", "2026-01-31T23:05:00Z"),
        ("[window.start.year, window.end.day]", [2026, 1]),
        ("date(order.created_at)", "2026-01-31"),
        ("{'when': moment(order.created_at)}", {"when": "2026-01-31T22:30:00Z"}),
        ("moment(order.created_at) < window.start", True),
        ("format(in_tz(window.start, 'Europe/Madrid'), 'DD/MM/YYYY HH:mm')", "01/02/2026 00:05"),
        ("var.shop", "main"),
        ("params.shop", "north"),
    ],
)
def test_means(text: str, expected: Any) -> None:
    found = value(text, window=WINDOW, params={"shop": "north"}, var=Namespace("var", {"shop": "main"}.get))
    assert found == expected
    assert type(found) is type(expected)


def test_over_several_lines() -> None:
    assert value("order.qty +\n  order.qty  # twice") == 6
    assert value("  order.qty\n") == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("order._id", 'order["_id"]'),
        ("order.customer.__class__", "begin with _"),
        ("__import__('os')", "unknown function"),
        ("_names", "cannot be a name"),
        ("[_x for _x in order.lines]", "cannot be a name"),
        ("[print for print in order.lines]", "cannot be a name"),
        ("order.items()", "items(order)"),
        ("order.number.format(1)", "f-string"),
        ("'{0.__class__}'.format(order)", "f-string"),
        ("'{}'.format_map(order)", "f-string"),
        ("order.get('x')", 'get(order, "field", default)'),
        ("order.number.encode()", "bytes"),
        ("order.number.nosuch()", "a field is written without ()"),
        ("order.lines[0](1)", "by their name"),
        ("(lambda: 1)()", "by their name"),
        ("lambda x: x", "lambda"),
        ("(x := 1)", ":="),
        ("await order", "await"),
        ("(yield)", "yield"),
        ("max(*order.items)", "max(values)"),
        ("[*order.items]", "a + b"),
        ("sum(**order)", "name each argument"),
        ("{x for x in order.items}", "unique"),
        ("{1, 2}", "no order"),
        ("order.a & order.b", "`and`"),
        ("order.a | order.b", "`or`"),
        ("1 << 1000", "<<"),
        ("~order.qty", "not"),
        ("b'x'", "text or numbers"),
        ("1j", "text or numbers"),
        ("...", "text or numbers"),
        ("order.x is 3", "=="),
        ("order.status == paid and true", "write True"),
        ("null", "write None"),
        ("order.a && order.b", "write `and`"),
        ("order.a || order.b", "write `or`"),
        ("!order.a", "write `not`"),
        ("order.a ? 1 : 2", "a if condition else b"),
        ("order.class", 'order["class"]'),
        ("order.status = 'paid'", "=="),
        ("{{ order.number }}", "without {{ }}: order.number"),
        ("WEB-{{ order.number }}", 'f"WEB-{order.number}"'),
        ("", "empty"),
        ("foo(1)", "unknown function foo()"),
        ("deciml(order.price)", "did you mean 'decimal'"),
        ("decimal()", "decimal(value"),
        ("decimal(1, 2, rounding='sideways')", "sideways"),
        ("matches(order.number, order.pattern)", "written out"),
        ("matches(order.number, '(?=a)')", "regular expression"),
        ("date(order.x, format='HH:mm')", "year, month and day"),
        ("f'{order.number!r}'", "json(value)"),
        ("f'{order.qty:{order.width}}'", "written out"),
        ("f'{order.qty:99999}'", "wider"),
        ("order.a[1, 2]", "one key"),
        ("import os", "cannot be read"),
        ("[x for x.y in order.lines]", "a loop binds names"),
        ("(" * 300 + ")" * 300, "cannot be read"),
        ("-" * 100 + "1", "nested"),
        ("order.a" + " + 1" * 5000, "characters"),
        ("order.a\0", "cannot be read"),
    ],
)
def test_refused_with_the_remedy(text: str, words: str) -> None:
    with pytest.raises(ValueError) as caught:
        Expression(text)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("order.note > 3", ["order.note: it is missing", "order.note > 3"]),
        ("order.qty < order.nobody.age", ["order.nobody.age: it is missing"]),
        ("order.note + 1", ["order.note: it is missing"]),
        ("1 - order.nobody", ["order.nobody: it is missing"]),
        ("-order.note", ["order.note: it is missing"]),
        ("order.qty > 'a'", ["a number and text cannot be compared"]),
        ("order.number > 5", ["text and a number cannot be compared; write integer(order.number), or decimal(…)"]),
        ("order.qty + order.number", ["a number and text cannot be added", "decimal("]),
        ("sum(l.qty * l.price for l in order.lines)", ["l.qty * l.price", "decimal("]),
        ("sum(l.nope for l in order.lines)", ["l.nope", "missing"]),
        ("sum(l.price for l in order.lines)", ["decimal("]),
        ("f'WEB-{order.note}'", ["order.note: it is missing"]),
        ("f'WEB-{order.customer}'", ["order.customer: it is an object", "json("]),
        ("order.number.nope", ["order.number: it is text, not an object", "'nope'"]),
        ("order.lines.sku", ["order.lines: it is a list", "[x.sku for x in …]"]),
        ("order.lines['sku']", ["order.lines: it is a list"]),
        ("order.qty[0]", ["order.qty: it is a number"]),
        ("order.note.upper()", ["order.note: it is missing"]),
        ("order.qty.upper()", ["order.qty: it is a number", "upper()"]),
        ("[x for x in order.nobody]", ["order.nobody: it is missing", "or []"]),
        ("[x for x in order.customer]", ["order.customer: it is an object", "items("]),
        ("[x for x in order.number]", ["order.number: it is text, not a list"]),
        ("[a for a, b in order.items]", ["a number, not a pair"]),
        ("[a for a, b in [[1, 2, 3]]]", ["3 parts, not 2"]),
        ("decimal(order.number)", ["decimal(order.number): the text is not a number"]),
        ("decimal(order.note)", ["decimal(order.note)", "missing"]),
        ("decimal('')", ["it is empty; write `or 0`"]),
        ("decimal('1.234,50')", ["it has a decimal comma", '.replace(",", ".")']),
        ("integer(' ')", ["the text is not"]),
        ("[decimal(l.sku) for l in order.lines]", ["decimal(l.sku): the text is not a number"]),
        ("1 / 0", ["1 / 0: division by zero"]),
        ("order.qty // 0", ["division by zero"]),
        ("order.price % 0", ["order.price % 0"]),
        ("'-' * 3", ["cannot be multiplied"]),
        ("order.items * 2", ["cannot be multiplied"]),
        ("order.qty ** 0.5", ["whole number"]),
        ("in_eu(order.nobody)", ["in_eu(order.nobody): the country is missing"]),
        ("{**order.note}", ["order.note: it is missing"]),
        ("{order.lines: 1}", ["{order.lines: 1}"]),
        ("order.number in order.nobody", ["order.nobody: it is missing"]),
        ("1 if order.note > 1 else 2", ["order.note"]),
        ("any(l.qty > l.nope for l in order.lines)", ["l.nope: it is missing"]),
        ("window", ["not data"]),
        ("var", ["not data"]),
        ("tax.code", ["tax: not known here"]),
        ("max([])", ["empty list"]),
        ("integer('1.5')", ["fraction"]),
    ],
)
def test_an_error_names_who_is_to_blame(text: str, words: list[str]) -> None:
    with pytest.raises(EntityError) as caught:
        value(text, window=WINDOW, var=Namespace("var", lambda name: None))
    for word in words:
        assert word in caught.value.reason


def test_an_error_holds_no_value_of_the_payload() -> None:
    with pytest.raises(EntityError) as caught:
        Expression("decimal(order.price)").compile()({"order": {"price": "S3CRET"}})
    assert "S3CRET" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_only_what_is_reached_is_judged() -> None:
    assert value("order.note is not None and order.note > 3") is False
    assert value("1 if order.paid else order.note + 1") == 1


def test_a_missing_variable_is_the_deployments_fault() -> None:
    with pytest.raises(SetupError, match="no Variable 'nope'"):
        value("var.nope", var=Namespace("var", lambda name: None))
    with pytest.raises(SetupError, match="no Variable 'nope'"):
        value("[f'{var.nope}' for l in order.lines]", var=Namespace("var", lambda name: None))


def test_a_namespace_reads_each_name_once() -> None:
    asked: list[str] = []

    def read(name: str) -> str:
        asked.append(name)
        return "x"

    var = Namespace("var", read)
    compiled = Expression("var.a + var['a'] + var.b").compile()
    assert compiled({"var": var}) == compiled({"var": var}) == "xxx"
    assert asked == ["a", "b"]
    assert repr(var) == "Namespace('var')"


def test_instances_are_values() -> None:
    one, same = Expression("order.qty", "entity"), Expression("order.qty", "entity")
    assert one == same
    assert hash(one) == hash(same)
    assert one != Expression("order.qty", "run")
    one.compile()
    assert pickle.loads(pickle.dumps(one)) == one
    assert copy.deepcopy(one) is one
    assert one.compile() is one.compile()
    assert str(one) == one.text == "order.qty"


def test_evaluation_leaves_the_callers_decimal_context_alone() -> None:
    with decimal.localcontext(prec=5) as mine:
        assert value("order.big + 0.5") == decimal.Context(prec=100).add(Decimal(ORDER["big"]), Decimal("0.5"))
        with pytest.raises(EntityError):
            value("order.note + 1")
        assert decimal.getcontext() is mine

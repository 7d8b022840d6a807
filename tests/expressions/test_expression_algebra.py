"""Properties: expressions agree with plain Python, errors with the step-by-step evaluation, and nothing else leaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache, partial
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions import Expression, Structure
from airflow_integrations.expressions.evaluation.error_locator import Fault, Walker

NUMBERS = (
    st.integers(-1000, 1000)
    | st.sampled_from([2**31, 2**64, 10**39])
    | st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12)
)
HUGE = st.sampled_from(
    [10**400, -(10**39), Decimal("1e999999"), Decimal("-1e-999999"), Decimal("1E+400"), Decimal("NaN")]
)
NAMES = st.sampled_from(["a", "b", "items", "lines", "sku", "__class__", "format", "get", "", "é"])
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | NUMBERS
    | HUGE
    | st.text(max_size=12)
    | st.sampled_from(["{0.__class__}", "1.10", "\r\n", "NaN"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)

# --- integers: any arithmetic of the language is Python's

OPERATORS = st.sampled_from(["+", "-", "*", "//", "%", "==", "!=", "<", "<=", ">", ">=", "and", "or"])
INTEGERS = st.integers(min_value=-(10**6), max_value=10**6)


def _combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    binary = st.builds(lambda a, op, b: f"({a} {op} {b})", inner, OPERATORS, inner)
    choice = st.builds(lambda a, b, c: f"({a} if {b} else {c})", inner, inner, inner)
    loop = st.builds(lambda a, b: f"sum([{a} for i in xs if i > {b}])", inner | st.just("i"), inner)
    return binary | choice | loop | inner.map(lambda a: f"(not {a})") | inner.map(lambda a: f"-{a}")


ARITHMETIC = st.recursive(st.sampled_from(["x", "y", "z", "1", "7", "len(xs)"]), _combined, max_leaves=8)


@settings(max_examples=150, deadline=None)
@given(text=ARITHMETIC, x=INTEGERS, y=INTEGERS, z=INTEGERS, xs=st.lists(INTEGERS, max_size=4))
def test_whole_numbers_compute_as_in_python(text: str, x: int, y: int, z: int, xs: list[int]) -> None:
    names = {"x": x, "y": y, "z": z, "xs": xs}
    compiled = Expression(text).compile()
    try:
        expected = eval(text, {"__builtins__": {"sum": sum, "len": len}, **names})
    except ZeroDivisionError:
        with pytest.raises(EntityError, match="division by zero"):
            compiled(names)
    else:
        found = compiled(names)
        assert found == expected
        assert type(found) is type(expected)


# --- fields: the language's reading of JSON against one written by hand


OBJECT = st.none() | st.dictionaries(NAMES, JSON, max_size=4)
ENTITY = st.fixed_dictionaries(
    {"lines": st.lists(OBJECT, max_size=4), "texts": st.lists(st.text(max_size=3), max_size=4)},
    optional={"a": OBJECT, "b": JSON, "items": JSON, "__class__": JSON},
)


def _get(value: Any, *path: str) -> Any:
    for step in path:
        if value is None:
            return None
        value = value.get(step)
    return value


READINGS: list[tuple[str, Callable[[Any], Any]]] = [
    ("e.a", lambda e: _get(e, "a")),
    ("e.a.b", lambda e: _get(e, "a", "b")),
    ("e.nope.a.b", lambda e: None),
    ('e["a"]["__class__"]', lambda e: _get(e, "a", "__class__")),
    ('e["__class__"]', lambda e: _get(e, "__class__")),
    ("e.items", lambda e: _get(e, "items")),
    ("e.a == e.b", lambda e: _get(e, "a") == _get(e, "b")),
    ("[x.sku for x in e.lines]", lambda e: [_get(x, "sku") for x in e["lines"]]),
    (
        "[t + 'x' for x in e.lines if x for t in e.texts]",
        lambda e: [t + "x" for x in e["lines"] if x for t in e["texts"]],
    ),
    ("{x: e.a.b for x in e.texts}", lambda e: {x: _get(e, "a", "b") for x in e["texts"]}),
    ("e.a if e.b else e.lines", lambda e: _get(e, "a") if _get(e, "b") else e["lines"]),
    ("e.a is None or e.b is not None", lambda e: _get(e, "a") is None or _get(e, "b") is not None),
    ("[i for i, x in enumerate(e.lines) if x]", lambda e: [i for i, x in enumerate(e["lines"]) if x]),
    ("{**(e.a or {}), 'n': e.b}", lambda e: {**(_get(e, "a") or {}), "n": _get(e, "b")}),
    ("sorted(keys(e))", lambda e: sorted(e)),
    ("len(e.lines) + 1", lambda e: len(e["lines"]) + 1),
    ("e.lines[1]", lambda e: e["lines"][1] if len(e["lines"]) > 1 else None),
    ("e.lines[-2].sku", lambda e: _get(e["lines"][-2], "sku") if len(e["lines"]) > 1 else None),
    ("e.texts[1:3]", lambda e: e["texts"][1:3]),
    ("[t[:2].upper() for t in e.texts]", lambda e: [t[:2].upper() for t in e["texts"]]),
    ("'-'.join(t.strip() for t in e.texts)", lambda e: "-".join(t.strip() for t in e["texts"])),
    ("any(x.sku for x in e.lines)", lambda e: any(_get(x, "sku") for x in e["lines"])),
    ("unique(e.texts) + sorted(e.texts)", lambda e: [*dict.fromkeys(e["texts"]), *sorted(e["texts"])]),
    ("[[x.b for y in e.texts] for x in e.lines]", lambda e: [[_get(x, "b") for _ in e["texts"]] for x in e["lines"]]),
]


@settings(max_examples=200, deadline=None)
@given(entity=ENTITY)
def test_reads_json_as_written_by_hand(entity: dict[str, Any]) -> None:
    """Each entity is read by all of them: to make one takes longer than to read it."""
    for text, by_hand in READINGS:
        assert repr(_compiled(text)({"e": entity})) == repr(by_hand(entity)), text


@cache
def _parsed(text: str) -> Expression:
    return Expression(text)


@cache
def _compiled(text: str) -> Callable[[Mapping[str, Any]], Any]:
    return _parsed(text).compile()


# --- hostile payloads

HOSTILE = [
    *(text for text, _ in READINGS),
    "e.a + e.b",
    "e.a * e.b",
    "e.a ** e.b",
    "e.a / e.b",
    "e.a % e.b",
    "e.a // e.b - 1",
    "-e.a",
    "abs(e.a) + round(e.b, 2)",
    "f'{e.a}{e.b:.2f}'",
    "f'{e.a:>10}'",
    "decimal(e.a, 2) * integer(e.b)",
    "sum(e.lines) + max(e.lines) - min(e.lines)",
    "sorted(e.lines, reverse=True)",
    "unique(e.lines)",
    "sort_by(e.lines, 'a')",
    "e.a.replace(e.b, e.a).split(e.b)",
    "e.a.join(e.lines)",
    "e.a.zfill(e.b) + e.a.center(e.b)",
    "e.lines.index(e.a)",
    "e.lines[e.a][e.b:e.a]",
    "e[e.a]",
    "range(e.a, e.b)",
    "[e.a for i in range(e.b) if i < 9]",
    "json(e) + sha256(e.a) + uuid5(e.b) + slug(e.a) + text(e.b)",
    "matches(e.a, '^(a+)+$')",
    "date(e.a)",
    "moment(e.a, tz=e.b)",
    "in_tz(e.a, e.b)",
    "from_unix(e.a)",
    "unix(e.a) + days_between(e.a, e.b)",
    "add(date('2026-01-31'), days=e.a, months=e.b)",
    "format(date('2026-01-31'), e.a)",
    "in_eu(e.a) and in_efta(e.b) and in_eea(e.a) and in_eu_goods(e.b)",
    "get(e.a, e.b) or first(e.a) or last(e.lines, e.a) or coalesce(e.a, e.b)",
    "[x for x in zip(e.lines, reversed(e.lines))]",
    "{e.a: e.b}",
    "e.a < e.b",
    "e.a in e.b",
    "e.a[:3] + e.b[::-1]",
    "values(e.a) + items(e.b)",
]


@settings(max_examples=300, deadline=None)
@given(entity=st.dictionaries(NAMES, JSON, max_size=5) | JSON)
def test_nothing_but_an_entity_error_leaves_and_no_binary_float(entity: Any) -> None:
    for text in HOSTILE:
        note(text)
        found, error = _outcome(partial(_compiled(text), {"e": entity}))
        if error is not None:
            assert 0 < len(error.reason) < 1000
        else:
            assert not _holds_float(found)


@settings(max_examples=300, deadline=None)
@given(entity=st.dictionaries(NAMES, JSON, max_size=5))
def test_step_by_step_gives_the_same(entity: dict[str, Any]) -> None:
    names = {"e": entity}
    for text in HOSTILE:
        note(text)
        expected, error = _outcome(partial(_compiled(text), names))
        if error is None:
            assert repr(_stepwise(_parsed(text), names)) == repr(expected)
        else:
            with pytest.raises((Fault, EntityError)):
                _stepwise(_parsed(text), names)


def _outcome(compute: Callable[[], Any]) -> tuple[Any, EntityError | None]:
    """What came out, or the one kind of error that may."""
    try:
        return compute(), None
    except EntityError as error:
        return None, error


def _stepwise(expression: Expression, names: Mapping[str, Any]) -> Any:
    from airflow_integrations.expressions.evaluation.guards import plain

    found = Walker(expression.parsed, names, [0, 0]).run()
    return (
        plain(found) if any(word in expression.text for word in ("date", "moment", "in_tz", "unix", "add(")) else found
    )


@settings(max_examples=40, deadline=None)
@given(entity=JSON)
def test_structures_leak_nothing_either(entity: Any) -> None:
    structure = Structure(
        {
            "A": "e.a",
            "Rows": {
                "each": "e.lines",
                "name": "row",
                "where": "row.a is not None",
                "map": {"Sku": "row.sku", "N": "row.b + 1"},
            },
            "T": "f'{e.b}'",
        }
    )
    found, error = _outcome(lambda: structure.compile()({"e": entity}))
    if error is None:
        assert list(found) == ["A", "Rows", "T"]
    else:
        assert error.field is None or error.reason.startswith(error.field)


# --- escapes: whatever is put together from suspicious parts is refused, or computes within the language

PUNCTUATION = [".", "(", ")", "[", "]", "{", "}", ",", ":", "'", '"', "f'", "0", "1", "'x'", "+", "*", "**", "%", ":="]
DUNDERS = ["__class__", "__mro__", "__subclasses__", "__globals__", "_names", "_m", "_t", "_field", "mro", "gi_frame"]
WORDS = [
    "order",
    "format",
    "format_map",
    "f_back",
    "getattr",
    "eval",
    "open",
    "print",
    "import",
    "lambda",
    "sum",
    "keys",
]
PARTS = st.sampled_from([*PUNCTUATION, *DUNDERS, *WORDS, "for", "x", "in", "if", "else", "decimal"])


@settings(max_examples=300, deadline=None)
@given(parts=st.lists(PARTS, min_size=1, max_size=9), joined=st.sampled_from(["", " "]))
def test_what_is_accepted_stays_inside(parts: list[str], joined: str) -> None:
    try:
        expression = Expression(joined.join(parts))
    except ValueError:
        return
    assert not any(name.startswith("_") for name in expression.names)
    names = {name: {"x": 1, "format": "f"} for name in expression.names}
    found, _ = _outcome(lambda: expression.compile()(names))
    assert _is_data(found)


def _holds_float(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_float, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(_holds_float, value))
    return isinstance(value, float)


def _is_data(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_is_data, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(_is_data, value))
    return value is None or isinstance(value, (str, int, Decimal))

"""Values of OData URLs: each type in both versions, and what is refused."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions import Expression
from airflow_integrations.odata.bound import (
    BoundText,
    bound_filter,
    equalities,
    filter_mistakes,
    key_predicate,
)
from airflow_integrations.odata.literals import literal
from airflow_integrations.odata.typed import TypedExpression

MOMENT = datetime(2026, 1, 31, 10, 0, tzinfo=UTC)
GUID = "0f8fad5b-d9cb-469f-a165-70867728950e"


@pytest.mark.parametrize(
    ("value", "type_", "v4", "v2"),
    [
        ("O'Neil", None, "'O''Neil'", "'O''Neil'"),
        ("12", None, "'12'", "'12'"),
        ("12", "int", "12", "12"),
        (True, None, "true", "true"),
        (7, None, "7", "7"),
        (9007199254740993, "int64", "9007199254740993", "9007199254740993L"),
        ("7.50", "decimal", "7.50", "7.50M"),
        (Decimal("0.10"), None, "0.10", "0.10M"),
        (Decimal("2.5"), "double", "2.5", "2.5d"),
        (GUID, "guid", GUID, f"guid'{GUID}'"),
        (MOMENT, None, "2026-01-31T10:00:00Z", "datetimeoffset'2026-01-31T10:00:00Z'"),
        ("2026-01-31T11:00:00+01:00", "datetimeoffset", "2026-01-31T10:00:00Z", "datetimeoffset'2026-01-31T10:00:00Z'"),
        ("10:30", "time", "10:30:00", "time'PT10H30M0S'"),
        ("09:05:07.25", "time", "09:05:07.25", "time'PT9H5M7.25S'"),
        (None, None, "null", "null"),
    ],
)
def test_each_type_is_written_and_quoted(value: Any, type_: Any, v4: str, v2: str) -> None:
    assert literal(value, type_, 4) == v4
    assert literal(value, type_, 2) == v2


def test_types_that_one_version_has() -> None:
    assert literal("2026-01-31", "date", 4) == "2026-01-31"
    assert literal(date(2026, 1, 31), None, 4) == "2026-01-31"
    assert literal(date(2026, 1, 31), None, 2) == "datetime'2026-01-31T00:00:00'"
    assert literal(MOMENT, "datetime", 2) == "datetime'2026-01-31T10:00:00'"
    assert literal(["a", "b'"], None, 4) == "('a','b''')"
    assert literal("P1DT2H", "duration", 4) == "duration'P1DT2H'"


@pytest.mark.parametrize(
    ("value", "type_", "version"),
    [
        ("1 or 1 eq 1", "int", 4),
        ("1e9", "decimal", 4),
        (Decimal("1.5"), "int", 2),
        (f"{GUID}' or 1 eq 1", "guid", 2),
        (Decimal("NaN"), "decimal", 4),
        (True, "int", 4),
        ("yes", "boolean", 4),
        ("25:00", "time", 4),
        ("P", "duration", 4),
        ("2026-01-31T10:00:00", "datetimeoffset", 4),
        ({"a": 1}, None, 4),
        (["a"], None, 2),
        ([], None, 4),
        ("2026-01-31", "date", 2),
        (MOMENT, "datetime", 4),
    ],
)
def test_what_is_not_of_its_type_is_refused(value: Any, type_: Any, version: Any) -> None:
    with pytest.raises(EntityError):
        literal(value, type_, version)


@given(st.text())
def test_no_text_leaves_its_quotes(text: str) -> None:
    for version in (2, 4):
        written = literal(text, None, version)
        assert re.fullmatch(r"'(?:[^']|'')*'", written)
        assert written[1:-1].replace("''", "'") == text


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.text(st.characters(exclude_categories=["Cs"])))
def test_a_key_is_one_step_of_the_path_whatever_it_holds(first: str, second: str) -> None:
    key = {"A": TypedExpression("order.a", "entity"), "B": TypedExpression("order.b", "entity")}
    path = BoundText(("/Orders", *key_predicate(key, 4, "key")), "entity", "path")
    rendered = path.render({"order": {"a": first, "b": second}})
    assert rendered.count("/") == 1
    assert not set(rendered) & set('?#"<> \\')
    quoted = [text.replace("'", "''") for text in (first, second)]
    assert unquote(rendered) == f"/Orders(A='{quoted[0]}',B='{quoted[1]}')"


def test_a_key_that_is_missing_is_an_error_of_its_property() -> None:
    path = BoundText(
        ("/Orders", *key_predicate({"ID": TypedExpression("order.id", "entity")}, 4, "key")), "entity", "path"
    )
    with pytest.raises(EntityError) as caught:
        path.render({"order": {}})
    assert caught.value.field == "key.ID"
    assert "order.id is null or missing" in caught.value.reason


def test_a_filter_takes_values_by_name_and_leaves_its_own_texts() -> None:
    values = {
        "name": TypedExpression("params.name"),
        "from": TypedExpression("window.start", "run", "datetimeoffset"),
    }
    text = "Name eq @name and Mail ne 'a@name' and At ge @from"
    found = bound_filter(text, values, 4, "run")
    assert found is not None
    shown = found.render({"params": {"name": "x' or 'a' eq 'a"}, "window": {"start": MOMENT}})
    assert shown == "Name eq 'x'' or ''a'' eq ''a' and Mail ne 'a@name' and At ge 2026-01-31T10:00:00Z"
    assert found.names == {"params", "window"}


@pytest.mark.parametrize(
    ("text", "names", "told"),
    [
        ("Name eq '{{ params.name }}'", [], "bound, not pasted"),
        ("Name eq @other", [], "@other is bound to no value"),
        ("Name eq 'x'", ["name"], "values.name stands nowhere"),
        ("Name eq 'x", [], "a quote that is not closed"),
        ("Name eq '@name'", ["name"], "values.name stands nowhere"),
        ("  ", [], "empty"),
    ],
)
def test_mistakes_in_a_filter(text: str, names: list[str], told: str) -> None:
    assert told in " ".join(filter_mistakes(text, dict.fromkeys(names)))


def test_a_moment_stays_one_for_a_literal() -> None:
    assert Expression("params.at", "run").compile_for_literals()({"params": {"at": MOMENT}}) == MOMENT
    assert Expression("window.start", "run").compile()({"window": {"start": MOMENT}}) == "2026-01-31T10:00:00Z"


HUGE = Decimal("1e999999999")
"""Written out, it would have a billion digits."""


@pytest.mark.parametrize("version", [2, 4])
@pytest.mark.parametrize("type_", [None, "decimal", "double", "int", "int64"])
@pytest.mark.parametrize("value", [HUGE, Decimal("-1e999999999"), Decimal("1e-999999999")])
def test_a_number_that_fills_memory_is_refused(value: Decimal, type_: Any, version: Any) -> None:
    with pytest.raises(EntityError, match="more than 1000 digits"):
        literal(value, type_, version)


@pytest.mark.parametrize("value", [["a"], ["a", "b"], [1], []])
def test_a_key_and_what_a_property_equals_are_one_value(value: list[Any]) -> None:
    typed = {"ID": TypedExpression("order.id", "entity")}
    for place, pieces in (("key", key_predicate(typed, 4, "key")), ("find", equalities(typed, 4, "find"))):
        with pytest.raises(EntityError, match="is a list, and one value belongs here") as caught:
            BoundText(pieces, "entity", "path").render({"order": {"id": value}})
        assert caught.value.field == f"{place}.ID"


def test_a_key_is_as_short_as_any_other_text_in_a_path() -> None:
    """A server may close the connection of a request whose line is too long, as if it were away."""
    path = BoundText(key_predicate({"ID": TypedExpression("order.id", "entity")}, 4, "key"), "entity", "path")
    assert len(path.render({"order": {"id": "x" * 7000}})) == 7004
    with pytest.raises(EntityError, match="more than 8000 characters"):
        path.render({"order": {"id": "x" * 9000}})

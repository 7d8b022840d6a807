"""Documents: what they ask for, what is wrong with them, costs and errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_integrations.expressions import Structure
from airflow_integrations.graphql.answers import is_throttled, told, user_errors
from airflow_integrations.graphql.cost import cost_wait
from airflow_integrations.graphql.document import DocumentError, parsed
from airflow_integrations.graphql.options import GraphQLRequest, document_mistakes

TWO = """
query One($first: Int!, $after: String) { orders(first: $first, after: $after) { ...page } }
query Two { all { id } }
fragment page on OrderConnection { nodes { id lines(first: 2) { nodes { sku } } } pageInfo { hasNextPage endCursor } }
"""


def test_an_operation_and_what_it_asks_for() -> None:
    document = parsed(TWO, "One")
    assert document.kind == "query"
    assert document.variables == {"first", "after"}
    assert document.needed == {"first"}
    assert set(document.at("orders") or ()) == {"nodes", "pageInfo"}
    assert document.at("orders.nope") is None
    assert list(document.cut_lists("orders")) == ["orders.nodes.lines"]


@pytest.mark.parametrize(
    ("text", "operation", "words"),
    [
        ("query {", None, "it is not GraphQL"),
        (TWO, None, "write operation"),
        (TWO, "Three", "One, Two"),
        ("fragment x on Y { z }", None, "one operation is sent"),
        ("{ a" * 5000, None, "no GraphQL|too deeply"),
        ("{ a }" + " " * 300_000, None, "at most"),
    ],
)
def test_documents_that_cannot_be_sent(text: str, operation: str | None, words: str) -> None:
    with pytest.raises(DocumentError, match=words):
        parsed(text, operation)


def test_fragments_in_a_circle_end() -> None:
    document = parsed("{ a { ...x } } fragment x on Y { ...x z }", None)
    assert set(document.at("a") or ()) == {"z"}
    nested = " ".join(f"fragment f{n} on Y {{ x {{ ...f{n + 1} }} y {{ ...f{n + 1} }} }}" for n in range(60))
    assert list(parsed(f"{{ a {{ ...f0 }} }} {nested}", None).cut_lists(None)) == []


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"first": 5, "nope": "params.x"}, "declares no variable $nope"),
        ({"after": "params.x"}, "needs $first"),
    ],
)
def test_variables_fit_the_operation(variables: dict[str, Any], words: str) -> None:
    request = GraphQLRequest(connection="shop", query=TWO, operation="One")
    found = list(document_mistakes(request, Structure(variables), kind="query"))
    assert words in str(found)
    assert list(document_mistakes(request, Structure({"first": 5, "after?": "params.a"}), kind="query")) == []
    assert "a mutation belongs here" in str(list(document_mistakes(request, None, kind="mutation")))


def test_values_are_no_part_of_the_query() -> None:
    with pytest.raises(ValueError, match="passed as variables"):
        GraphQLRequest(connection="shop", query='{ order(id: "{{ order.id }}") { id } }')


def cost(**fields: Any) -> bytes:
    throttle = {
        "maximumAvailable": 1000.0,
        "currentlyAvailable": 100,
        "restoreRate": 50.0,
        **fields.pop("throttle", {}),
    }
    return json.dumps(
        {"extensions": {"cost": {"requestedQueryCost": 500, "throttleStatus": throttle, **fields}}}
    ).encode()


@pytest.mark.parametrize(
    ("content", "seconds"),
    [
        (cost(), 8.0),
        (cost(requestedQueryCost=100), 0.0),
        (cost(requestedQueryCost=5000), 18.0),
        (cost(throttle={"restoreRate": 0}), 0.0),
        (cost(throttle={"restoreRate": 0.0001}), 3600.0),
        (cost(requestedQueryCost="x"), 0.0),
        (b'{"throttleStatus"', 0.0),
        (b"", 0.0),
    ],
)
def test_a_request_waits_until_it_can_be_paid(content: bytes, seconds: float) -> None:
    assert cost_wait(content) == seconds


def test_errors_are_told_with_their_places() -> None:
    errors = [
        {"message": "not found", "path": ["orderSet", "lines", 0], "extensions": {"code": "INVALID"}},
        {"field": ["input", "total"], "message": "is below 0", "code": "NEGATIVE"},
        "odd",
    ]
    assert told(errors) == "orderSet.lines.0: not found (INVALID); input.total: is below 0 (NEGATIVE); odd"
    assert told([{"message": "x"}] * 30).endswith("and 20 more")
    assert is_throttled([{"extensions": {"code": "THROTTLED"}}])
    assert not is_throttled([{"extensions": None}, "THROTTLED"])
    assert user_errors({"a": {"userErrors": [1]}, "b": None, "c": {"userErrors": None}}, ["a", "b", "c"]) == [1]

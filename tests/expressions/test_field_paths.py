"""What can be told from an expression's text is true for every document."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions import Expression
from airflow_integrations.expressions.language.field_paths import only_fields, plain_path


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("body", ("body",)),
        ("body.data.orders", ("body", "data", "orders")),
        ('body["@graph"].items', ("body", "@graph", "items")),
        ("body.orders or []", None),
        ("body.pages[0].orders", None),
        ("[body.order]", None),
        ("sorted(body.orders)", None),
    ],
)
def test_a_plain_path_is_nothing_but_names(text: str, path: tuple[str, ...] | None) -> None:
    assert plain_path(Expression(text, "answer")) == path


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("body.next", {("next",)}),
        ("body.page.number + 1 if body.more else None", {("page", "number"), ("more",)}),
        ("body.pages[0].next", {("pages",)}),
        ("headers.link", set()),
        ("len(body)", None),
        ("body", None),
        ("body[params.field]", None),
        ("[body.x for body in headers.list]", None),
        ("sum(line.qty for line in body.lines)", {("lines",)}),
    ],
)
def test_only_fields_says_what_is_touched_or_that_it_cannot_tell(
    text: str, fields: set[tuple[str, ...]] | None
) -> None:
    assert only_fields([Expression(text, "answer")], "body") == fields


documents = st.recursive(
    st.none() | st.integers(-3, 3) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)


def projected(document: Any, fields: frozenset[tuple[str, ...]]) -> Any:
    """The document with nothing but those fields: what a reader of only these needs."""
    if not isinstance(document, dict) or () in fields:
        return document
    below: dict[str, set[tuple[str, ...]]] = {}
    for path in fields:
        below.setdefault(path[0], set()).add(path[1:])
    return {name: projected(document[name], frozenset(rest)) for name, rest in below.items() if name in document}


@given(
    document=documents,
    text=st.sampled_from(
        [
            "body.a",
            "body.a.b",
            "body.a.b or body.c",
            "body.a == body.b",
            "coalesce(body.c.a, body.b)",
            "[x for x in body.a or []]",
        ]
    ),
)
def test_an_expression_gives_the_same_over_only_its_fields(document: Any, text: str) -> None:
    expression = Expression(text, "answer")
    fields = only_fields([expression], "body")
    assert fields is not None

    def outcome(body: Any) -> Any:
        try:
            return expression.compile()({"body": body})
        except EntityError as error:
            return error.reason

    assert outcome(projected(document, fields)) == outcome(document)

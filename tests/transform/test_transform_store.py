"""``store`` and ``lookup: {store: …}`` in a route, by its test file: what is kept and what is found."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from pydantic import ValidationError

from airflow_integrations.route.definition import Route
from airflow_integrations.testing.runner import run_route_tests

ROUTE: dict[str, Any] = {
    "route": "products",
    "entity": {"name": "product", "key": "product.sku"},
    "outgoing": {"none": {}},
    "trigger": {"webhook": {"path": "p", "verify": "none", "records": "body"}},
}


def checked(folder: Path, route: str, tests: str) -> Any:
    (folder / "products.yaml").write_text(dedent(route))
    (folder / "products.test.yaml").write_text(dedent(tests))
    return run_route_tests(folder)


PRODUCTS = """
    entity: {name: product, key: product.sku}
    mask: [owner]
    trigger: {assets: codes}
    incoming: {none: {}}
    transform:
    - lookup: {name: category, route: categories, key: product.category, missing: retry}
    - lookup: {name: known, store: codes, key: product.sku, missing: null}
    - store: {name: codes, key: product.sku, set: {erp: product.erp, owner: product.owner}, keep: 90d}
    - lookup: {name: again, store: codes, key: product.sku}
    - map: {sku: product.sku, parent: category.target_id, before: known.erp, now: again.erp}
    outgoing: {none: {}}
"""


def test_a_route_test_gives_a_ledger_and_says_what_is_stored(tmp_path: Path) -> None:
    report = checked(
        tmp_path,
        PRODUCTS,
        """
        given:
          ledger: {categories: {C-1: "77", C-2: {status: failed}}}
          store: {codes: {a: {erp: old}}}
        tests:
        - name: what is there is found
          given:
            entities:
            - {sku: a, category: C-1, erp: new, owner: jane@example.com}
            - {sku: b, category: C-2, erp: x}
          expect:
            entities: [{sku: a, parent: "77", before: old, now: new}]
            rejected: {b: "categories has not delivered the category C-2: it is failed there"}
            stored: {codes: {a: {erp: new, owner: jane@example.com}}}
        - name: a difference is told
          given: {entities: [{sku: a, category: C-1, erp: new}]}
          expect: {stored: {codes: {a: {erp: other, owner: null}, z: 1}}}
        """,
    )
    first, second = report.outcomes
    assert (report.mistakes, first.failures) == ([], ())
    assert second.failures == (
        'stored.codes.a.erp: expected "other", got "new"',
        "stored.codes: expected z, but it was not stored",
    )


def test_a_value_under_no_key_or_of_too_many_bytes_rejects_its_entity(tmp_path: Path) -> None:
    report = checked(
        tmp_path,
        """
        entity: {name: product, key: product.sku}
        schedule: {every: 1h}
        incoming: {none: {}}
        transform: [{store: {name: codes, key: "[product.shop, product.sku]", set: product.erp}}]
        outgoing: {none: {}}
        """,
        f"""
        tests:
        - name: bad ones
          given:
            entities: [{{sku: a, shop: s, erp: 1}}, {{sku: b, erp: 1}}, {{sku: c, shop: s, erp: {"x" * 17_000}}}]
          expect:
            entities: [{{sku: a, shop: s, erp: 1}}]
            rejected: {{b: is null or missing, c: "has 17002 bytes; a store takes at most 16384"}}
            stored: {{codes: {{"s|a": 1}}}}
        """,
    )
    assert [outcome.failures for outcome in report.outcomes] == [()]


@pytest.mark.parametrize("each", [None, "product.parts"])
def test_a_field_that_no_delivery_has_is_a_mistake(each: str | None) -> None:
    """It would be null, and the entity would go out without its customer."""
    lookup = {"name": "found", "route": "parts", "key": "item" if each else "product.part", "each": each}
    reads = "[part.id for part in found]" if each else "found.id"
    steps = [{"lookup": {name: value for name, value in lookup.items() if value}}, {"set": {"id": reads}}]
    with pytest.raises(ValidationError, match=r"what a route has delivered has no field 'id'\. It has: delivered_at"):
        Route.load({**ROUTE, "transform": steps})
    steps[1] = {"set": {"id": reads.replace(".id", ".target_id")}}
    assert Route.load({**ROUTE, "transform": steps})


def test_a_value_that_is_made_of_the_one_before_is_a_mistake() -> None:
    counter: list[dict[str, Any]] = [
        {"lookup": {"name": "count", "store": "counts", "key": "product.sku", "missing": None}},
        {"store": {"name": "counts", "key": "product.sku", "set": {"n": "(count.n or 0) + 1"}}},
    ]
    with pytest.raises(ValidationError, match="transform starts over after a kill, and would make another value of it"):
        Route.load({**ROUTE, "transform": counter})
    counter[1]["store"]["name"] = "other"
    assert Route.load({**ROUTE, "transform": counter})


@pytest.mark.parametrize(
    ("lookup", "message"),
    [
        (
            {"route": "a", "store": "b", "key": "product.sku"},
            "http, odata, graphql, sql, route, store, and exactly one",
        ),
        ({"route": "a"}, "key is missing: under which key does route have it"),
        ({"route": "a", "key": "product.sku", "where": {"a": "product.sku"}}, "with route write key"),
        ({"store": "a", "key": "item.sku"}, "item is an element of each, and the lookup has no each"),
        ({"store": "a", "key": "ids"}, "ids are the keys of a request for many"),
        ({"store": "a", "key": "product.sku", "missing": "fail"}, "fail would end each run for the event"),
        (
            {"http": {"connection": "c", "path": "/", "batch": {"size": 5}}, "where": {"a": "product.a"}, "key": "1"},
            "with http write where",
        ),
        (
            {"http": {"connection": "c", "path": "/", "batch": {"size": 5}}},
            "where has exactly one column then",
        ),
        (
            {
                "http": {"connection": "c", "path": "/", "query": {"a": "{{ product.a }}"}, "batch": {"size": 5}},
                "where": {"a": "product.a"},
            },
            "product is one entity's, and one request asks for the keys of many",
        ),
        (
            {
                "http": {"connection": "c", "path": "/", "create": {"path": "/"}, "batch": {"size": 5}},
                "where": {"a": "product.a"},
            },
            "may be on its next page; leave batch out",
        ),
        (
            {"http": {"connection": "c", "path": "/", "create": {"path": "/"}}, "missing": "reject"},
            "create says what happens to what is not found; leave missing out",
        ),
        ({"http": {"connection": "c", "path": "/", "body": "1", "form": {}}}, "a request has one body"),
        (
            {"http": {"connection": "c", "path": "/", "headers": {"Authorization": "x"}}},
            "credentials",
        ),
        (
            {"http": {"connection": "c", "path": "/", "format": "csv", "error_when": "body.error"}},
            "error_when sees its head",
        ),
    ],
)
def test_what_does_not_fit_together_is_said(lookup: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Route.load({**ROUTE, "transform": [{"lookup": {"name": "found", **lookup}}]})

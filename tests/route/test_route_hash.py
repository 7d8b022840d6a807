"""The hash of a route changes with what it does, and only then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from route_definitions import Write

from airflow_integrations.route.definition import Route
from airflow_integrations.route.hash import data_hash, route_hash
from airflow_integrations.route_files.load import read_route


def hash_of(root: Path) -> str:
    return route_hash(read_route(root, "orders").route)


def test_comments_and_layout_do_not_count(root: Path, write: Write, good: str) -> None:
    write({"orders.yaml": good})
    before = hash_of(root)
    write({"orders.yaml": "# a comment\n" + good.replace("tags: [orders]", "tags:\n  - orders")})
    assert hash_of(root) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("order.number", "order.id"),
        ("method: POST", "method: PUT"),
        ("batch: 100", "batch: 101"),
        ("path: /api/orders", "path: /api/order"),
        ("{const: EUR}", "{const: USD}"),
        ("{const: EUR}", "{const: 0.10}"),
        ("size", "size"),
    ],
)
def test_what_a_route_does_counts(root: Path, write: Write, good: str, old: str, new: str) -> None:
    write({"orders.yaml": good})
    before = hash_of(root)
    write({"orders.yaml": good.replace(old, new)})
    assert (hash_of(root) == before) is (old == new)


COSMETIC: list[dict[str, Any]] = [
    {"description": "All orders"},
    {"owner": "jane"},
    {"tags": ["a"]},
    {"priority": "high"},
    {"paused": True},
    {"mask": ["entity.email"]},
    {"schedule": {"every": "5m"}},
    {"retention": {"payloads": "3d"}},
    {"tasks": {"retries": 7}},
    {"max_active_runs": 2},
    {"delivery": {"fail_run": "never"}},
    {"delivery": {"concurrency": 2, "retry": {"attempts": 2}}},
]
COSMETIC.append({"dag": {"dagrun_timeout": "2h"}})
WORKING: list[dict[str, Any]] = [
    {"delivery": {"batch": 7}},
    {"delivery": {"resend": "always"}},
    {"params": {"since": {"type": "string", "default": "a"}}},
    {"transform": [{"filter": "entity.id"}]},
    {"missing": "emit"},
    {"entity": {"key": "entity.number"}},
    {"outgoing": {"http": {"connection": "erp", "method": "PUT", "path": "/"}}},
    {"window": {"overlap": "5m"}},
    {"contract": {"on_new_field": "fail"}},
]
PLAIN = {
    "route": "orders",
    "entity": {"key": "entity.id"},
    "incoming": {"http": {"connection": "shop", "path": "/"}},
    "outgoing": {"none": {}},
}


@pytest.mark.parametrize("edit", COSMETIC, ids=str)
def test_what_a_run_under_way_may_go_on_with(edit: dict[str, Any]) -> None:
    assert data_hash(Route.load(PLAIN | edit)) == data_hash(Route.load(PLAIN))
    assert route_hash(Route.load(PLAIN | edit)) != route_hash(Route.load(PLAIN))


@pytest.mark.parametrize("edit", WORKING, ids=str)
def test_what_changes_data_under_a_run(edit: dict[str, Any]) -> None:
    assert data_hash(Route.load(PLAIN | edit)) != data_hash(Route.load(PLAIN))


def test_every_option_of_a_route_is_decided_on() -> None:
    """A new one must be put on one side or the other."""
    decided = {name for edit in (*COSMETIC, *WORKING) for name in edit} | {"route", "incoming", "trigger", "alerts"}
    assert decided == set(Route.model_fields)


@pytest.mark.parametrize("file", ["lookups/tax.csv", "schemas/order.json"])
def test_the_content_of_named_files_counts(root: Path, write: Write, good: str, file: str) -> None:
    write({"orders.yaml": good})
    before = hash_of(root)
    write({file: (root / file).read_text() + "\n"})
    assert hash_of(root) != before


def test_a_number_is_not_its_text(root: Path, write: Write, good: str) -> None:
    write({"orders.yaml": good.replace("{const: EUR}", "{const: 0.10}")})
    before = hash_of(root)
    write({"orders.yaml": good.replace("{const: EUR}", '{const: "0.10"}')})
    assert hash_of(root) != before


def test_a_schema_that_a_schema_names_counts(root: Path, write: Write, good: str) -> None:
    parts = {"schemas/a.json": '{"$ref": "deep/b.json#/$defs/x"}', "schemas/deep/b.json": '{"$defs": {"x": {}}}'}
    write({"orders.yaml": good, "schemas/order.json": '{"properties": {"n": {"$ref": "a.json"}}}', **parts})
    found = {hash_of(root)}
    write({"schemas/deep/b.json": '{"$defs": {"x": {"type": "string"}}}'})
    found.add(hash_of(root))
    write({"schemas/a.json": '{"type": "string"}'})
    found.add(hash_of(root))
    write({"schemas/deep/b.json": "{}"})  # nothing names it any more
    found.add(hash_of(root))
    assert len(found) == 3


def test_shared_parts_count_by_what_they_say(root: Path, write: Write) -> None:
    head = "entity: {key: entity.id}\noutgoing: {none: {}}\n"
    incoming = "http: {connection: shop, path: /}\n"
    write({"orders.yaml": head + f"incoming: {{{incoming.strip()}}}\n"})
    before = hash_of(root)
    write({"orders.yaml": head + "incoming: {use: _shop.yaml}\n", "_shop.yaml": incoming})
    assert hash_of(root) == before
    write({"_shop.yaml": incoming.replace("shop", "shop2")})
    assert hash_of(root) != before


def test_a_route_made_in_python_has_the_same_hash(root: Path, write: Write) -> None:
    definition = {
        "route": "orders",
        "entity": {"key": "entity.id"},
        "incoming": {"http": {"connection": "shop", "path": "/"}},
        "outgoing": {"none": {}},
    }
    stages = "incoming: {http: {connection: shop, path: /}}\noutgoing: {none: {}}\n"
    write({"orders.yaml": "entity: {key: entity.id}\n" + stages})
    assert route_hash(Route.load(definition)) == hash_of(root)

"""The hash of a route changes with what it does, and only then."""

from __future__ import annotations

from pathlib import Path

import pytest
from route_definitions import Write

from airflow_integrations.route import Route
from airflow_integrations.route_file import read_route
from airflow_integrations.route_hash import route_hash


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
        ("size", "size"),
    ],
)
def test_what_a_route_does_counts(root: Path, write: Write, good: str, old: str, new: str) -> None:
    write({"orders.yaml": good})
    before = hash_of(root)
    write({"orders.yaml": good.replace(old, new)})
    assert (hash_of(root) == before) is (old == new)


@pytest.mark.parametrize("file", ["lookups/tax.csv", "schemas/order.json"])
def test_the_content_of_named_files_counts(root: Path, write: Write, good: str, file: str) -> None:
    write({"orders.yaml": good})
    before = hash_of(root)
    write({file: (root / file).read_text() + "\n"})
    assert hash_of(root) != before


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

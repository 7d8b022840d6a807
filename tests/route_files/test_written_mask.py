"""A mask is read of a route file without its models, and is the one that the route itself has."""

from __future__ import annotations

from pathlib import Path

import pytest
from route_definitions import Write

from airflow_integrations.masking.mask import Mask
from airflow_integrations.route.definition_text import mask_of_plain
from airflow_integrations.route_files.load import read_routes
from airflow_integrations.route_files.written_mask import written_mask

REST = "incoming: {http: {connection: shop, path: /orders}}\noutgoing: {none: {}}\n"
ENTITY = "entity: {name: order, key: order.number}\n"
FILES = {
    "its own": {"orders.yaml": f"mask: [order.customer.email, lines.*.note]\n{ENTITY}{REST}"},
    "named in the file": {"a.yaml": f"route: orders\nmask: [iban]\n{ENTITY}{REST}", "b.yaml": ENTITY + REST},
    "of the file called so": {
        "a.yaml": f"route: orders\nmask: [a]\n{ENTITY}{REST}",
        "orders.yaml": f"mask: [b]\n{ENTITY}{REST}",
    },
    "of the folder": {"_defaults.yaml": "mask: [iban]\n", "shop/orders.yaml": ENTITY + REST},
    "over the folder's": {"_defaults.yaml": "mask: [iban]\n", "orders.yaml": f"mask: [name]\n{ENTITY}{REST}"},
    "taken away": {"_defaults.yaml": "mask: [iban]\n", "orders.yaml": f"mask: []\n{ENTITY}{REST}"},
    "a shared entity": {
        "orders.yaml": f"mask: [order.iban]\nentity: {{use: _order.yaml}}\n{REST}",
        "_order.yaml": "{name: order, key: order.number}\n",
    },
    "an entity without a name": {"orders.yaml": f"mask: [entity.iban]\nentity: {{key: entity.number}}\n{REST}"},
}


@pytest.mark.parametrize("files", FILES.values(), ids=FILES)
def test_it_is_the_mask_of_the_route(root: Path, write: Write, files: dict[str, str]) -> None:
    write(files)
    route = read_routes(root).routes["orders"].route
    found = written_mask(root, "orders")
    assert found is not None
    assert mask_of_plain([found]).paths == Mask(route.mask, entity=route.entity.name).paths


def test_a_file_with_mistakes_elsewhere_hides_what_it_says(root: Path, write: Write) -> None:
    write({"orders.yaml": "mask: [iban, 7]\nincoming: {htp: {}}\n"})
    assert read_routes(root).routes == {}
    assert written_mask(root, "orders") == {"entity": {}, "mask": ["iban"]}
    older = {"entity": {"name": "order"}, "mask": ["order.name"]}
    assert mask_of_plain([written_mask(root, "orders") or {}, older]).names == {"iban", "order.name", "name"}


@pytest.mark.parametrize("text", ["mask: [iban", "[iban]", "", "mask: iban\n"], ids=["cut", "list", "empty", "text"])
def test_what_cannot_be_understood_hides_nothing(root: Path, write: Write, text: str) -> None:
    write({"orders.yaml": text})
    assert (written_mask(root, "orders") or {}).get("mask", []) == []


def test_a_route_that_is_not_here(root: Path, write: Write) -> None:
    write({"orders.yaml": ENTITY + REST})
    assert written_mask(root, "customers") is None

"""Presets: each pair of systems gives a route that is valid and passes its test; each fact has its source."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_integrations.presets import NAMES
from airflow_integrations.route_files.load import read_routes
from airflow_integrations.route_files.presets import preset


def pairs() -> Iterator[tuple[str, str, str]]:
    found = {name: preset(name).plain()["entities"] for name in NAMES}
    for source, entities in found.items():
        for entity, parts in entities.items():
            if "incoming" not in parts:
                continue
            for target in ("http", "none", *NAMES):
                if target in ("http", "none") or "outgoing" in found[target].get(entity, {}):
                    yield source, target, entity


@pytest.mark.parametrize(("source", "target", "entity"), list(pairs()))
def test_a_route_between_two_systems_is_valid_and_passes_its_test(call, source, target, entity):
    assert call("new", "between", "--from", source, "--to", target, "--entity", entity)[0] == 0
    assert call("validate") == (0, "1 file in routes: no mistakes\n", "")
    code, out, _ = call("test")
    assert (code, out.splitlines()[-1]) == (0, "1 passed")


@pytest.mark.parametrize("name", NAMES)
def test_every_fact_has_a_public_source_and_a_date(name):
    found = preset(name).plain()
    assert found["facts"]
    for fact in found["facts"]:
        assert fact["source"].startswith("https://")
        assert re.fullmatch(r"20\d\d-\d\d", fact["read"])
        assert fact["fact"].endswith(".")


def test_what_is_written_beside_a_preset_wins(routes: Path, call):
    (routes / "orders.yaml").unlink()
    (routes / "mine.yaml").write_text(
        "route: mine\n"
        "entity: {use: preset:business_central/order, name: sale, "
        "key: sale.number, version: sale.lastModifiedDateTime}\n"
        "incoming: {use: preset:business_central/order, odata: {connection: bc, select: [number]}}\n"
        "outgoing: {none: {}}\n"
    )
    options = read_routes(routes).routes["mine"].route.incoming.config
    assert (options.connection, options.entity_set, options.select) == ("bc", "salesOrders", ["number"])


@pytest.mark.parametrize(
    ("use", "told"),
    [
        ("preset:shopfy", "did you mean 'shopify'"),
        ("preset:shopify/ordr", "did you mean 'order'"),
        ("preset:../../etc/passwd", "there is no preset '..'"),
        ("preset:", "there is no preset ''"),
    ],
)
def test_a_preset_that_there_is_not(call, routes: Path, use, told):
    (routes / "orders.yaml").write_text(
        f"route: orders\nentity: {{key: entity.id}}\nincoming:\n  use: '{use}'\n  http: {{connection: x, path: /}}\n"
        "outgoing: {none: {}}\n"
    )
    code, out, _ = call("validate")
    assert code == 1
    assert "routes/orders.yaml:4:8  incoming.use:" in out
    assert told in out


def test_a_part_that_a_preset_does_not_have(call, routes: Path):
    (routes / "orders.yaml").write_text(
        "route: orders\nentity: {key: entity.id}\nincoming: {http: {connection: x, path: /}}\n"
        "outgoing: {use: preset:shopify, none: {}}\n"
    )
    assert "the preset shopify says nothing of outgoing" in call("validate")[1]


def test_the_command_shows_them(call):
    code, out, _ = call("presets", "--format", "json")
    assert code == 0
    assert [row["preset"] for row in json.loads(out)] == list(NAMES)
    code, out, _ = call("presets", "shopify")
    assert code == 0
    assert "use: preset:shopify/order" in out
    assert "https://shopify.dev" in out
    assert call("presets", "nobody")[0] == 2


def test_entities_that_a_preset_cannot_move_are_told(call):
    code, _, err = call("new", "x", "--from", "shopify", "--to", "sap_s4hana", "--entity", "invoice")
    assert code == 2
    assert "it has: order, customer" in err
    assert call("new", "x", "--to", "sap_s4hana")[0] == 2

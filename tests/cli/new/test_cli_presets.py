"""Presets: each pair of systems gives a route that is valid and passes its test; each fact has its source."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_integrations.presets import NAMES, QUESTIONS
from airflow_integrations.route.webhooks.presets import PRESETS
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


def with_parents() -> set[tuple[str, str]]:
    found = {name: preset(name).plain()["entities"] for name in NAMES}
    return {
        (source, target)
        for source, target, entity in pairs()
        if entity == "order" and target in NAMES and "incoming" in found[source].get("customer", {})
    }


@pytest.mark.parametrize(("source", "target", "entity"), list(pairs()))
def test_what_is_written_between_two_systems_is_valid_and_passes_its_tests(call, source, target, entity):
    code, out, err = call("new", "between", "--from", source, "--to", target, "--entity", entity)
    assert (code, err) == (0, "")
    wrote = [Path(line.removeprefix("wrote ")).name for line in out.splitlines() if line.startswith("wrote ")]
    names = (
        ["between_customers", "between"] if entity == "order" and (source, target) in with_parents() else ["between"]
    )
    assert wrote[:-1] == [f"{name}{ending}" for name in names for ending in (".yaml", ".test.yaml")]
    files = "1 file" if len(names) == 1 else "2 files"
    assert call("validate") == (0, f"{files} in routes: no mistakes\n", "")
    code, out, _ = call("test")
    assert (code, out.splitlines()[-1]) == (0, "1 passed" if len(names) == 1 else "3 passed")


def test_every_target_of_orders_gets_the_customers_of_all_but_one_source_first():
    """SAP's own customers are not read by its preset."""
    sources, targets = {"shopify", "woocommerce", "magento", "business_central"}, {"sap_s4hana", "business_central"}
    assert with_parents() == {(source, target) for source in sources for target in targets}


def test_an_order_comes_with_the_route_of_its_customers(call, routes: Path):
    code, out, _ = call("new", "shop_orders_to_erp", "--from", "shopify", "--to", "sap_s4hana", "--entity", "order")
    assert code == 0
    assert "wrote routes/shop_customers_to_erp.yaml\n" in out
    assert "airflow-integrations test shop_customers_to_erp shop_orders_to_erp\n" in out
    assert "airflow-integrations run shop_customers_to_erp --window-start" in out
    loaded = read_routes(routes).routes
    lookup = loaded["shop_orders_to_erp"].route.transform[0].config
    assert (lookup.route, lookup.key.text, lookup.missing) == ("shop_customers_to_erp", "order.customer.id", "retry")
    assert loaded["shop_customers_to_erp"].route.entity.name == "customer"


def test_an_order_alone(call, routes: Path):
    args = ("new", "sales", "--from", "shopify", "--to", "sap_s4hana")
    (routes / "sales_customers.yaml").write_text("")
    code, _, err = call(*args)
    assert code == 2
    assert "sales_customers.yaml is there already; nothing was written (--alone writes sales without it)" in err
    assert not (routes / "sales.yaml").exists()
    (routes / "sales_customers.yaml").unlink()
    assert call(*args, "--alone")[0] == 0
    assert not (routes / "sales_customers.yaml").exists()
    assert call("new", "mine", "--alone")[0] == 2


@pytest.mark.parametrize("name", NAMES)
def test_every_fact_has_a_public_source_and_a_date(name):
    found = preset(name).plain()
    assert found["facts"]
    for fact in found["facts"]:
        assert fact["source"].startswith("https://")
        assert re.fullmatch(r"20\d\d-\d\d", fact["read"])
        assert fact["fact"].endswith(".")
        assert set(fact.get("about", [])) <= QUESTIONS.keys()
        assert set(fact) <= {"fact", "about", "none", "source", "read"}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("name", NAMES)
def test_every_question_about_a_system_is_answered(name, question):
    """By a fact, or by one that says that the vendor has none; not by both."""
    answers = [fact.get("none", False) for fact in preset(name).plain()["facts"] if question in fact.get("about", [])]
    assert answers
    assert set(answers) in ({True}, {False}) or question == "changes"  # a time, perhaps, and no filter by it


@pytest.mark.parametrize("name", NAMES)
def test_a_webhook_s_preset_has_its_fact(name):
    found = preset(name).plain()
    facts = [fact for fact in found["facts"] if "webhooks" in fact.get("about", [])]
    if "webhook" in found:
        assert not any(fact.get("none") for fact in facts)
        assert found["webhook"]["preset"] in PRESETS


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

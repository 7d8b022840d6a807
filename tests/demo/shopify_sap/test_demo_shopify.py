"""The demo's Shopify behaves as Shopify's pages say; the facts and their sources are in its modules."""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from airflow_integrations.demo.shopify_sap.shopify_store import LOCATION, Store
from airflow_integrations.demo.shopify_sap.webhook_sender import WebhookSender, rest_order
from airflow_integrations.formats.json import decode
from airflow_integrations.route_files.presets import preset

PATH = "/admin/api/2026-01/graphql.json"
PRESET = preset("shopify").plain()["entities"]


async def ask(shop: Any, query: str, path: str = PATH, **more: Any) -> Any:
    answer = await shop.post(path, json={"query": query, **more})
    assert answer.status == 200
    return decode(await answer.read())


async def test_without_its_token_nobody_comes_in(shop) -> None:
    answer = await shop.post(PATH, json={}, headers={"X-Shopify-Access-Token": "other"})
    assert answer.status == 401


@pytest.mark.parametrize(
    ("version", "status", "used"),
    [("2026-04", 200, "2026-04"), ("2024-01", 200, "2026-01"), ("2026-02", 404, None), ("2099-01", 404, None)],
)
async def test_the_version_is_in_the_path_and_an_old_one_falls_forward(shop, version, status, used) -> None:
    answer = await shop.post(
        f"/admin/api/{version}/graphql.json", json={"query": "{ orders(first: 1) { nodes { id } } }"}
    )
    assert answer.status == status
    assert answer.headers.get("X-Shopify-API-Version") == used


@pytest.mark.parametrize("entity", ["order", "customer"])
async def test_the_preset_s_list_can_be_paid_and_is_read_page_by_page(shop, store: Store, entity: str) -> None:
    for _ in range(30):
        store.pay()
    options = PRESET[entity]["incoming"]["graphql"]
    seen: list[str] = []
    after = None
    while True:
        variables = {"after": after, "filter": "updated_at:>='2026-01-01T00:00:00Z' updated_at:<'2099-01-01T00:00:00Z'"}
        said = await ask(shop, options["query"], operationName=options["operation"], variables=variables)
        cost = said["extensions"]["cost"]
        assert cost["actualQueryCost"] <= cost["requestedQueryCost"] <= 1000
        found = said["data"][options["records"]]
        seen += [node["id"] for node in found["nodes"]]
        if not found["pageInfo"]["hasNextPage"]:
            break
        after = found["pageInfo"]["endCursor"]
    expected = store.orders if entity == "order" else store.customers
    assert len(seen) == len(set(seen))
    assert set(seen) == expected.keys()


async def test_the_preset_s_query_for_one_has_all_lines(shop, store: Store) -> None:
    orders = [store.pay()[0] for _ in range(30)]
    longest = max(orders, key=lambda order: len(order["lines"]))
    assert len(longest["lines"]) > 10
    options = PRESET["order"]["incoming"]["graphql"]
    said = await ask(shop, options["query"], operationName="Order", variables={"id": longest["id"]})
    assert len(said["data"]["order"]["lineItems"]["nodes"]) == len(longest["lines"])
    assert said["extensions"]["cost"]["requestedQueryCost"] <= 1000


async def test_a_query_that_costs_too_much_is_never_carried_out(shop) -> None:
    said = await ask(shop, "{ orders(first: 250) { nodes { lineItems(first: 100) { nodes { id } } } } }")
    assert said["errors"][0]["extensions"]["code"] == "MAX_COST_EXCEEDED"


async def test_a_query_that_cannot_be_paid_is_throttled_with_200_until_points_have_come_back(shop, clock) -> None:
    await shop.post("/demo/throttle", json={"queries": 1})
    query = "{ customers(first: 100) { nodes { id } } }"
    said = await ask(shop, query)
    assert said["errors"][0]["extensions"]["code"] == "THROTTLED"
    throttle = said["extensions"]["cost"]["throttleStatus"]
    assert (throttle["currentlyAvailable"], throttle["restoreRate"]) == (0, 100)
    clock.at += said["extensions"]["cost"]["requestedQueryCost"] / 100
    assert "errors" not in await ask(shop, query)


async def test_a_quantity_is_set_and_a_wrong_one_is_a_user_error(shop, store: Store) -> None:
    mutation = """mutation ($input: InventorySetQuantitiesInput!) {
      inventorySetQuantities(input: $input) { inventoryAdjustmentGroup { reason } userErrors { field message code } }
    }"""
    sku, item = next(iter(store.items.items()))

    async def setting(identity: str) -> Any:
        each = {"inventoryItemId": identity, "locationId": LOCATION, "quantity": 7}
        given = {"name": "available", "reason": "correction", "quantities": [each]}
        return (await ask(shop, mutation, variables={"input": given}))["data"]["inventorySetQuantities"]

    assert (await setting(item))["userErrors"] == []
    assert store.available == {sku: 7}
    refused = await setting("gid://shopify/InventoryItem/1")
    assert refused["inventoryAdjustmentGroup"] is None
    assert refused["userErrors"][0]["field"] == ["input", "quantities", "0", "inventoryItemId"]


async def test_webhooks_are_signed_and_come_again_until_they_are_taken(store: Store) -> None:
    taken: list[tuple[dict[str, str], bytes]] = []

    async def hook(request: web.Request) -> web.Response:
        taken.append((dict(request.headers), await request.read()))
        return web.Response(status=500 if len(taken) == 1 else 200)

    app = web.Application()
    app.router.add_post("/hook", hook)
    async with TestServer(app) as server:
        sender = WebhookSender(str(server.make_url("/hook")), "hush", version="2026-01")
        order, _ = store.pay()
        sender.send([("orders/paid", rest_order(order))], datetime.now(UTC))
        await sender.finish()
        await sender.close()
    (first, body), (second, same) = taken
    assert body == same
    assert first["X-Shopify-Webhook-Id"] == second["X-Shopify-Webhook-Id"]
    digest = base64.b64encode(hmac.new(b"hush", body, "sha256").digest()).decode()
    assert first["X-Shopify-Hmac-Sha256"] == digest
    assert decode(body)["admin_graphql_api_id"] == order["id"]

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from airflow_integrations.demo.server import Strain
from airflow_integrations.demo.shop import shop
from airflow_integrations.demo.shop_data import EU, ShopData
from airflow_integrations.formats.json import decode

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def walk(client, **query):
    """All orders of a window, page by page."""
    found, pages = [], 0
    while True:
        answer = await client.get("/api/orders", params=query)
        assert answer.status == 200, await answer.text()
        page = decode(await answer.read())
        found += page["orders"]
        pages += 1
        if page["next_cursor"] is None:
            return found, pages
        query = {**query, "cursor": page["next_cursor"]}


def test_an_item_that_was_not_counted_again_is_the_same_as_a_minute_ago():
    data = ShopData(seed=3, start=START, history=5)
    changed = []
    for minute in range(10):
        before, now = (data.stock(START + timedelta(minutes=minute + more)) for more in (0, 1))
        changed.append(sum(one != other for one, other in zip(before, now, strict=True)))
    assert all(0 < count <= len(data.skus) // 10 + 1 for count in changed)
    assert sum(changed) == len(data.skus)
    assert all(item["counted_at"] <= "2026-03-01T12:00:00Z" for item in data.stock(START))


def test_the_same_seed_and_start_tell_the_same_story():
    one, other = (ShopData(seed=3, start=START, history=50) for _ in range(2))
    now = START + timedelta(minutes=1)
    assert [order.document(now) for order in one.orders(now)] == [order.document(now) for order in other.orders(now)]
    assert ShopData(seed=4, start=START, history=50).orders(now)[0] != one.orders(now)[0]


def test_the_data_shows_what_a_route_has_to_cope_with(data):
    documents = [order.document(START) for order in data.orders(START)]
    prices = [line["price"] for document in documents for line in document["lines"]]
    assert {type(price) for price in prices} == {str, Decimal}
    assert {document["status"] for document in documents} == {"paid", "pending", "cancelled", "refunded"}
    inside = [document["customer"]["address"]["country"] in EU for document in documents]
    assert any(inside)
    assert not all(inside)
    assert all(document["customer"]["id"] > 2**53 for document in documents)
    for document in documents:
        total = sum(line["qty"] * Decimal(line["price"]) for line in document["lines"])
        assert total == Decimal(document["total"])


def test_orders_keep_arriving_and_pending_ones_get_paid(data):
    before, after = data.orders(START), data.orders(START + timedelta(minutes=10))
    assert len(after) - len(before) == 200
    paid_later = [order for order in after if order.settled and order.status_at(order.created) == "pending"]
    assert paid_later
    order = paid_later[0]
    assert order.status_at(order.settled) == "paid"
    assert order.updated(order.settled) == order.settled > order.created


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(0, 3 * 24 * 3600), max_size=6))
def test_windows_that_join_hold_each_order_once(cuts):
    data = ShopData(seed=1, start=START, history=100)
    moments = [
        START - timedelta(days=4),
        *(START - timedelta(seconds=cut) for cut in sorted(cuts, reverse=True)),
        START,
    ]
    seen = [
        order.number
        for since, until in pairwise(moments)
        for order in data.orders(START)
        if since <= order.updated(START) < until
    ]
    assert len(seen) == len(set(seen))


async def test_cursor_paging_gives_every_order_once_in_the_order_of_change(shop_client, data, clock):
    found, pages = await walk(shop_client)
    assert pages == 5
    assert sorted(order["number"] for order in found) == sorted(order.number for order in data.orders(clock()))
    assert [order["updated_at"] for order in found] == sorted(order["updated_at"] for order in found)


async def test_the_window_is_half_open(shop_client, data, clock):
    moment = data.orders(clock())[100].updated(clock())
    border = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    before, _ = await walk(shop_client, updated_to=border)
    after, _ = await walk(shop_client, updated_from=border)
    assert len(before) + len(after) == 240
    assert all(order["updated_at"] < border for order in before)
    assert after[0]["updated_at"] == border


async def test_a_new_order_between_two_pages_is_not_lost(shop_client, clock):
    first = decode(await (await shop_client.get("/api/orders")).read())
    clock.pass_by(seconds=30)
    rest, _ = await walk(shop_client, cursor=first["next_cursor"])
    numbers = {order["number"] for order in first["orders"]} | {order["number"] for order in rest}
    assert len(numbers) == 250


async def test_stock_is_paged_by_offset_and_customers_by_link(shop_client, data):
    items: list[Any] = []
    total = None
    while total is None or len(items) < total:
        page = decode(await (await shop_client.get("/api/stock", params={"offset": len(items), "limit": 30})).read())
        total, items = page["total"], items + page["items"]
    assert [item["sku"] for item in items] == data.skus
    assert len(set(data.skus)) == len(data.skus)

    customers, url, pages = [], "/api/customers", 0
    while url:
        answer = await shop_client.session.get(shop_client.make_url("/").join(URL(url)))
        customers += decode(await answer.read())
        url, pages = answer.links.get("next", {}).get("url", ""), pages + 1
    assert (len(customers), pages) == (120, 3)


@pytest.mark.parametrize("headers", [{}, {"X-Api-Key": "other"}, {"Authorization": "Bearer other"}, {"X-Api-Key": ""}])
async def test_without_the_key_nothing_is_told(served, data, clock, headers):
    client = await served(shop(data, key="key", now=clock))
    for path in ("/", "/api/orders", "/api/stock", "/api/customers", "/api/truth"):
        assert (await client.get(path, headers=headers)).status == 401


async def test_a_bearer_token_opens_too(served, data, clock):
    client = await served(shop(data, key="key", now=clock))
    for path in ("/", "/api/truth"):
        assert (await client.get(path, headers={"Authorization": "Bearer key"})).status == 200


async def test_above_the_rate_it_asks_to_wait(served, data, clock):
    client = await served(shop(data, key="key", strain=Strain(requests_per_second=3), now=clock))
    client.session.headers["X-Api-Key"] = "key"
    answers = [await client.get("/api/stock?limit=1") for _ in range(5)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[3].headers["Retry-After"] == "1"
    assert answers[0].headers["RateLimit"].startswith('"second";r=2')
    clock.pass_by(seconds=1)
    assert (await client.get("/api/stock?limit=1")).status == 200


async def test_faults_are_there_when_asked_for(served, data):
    client = await served(shop(data, key="key", strain=Strain(fault_rate=1)))
    assert (await client.get("/api/stock", headers={"X-Api-Key": "key"})).status == 503
    assert (await client.get("/health")).status == 200


async def test_answers_are_compressed_for_whoever_takes_it(shop_client):
    packed = await shop_client.get("/api/orders", headers={"Accept-Encoding": "gzip"})
    plain = await shop_client.get("/api/orders", headers={"Accept-Encoding": "identity"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert await packed.read() == await plain.read()


@pytest.mark.parametrize(
    "query",
    [
        {"updated_from": "yesterday"},
        {"updated_to": "2026-03-01T00:00:00"},
        {"cursor": "ÿ"},
        {"cursor": "bm90aGluZw"},
        {"limit": "-1"},
        {"limit": "9" * 400},
    ],
)
async def test_bad_questions_are_refused_with_a_reason(shop_client, query):
    answer = await shop_client.get("/api/orders", params=query)
    assert answer.status == 400
    assert next(iter(query)) in await answer.text()

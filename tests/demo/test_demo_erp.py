from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from airflow_integrations.demo.server import Strain
from airflow_integrations.formats.json import decode


def sales_order(number: str = "SO-1", **changes) -> dict[str, Any]:
    lines = [
        {"ItemCode": "MUG-WH-S", "Quantity": 2, "UnitPrice": 7.25},
        {"ItemCode": "KET-BL-L", "Quantity": 1, "UnitPrice": 30},
    ]
    document = {
        "DocumentNumber": number,
        "CustomerCode": "WEB-1",
        "DocDate": "2026-03-01",
        "Currency": "EUR",
        "TaxCode": "ES21",
        "Lines": lines,
        "Total": 44.5,
    }
    return {**document, **changes}


async def test_it_counts_what_it_gets_and_never_de_duplicates(erp_client, books):
    client = await erp_client()
    for _ in range(2):
        answer = await client.post("/sales-orders", json=sales_order())
        assert answer.status == 201
    assert books.orders["SO-1"].receipts == 2
    assert decode(await (await client.get("/sales-orders/count")).read())["receipts"] == 2


async def test_a_repeated_idempotency_key_books_once_where_that_is_switched_on(erp_client, books):
    client = await erp_client(honour_idempotency_keys=True)
    answers = [
        await client.post("/sales-orders", json=sales_order(), headers={"Idempotency-Key": "k"}) for _ in range(2)
    ]
    assert [answer.status for answer in answers] == [201, 201]
    assert await answers[0].read() == await answers[1].read()
    assert books.orders["SO-1"].receipts == 1


async def test_an_array_gets_a_result_for_each_in_its_order(erp_client, books):
    client = await erp_client()
    answer = await client.post(
        "/sales-orders", json=[sales_order("A"), sales_order("B", Total=44.49), sales_order("C")]
    )
    results = decode(await answer.read())["results"]
    assert [(each["number"], each["status"]) for each in results] == [
        ("A", "booked"),
        ("B", "refused"),
        ("C", "booked"),
    ]
    assert "44.50" in results[1]["reason"] or "44.5" in results[1]["reason"]
    assert sorted(books.orders) == ["A", "C"]


@pytest.mark.parametrize("size", [0, 101])
async def test_no_more_than_a_hundred_at_once(erp_client, books, size):
    client = await erp_client()
    assert (await client.post("/sales-orders", json=[sales_order(str(n)) for n in range(size)])).status == 413
    assert not books.orders


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"DocumentNumber": ""}, "DocumentNumber"),
        ({"Currency": None}, "Currency"),
        ({"Lines": []}, "at least one line"),
        ({"Lines": [{"ItemCode": "X", "Quantity": 0, "UnitPrice": 1}]}, "Quantity"),
        ({"Lines": [{"ItemCode": "X", "Quantity": 1, "UnitPrice": "1"}]}, "UnitPrice"),
        ({"Total": "44.5"}, "Total"),
        ({"Total": 44.51}, "not the sum"),
        ({"Surprise": 1}, "Surprise"),
    ],
)
async def test_a_bad_sales_order_is_refused_with_its_reason(erp_client, books, changes, fault):
    client = await erp_client()
    answer = await client.post("/sales-orders", json=sales_order(**changes))
    assert answer.status == 422
    assert fault in await answer.text()
    assert not books.orders


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b'"text"', b"[" * 100_000, b'{"DocumentNumber": NaN}'])
async def test_whatever_is_sent_is_answered(erp_client, books, body):
    client = await erp_client()
    answer = await client.post("/sales-orders", data=body, headers={"Content-Type": "application/json"})
    assert answer.status in (400, 422)
    assert not books.orders


async def test_numbers_stay_exact(erp_client, books):
    client = await erp_client()
    body = (
        b'{"DocumentNumber": "N", "CustomerCode": "C", "DocDate": "D", "Currency": "EUR", "TaxCode": "T", "Lines": '
        b'[{"ItemCode": "I", "Quantity": 3, "UnitPrice": 0.1000000000000000001}], "Total": 0.3000000000000000003}'
    )
    assert (await client.post("/sales-orders", data=body, headers={"Content-Type": "application/json"})).status == 201
    listed = decode(await (await client.get("/sales-orders")).read())["orders"]
    assert listed[0]["total"] == "0.3000000000000000003"


async def test_a_token_opens_it_until_it_is_too_old(erp_client):
    now = 0.0
    client = await erp_client(now=lambda: now)
    form = {"grant_type": "client_credentials", "client_id": "erp", "client_secret": "secret"}
    granted = decode(await (await client.post("/token", data=form)).read())
    bearer = {"Authorization": f"Bearer {granted['access_token']}"}
    assert (await client.get("/sales-orders", headers=bearer)).status == 200
    now += granted["expires_in"] + 1
    assert (await client.get("/sales-orders", headers=bearer)).status == 401
    assert (
        await client.post("/token", data={**form, "client_secret": "x"}, headers={"Authorization": ""})
    ).status == 401


@pytest.mark.parametrize("header", ["", "Basic", "Basic !!!", "Basic ZXJwOng=", "Bearer x", "Basic /w=="])
async def test_nobody_else_comes_in(erp_client, header):
    client = await erp_client()
    assert (await client.get("/sales-orders", headers={"Authorization": header})).status == 401


async def test_stock_is_put_and_customers_are_found_created_and_updated(erp_client, books):
    client = await erp_client()
    assert (await client.put("/stock/MUG-WH-S", json={"quantity": 3})).status == 201
    assert (await client.put("/stock/MUG-WH-S", json={"quantity": 4})).status == 200
    assert (await client.put("/stock/MUG-WH-S", json={"quantity": -1})).status == 422
    assert books.stock["MUG-WH-S"]["quantity"] == 4

    customer = {"code": "WEB-1", "name": "Ana", "country": "ES"}
    created = decode(await (await client.post("/customers", json=customer)).read())
    assert (await client.post("/customers", json=customer)).status == 409
    assert (await client.put(f"/customers/{created['id']}", json={**customer, "name": "Eva"})).status == 200
    found = decode(await (await client.get("/customers", params={"code": "WEB-1"})).read())["customers"]
    assert [each["name"] for each in found] == ["Eva"]


async def test_a_lost_answer_took_effect(erp_client, books):
    client = await erp_client(Strain(lost_answer_rate=1))
    with pytest.raises(aiohttp.ClientError):
        await client.post("/sales-orders", json=sales_order())
    assert books.orders["SO-1"].receipts == 1


async def test_it_is_away_at_first_when_asked_to_be(erp_client, books):
    now = 100.0
    client = await erp_client(Strain(away=4), now=lambda: now)
    assert (await client.post("/sales-orders", json=sales_order())).status == 503
    now = 103.9
    assert (await client.post("/sales-orders", json=sales_order())).status == 503
    assert books.orders == {}
    now = 104.0
    assert (await client.post("/sales-orders", json=sales_order())).status == 201

"""The demo's SAP behaves as SAP's pages say; the facts and their sources are in its modules."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_integrations.formats.json import decode

ORDERS = "/sap/opu/odata/sap/API_SALES_ORDER_SRV/A_SalesOrder"
PARTNERS = "/sap/opu/odata/sap/API_BUSINESS_PARTNER/A_BusinessPartner"
PARTNER = {
    "BusinessPartnerCategory": "1",
    "BusinessPartnerIDByExtSystem": "7",
    "LastName": "O'Neill",
    "to_BusinessPartnerRole": [{"BusinessPartnerRole": "FLCU01"}],
}


def order(sold_to: str, quantity: Any = "2") -> dict[str, Any]:
    price = {"ConditionType": "PR00", "ConditionRateValue": "9.95", "ConditionCurrency": "EUR"}
    item = {"Material": "MUG", "RequestedQuantity": quantity, "to_PricingElement": [price]}
    return {"SalesOrderType": "OR", "SoldToParty": sold_to, "PurchaseOrderByCustomer": "#1", "to_Item": [item]}


async def token(erp: Any, path: str) -> dict[str, str]:
    """A token for changes; its cookies are the client's from then on."""
    answer = await erp.get(path.rpartition("/")[0] + "/", headers={"X-CSRF-Token": "Fetch"})
    assert answer.status == 200
    return {"X-CSRF-Token": answer.headers["x-csrf-token"]}


async def created(erp: Any, path: str, document: Any) -> Any:
    answer = await erp.post(path, json=document, headers=await token(erp, path))
    said = decode(await answer.read())
    assert answer.status == 201, said
    assert answer.headers["ETag"] == said["d"]["__metadata"]["etag"]
    return said["d"]


async def refused(answer: Any, status: int) -> str:
    said = decode(await answer.read())
    assert answer.status == status
    assert said["error"]["message"]["lang"] == "en"
    return str(said["error"]["message"]["value"])


async def test_a_change_needs_the_token_and_its_cookies(erp) -> None:
    async def without(headers: dict[str, str]) -> None:
        answer = await erp.post(PARTNERS, json=PARTNER, headers=headers)
        assert (answer.status, answer.headers["x-csrf-token"]) == (403, "Required")
        assert await answer.text() == "CSRF token validation failed"

    await without({})
    headers = await token(erp, PARTNERS)
    erp.session.cookie_jar.clear()
    await without(headers)
    assert (await erp.get(PARTNERS, headers={"Authorization": "Basic eA=="})).status == 401


async def test_an_order_with_its_items_is_created_for_a_customer_that_is_there(erp, books) -> None:
    headers = await token(erp, ORDERS)
    told = await refused(await erp.post(ORDERS, json=order("1000001"), headers=headers), 400)
    assert told == "Sold-to party 1000001 not maintained for sales area"
    partner = await created(erp, PARTNERS, PARTNER)
    made = await created(erp, ORDERS, order(partner["BusinessPartner"]))
    assert made["TotalNetAmount"] == "19.90"
    assert [item["NetAmount"] for item in made["to_Item"]["results"]] == ["19.90"]
    again = await created(erp, ORDERS, order(partner["BusinessPartner"]))
    assert made["SalesOrder"] != again["SalesOrder"]  # it does not de-duplicate
    headers = await token(erp, ORDERS)
    told = await refused(await erp.post(ORDERS, json=order(partner["BusinessPartner"], 2), headers=headers), 400)
    assert "a decimal is a text" in told
    assert len(books.refusals) == 2


async def test_an_update_needs_the_etag_of_what_is_there(erp) -> None:
    partner = await created(erp, PARTNERS, PARTNER)
    path = f"{PARTNERS}('{partner['BusinessPartner']}')"
    change, headers = {"LastName": "Ada"}, await token(erp, PARTNERS)
    await refused(await erp.patch(path, json=change, headers=headers), 428)
    await refused(await erp.patch(path, json=change, headers={**headers, "If-Match": 'W/"x"'}), 412)
    good = await erp.patch(path, json=change, headers={**headers, "If-Match": partner["__metadata"]["etag"]})
    assert good.status == 204
    await refused(
        await erp.patch(path, json=change, headers={**headers, "If-Match": partner["__metadata"]["etag"]}), 412
    )
    read = await erp.get(path)
    said = decode(await read.read())["d"]
    assert (said["LastName"], said["__metadata"]["etag"]) == ("Ada", read.headers["ETag"])


async def test_a_list_is_filtered_counted_and_continued_by_the_server(erp) -> None:
    path = "/sap/opu/odata/sap/API_MATERIAL_STOCK_SRV/A_MatlStkInAcctMod"
    query = {"$filter": "Plant eq '1010' and Batch eq ''", "$inlinecount": "allpages"}
    answer = await erp.get(path, params=query)
    first = decode(await answer.read())["d"]
    assert (len(first["results"]), first["__count"]) == (50, "80")
    rest = decode(await (await erp.get(first["__next"].partition(str(erp.make_url("/")).rstrip("/"))[2])).read())["d"]
    assert len(rest["results"]) == 30
    assert "__next" not in rest


@pytest.mark.parametrize("text", ["LastName eq 'O''Neill'", "(BusinessPartnerIDByExtSystem eq '7')"])
async def test_texts_are_compared_with_their_quotes(erp, text: str) -> None:
    await created(erp, PARTNERS, PARTNER)
    answer = await erp.get(PARTNERS, params={"$filter": text})
    assert len(decode(await answer.read())["d"]["results"]) == 1
    assert "Invalid token" in await refused(await erp.get(PARTNERS, params={"$filter": "substringof('x', Name)"}), 400)


async def test_it_can_be_away(erp) -> None:
    await erp.post("/demo/away", json={"seconds": 60})
    assert (await erp.get(PARTNERS)).status == 503

"""Look-ups at OData services and GraphQL APIs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from graphql_service import GraphQLService
from odata_service import ODataService


@pytest.fixture(params=[4, 2])
async def odata(request: pytest.FixtureRequest) -> AsyncIterator[ODataService]:
    entities = {
        "A'1": {"id": "A'1", "mail": "ada@x", "at": "/Date(1769817600000)/"},
        "B/2": {"id": "B/2", "mail": "ben@x", "at": "x"},
        "C": {"id": "C", "mail": "ben@x", "at": "x"},
    }
    service = ODataService(version=request.param, entities=entities)
    async with service.serving():
        yield service


def asks(service: ODataService, **options: Any) -> dict[str, Any]:
    there = {"connection": "erp", "version": service.version, "entity_set": "Orders", **options}
    return {"lookup": {"name": "found", "odata": there}}


FOUND = {"set": {"found": "found"}}


async def test_an_entity_by_its_key(chain: Any, odata: ODataService) -> None:
    steps = chain(asks(odata, key={"id": "order.ref"}), FOUND, endpoints={"erp": odata.endpoint("erp")})
    out = await steps.values({"ref": "A'1"}, {"ref": "B/2"}, {"ref": "no') or ('1' eq '1"})
    assert [value["found"]["mail"] for value in out] == ["ada@x", "ben@x"]
    assert out[0]["found"]["at"] == ("2026-01-31T00:00:00" if odata.version == 2 else "/Date(1769817600000)/")
    assert "no found found" in steps.books.reasons["2"]


async def test_an_entity_by_what_it_has(chain: Any, odata: ODataService) -> None:
    steps = chain(asks(odata, find={"mail": "order.mail"}), FOUND, endpoints={"erp": odata.endpoint("erp")})
    out = await steps.values({"mail": "ada@x"}, {"mail": "ben@x"}, {"mail": None})
    assert [value["found"]["id"] for value in out] == ["A'1"]
    assert "several rows match" in steps.books.reasons["1"]
    assert "order.mail is null or missing" in steps.books.reasons["2"]


async def test_a_list_that_is_cut_is_no_answer(chain: Any, odata: ODataService) -> None:
    odata.page = 1
    steps = chain(asks(odata, find={"mail": "order.mail"}), FOUND, endpoints={"erp": odata.endpoint("erp")})
    assert await steps.values({"mail": "ben@x"}) == []
    assert "Orders has more than came" in steps.books.reasons["0"]


BY_ID = "query ($id: ID!) { order(id: $id) { id total broken } }"
PAGE = "query { orders(first: 2) { nodes { id } pageInfo { hasNextPage } } }"


def graphql(query: str, **options: Any) -> dict[str, Any]:
    there = {"connection": "shop", "path": "/graphql", "query": query, **options}
    return {"lookup": {"name": "found", "graphql": there, "where": {"id": "order.id"}}}


async def test_objects_of_a_graphql_api(chain: Any) -> None:
    service = GraphQLService(orders={"1": {"id": "1", "total": "2.50"}, "2": {"id": "2", "broken": True}})
    async with service.serving():
        one = graphql(BY_ID, variables={"id": "order.id"}, records="order")
        steps = chain(one, FOUND, endpoints={"shop": service.endpoint("shop")})
        out = await steps.values({"id": "1"}, {"id": "2"}, {"id": "3"}, {"id": "1"})
    assert [value["found"]["total"] for value in out] == ["2.50", "2.50"]
    assert "this field broke" in steps.books.reasons["1"]
    assert "no found found" in steps.books.reasons["2"]
    assert len(service.asked) == 3


async def test_a_connection_that_has_more_is_no_answer(chain: Any) -> None:
    service = GraphQLService(orders={str(n): {"id": str(n)} for n in range(3)})
    async with service.serving():
        one = graphql(PAGE, variables={}, records="orders")
        steps = chain(one, FOUND, endpoints={"shop": service.endpoint("shop")})
        assert await steps.values({"id": "1"}) == []
        assert "orders has more than came" in steps.books.reasons["0"]
        service.orders.pop("2")
        steps = chain(one, FOUND, endpoints={"shop": service.endpoint("shop")})
        assert [value["found"] for value in await steps.values({"id": "1"})] == [{"id": "1"}]

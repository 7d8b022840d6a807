"""Documents against the schema of their endpoint."""

from __future__ import annotations

from typing import Any

import pytest
from graphql_service import GraphQLService

from airflow_integrations.graphql.online import check
from airflow_integrations.graphql.options import GraphQLRequest
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Services
from airflow_integrations.transform.lookup.step import Lookup

GOOD = "mutation ($input: OrderInput!) { orderSet(input: $input) { order { id } userErrors { message } } }"


async def found(query: str, answering: Any = None) -> list[str]:
    service = GraphQLService(answering=answering)
    request = GraphQLRequest(connection="shop", query=query)
    async with service.serving(), Services(service, sleep=service.sleep) as services:
        return [text for _, text in await check(request, await services.client("shop"), "/graphql")]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("{ orders(first: 1) { nodes { nope } } }", "Cannot query field 'nope' on type 'Order'"),
        ("{ orders { nodes { id } } }", "argument 'first' of type 'Int!' is required"),
        ("query ($x: Int!) { order(id: $x) { id } }", "used in position expecting type 'ID!'"),
        (GOOD.replace("userErrors { message }", ""), "tells refusals in userErrors"),
    ],
)
async def test_what_the_schema_says_is_wrong(query: str, told: str) -> None:
    assert told in " ".join(await found(query))


async def test_a_good_document_and_an_endpoint_that_tells_no_schema() -> None:
    assert await found(GOOD) == []
    assert await found("{ nope }", lambda asked: {"errors": [{"message": "introspection is off"}]}) == []
    assert await found("{ nope }", lambda asked: {"data": {"__schema": {}}}) == []


async def test_an_endpoint_that_cannot_be_asked_is_told() -> None:
    (text,) = await found(GOOD, lambda asked: 401)
    assert "cannot be asked for its schema" in text


async def test_a_lookup_is_checked_as_well() -> None:
    asks = {"connection": "shop", "path": "/graphql", "records": "orders", "variables": {"since": "order.since"}}
    query = "query ($since: String) {{ orders(first: 2, since: $since) {{ nodes {{ {field} }} }} }}"
    for field, told in (("id", []), ("nope", ["Cannot query field 'nope' on type 'Order'"])):
        lookup = {"name": "found", "graphql": {**asks, "query": query.format(field=field)}}
        entity = {"name": "order", "key": "order.id"}
        made = Route.load(
            {"route": "r", "entity": entity, "trigger": {}, "transform": [{"lookup": lookup}], "outgoing": {"none": {}}}
        )
        service = GraphQLService()
        async with service.serving(), Services(service, sleep=service.sleep) as services:
            says = await Lookup.check_online(made.transform[0].config, made, services)
        assert [place[0] for place, _ in says] == ["graphql"] * len(told)
        assert all(each in text for each, (_, text) in zip(told, says, strict=True))

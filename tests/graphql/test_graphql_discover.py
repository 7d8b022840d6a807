"""What there is at a GraphQL endpoint, by its own schema."""

from __future__ import annotations

import pytest
from graphql_service import GraphQLService

from airflow_integrations.discovery import Bounds, Discovery
from airflow_integrations.errors import SetupError
from airflow_integrations.incoming.graphql.source import GraphQLIncoming
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Services


async def look(service: GraphQLService, place: str | None = None) -> Discovery | str:
    async with service.serving(), Services(service) as services:
        return await GraphQLIncoming.discover("shop", place, services, Bounds())


async def test_connections_and_lists_with_a_query_that_the_endpoint_takes() -> None:
    service = GraphQLService()
    found = await look(service)
    assert isinstance(found, Discovery)
    assert [(each.name, each.what) for each in found.collections] == [
        ("/graphql#all", "list"),
        ("/graphql#orders", "connection"),
    ]
    orders = found.collections[1]
    assert (orders.key, orders.guessed) == (("id",), ("key",))
    assert orders.about["arguments"] == "after, first, since"
    assert orders.incoming is not None
    made = Route.load(
        {
            "route": "orders",
            "entity": {"name": "order", "key": "order.id"},
            "incoming": {"graphql": {"connection": "shop", **orders.incoming}},
            "outgoing": {"none": {}},
        }
    )
    async with service.serving(), Services(service) as services:
        assert await GraphQLIncoming.check_online(made.incoming.config, made, services) == []


async def test_one_list_and_what_is_not_there() -> None:
    found = await look(GraphQLService(), "/graphql#all")
    assert isinstance(found, Discovery)
    assert [each.name for each in found.collections] == ["/graphql#all"]
    with pytest.raises(SetupError, match="no list alle"):
        await look(GraphQLService(), "/graphql#alle")
    assert "does not tell its schema" in str(await look(GraphQLService(answering=lambda asked: {"errors": [{}]})))
    assert isinstance(await look(GraphQLService(), "Orders"), str)

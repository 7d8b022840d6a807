"""Mutations: what the answers mean for their entities."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from graphql_service import GraphQLService

from airflow_integrations.errors import OutageError
from airflow_integrations.formats.json import encode
from airflow_integrations.outgoing import Outbound, Outgoing, Result
from airflow_integrations.route.check import deep_mistakes
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.window import Window

WINDOW = Window(datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
PAYLOAD = "order { id broken } userErrors { field message code }"
SET = f"mutation ($input: OrderInput!) {{ orderSet(input: $input) {{ {PAYLOAD} }} }}"
DELETE = "mutation ($id: ID!) { orderDelete(id: $id) { userErrors { message code } } }"
OPTIONS = {
    "connection": "shop",
    "path": "/graphql",
    "query": SET,
    "variables": {"input": {"id": "order.id", "total": "order.total"}},
    "id": "body.data.orderSet.order.id",
}


def route(options: dict[str, Any], **more: Any) -> Route:
    return Route.load(
        {
            "route": "orders",
            "entity": {"name": "order", "key": "order.id"},
            "incoming": {"graphql": {"connection": "shop", "query": "{ all { id } }", "records": "all"}},
            "outgoing": {"graphql": {**OPTIONS, **options}},
            **more,
        }
    )


@asynccontextmanager
async def opened(service: GraphQLService, made: Route) -> AsyncIterator[Any]:
    outgoing: Outgoing = made.outgoing.component()(made.outgoing.config, made)
    async with service.serving(), Services(service, sleep=service.sleep) as services:
        await outgoing.open(Run(made, "run", WINDOW), services)
        yield outgoing
        await outgoing.close()


async def sent(service: GraphQLService, options: dict[str, Any] | None = None, total: str = "1") -> Result:
    async with opened(service, route(options or {})) as outgoing:
        (result,) = await outgoing.send([order(total)])
        assert isinstance(result, Result)
        return result


def order(total: str = "1") -> Outbound:
    return Outbound("7", encode({"id": "7", "total": total}), route="orders")


async def test_a_mutation_delivers_with_its_id() -> None:
    service = GraphQLService()
    result = await sent(service)
    assert (result.status, result.target_id) == ("delivered", "7")
    assert service.orders == {"7": {"id": "7", "total": "1"}}
    assert service.asked[0] == {"query": SET, "variables": {"input": {"id": "7", "total": "1"}}}


async def test_what_the_target_says_of_the_input_is_a_refusal_with_its_path() -> None:
    result = await sent(GraphQLService(), total="-1")
    assert (result.status, result.cause) == ("failed", "refused")
    assert result.reason == "input.total: is below 0 (NEGATIVE)"
    assert result.exchange is not None


async def test_an_error_in_place_of_a_result_is_a_refusal() -> None:
    result = await sent(GraphQLService(), total="explode")
    assert result.status == "failed"
    assert result.reason == "orderSet: it exploded"


async def test_a_result_with_errors_besides_is_in_doubt() -> None:
    service = GraphQLService()
    service.answering = lambda asked: {
        "data": {"orderSet": {"order": {"id": "7", "broken": None}, "userErrors": []}},
        "errors": [{"message": "this field broke", "path": ["orderSet", "order", "broken"]}],
    }
    result = await sent(service)
    assert result.status == "in_doubt"
    assert "orderSet.order.broken: this field broke" in str(result.reason)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"data": None}, "in_doubt"),
        ({"data": {"orderSet": None}}, "in_doubt"),
        ({"data": {"orderSet": {"order": None, "userErrors": []}}}, "in_doubt"),
        ({"ok": True}, "in_doubt"),
        ([], "in_doubt"),
        (400, "failed"),
        (500, "in_doubt"),
    ],
)
async def test_answers_that_confirm_nothing(answer: Any, status: str) -> None:
    service = GraphQLService(answering=lambda asked: answer)
    assert (await sent(service)).status == status


async def test_a_throttled_mutation_goes_again_and_then_counts_as_an_outage() -> None:
    throttled = {"errors": [{"message": "slow down", "extensions": {"code": "THROTTLED"}}]}
    answers = [throttled]
    service = GraphQLService(answering=lambda asked: answers.pop() if answers else None)
    assert (await sent(service)).status == "delivered"
    service.answering = lambda asked: throttled
    with pytest.raises(OutageError):
        await sent(service)


async def test_deleting_what_is_not_there_any_more() -> None:
    gone = 'body.data.orderDelete.userErrors[0].code == "NOT_FOUND"'
    delete = {"query": DELETE, "variables": {"id": "target_id"}, "gone_when": gone}
    service = GraphQLService(orders={"7": {"id": "7"}})
    deletion = Outbound("7", b"null", route="orders", deleted=True, target_id="7")
    async with opened(service, route({"delete": delete}, missing="emit")) as outgoing:
        results = [*await outgoing.send([deletion]), *await outgoing.send([deletion])]
    assert [result.status for result in results] == ["delivered", "delivered"]
    assert service.orders == {}


async def test_what_is_in_doubt_is_asked_for() -> None:
    verify = {
        "query": "query ($id: ID!) { order(id: $id) { id } }",
        "variables": {"id": "order.id"},
        "found": "body.data.order",
        "id": "body.data.order.id",
    }
    service = GraphQLService()
    async with opened(service, route({"verify": verify}, delivery={"in_doubt": "verify"})) as outgoing:
        assert await outgoing.verify(order()) is None
        service.orders["7"] = {"id": "7"}
        there = await outgoing.verify(order())
        assert (there.status, there.target_id) == ("delivered", "7")
        service.answering = lambda asked: {"data": {"order": None}, "errors": [{"message": "x"}]}
        assert (await outgoing.verify(order())).status == "in_doubt"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"query": "{ all { id } }"}, "a mutation belongs here"),
        ({"variables": {"nope": "order.id"}}, "declares no variable $nope"),
        ({"id": "body.data.orderCreate.order.id"}, "has no field orderCreate; it has orderSet"),
        ({"delete": {"query": "mutation {", "variables": {}}}, "is not GraphQL"),
    ],
)
def test_mistakes_that_validate_finds(options: dict[str, Any], told: str) -> None:
    assert told in str(list(deep_mistakes(route(options))))


def test_a_mutation_carries_one_entity() -> None:
    with pytest.raises(ValueError, match="carries one entity"):
        route({}, delivery={"batch": 5})

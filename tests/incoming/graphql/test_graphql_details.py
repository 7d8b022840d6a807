"""Events that hold only an id, asked for by a query of the route's own document."""

from __future__ import annotations

from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import pytest
from graphql_service import GraphQLService

from airflow_integrations.errors import OutageError
from airflow_integrations.incoming import Gone, Unfinished
from airflow_integrations.route.check import deep_mistakes
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.window import Window

WINDOW = Window(datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
DOCUMENT = """
query Orders ($after: String) {
  orders(first: 2, after: $after) { nodes { ...Few } pageInfo { hasNextPage endCursor } }
}
query Order ($id: ID!) { order(id: $id) { id total lines(first: 50) { nodes { sku } pageInfo { hasNextPage } } } }
fragment Few on Order { id total lines(first: 1) { nodes { sku } pageInfo { hasNextPage } } }
"""
DETAILS = {"operation": "Order", "variables": {"id": "item.id"}, "record": "order"}
THROTTLED = {
    "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
    "extensions": {
        "cost": {
            "requestedQueryCost": 100,
            "actualQueryCost": None,
            "throttleStatus": {"maximumAvailable": 1000, "currentlyAvailable": 50, "restoreRate": 1},
        }
    },
}


def made(details: dict[str, Any], **outgoing: Any) -> Route:
    options = {"connection": "shop", "path": "/graphql", "query": DOCUMENT, "operation": "Orders", "records": "orders"}
    return Route.load(
        {
            "route": "orders",
            "entity": {"name": "order", "key": "order.id"},
            "trigger": {},
            "incoming": {"graphql": {**options, "details": {**DETAILS, **details}}},
            "outgoing": outgoing or {"none": {}},
        }
    )


def service(*lines: int, **options: Any) -> GraphQLService:
    orders = {
        str(number): {"id": str(number), "total": "1.10", "lines": [{"sku": f"A{n}"} for n in range(count)]}
        for number, count in enumerate(lines)
    }
    return GraphQLService(orders=orders, **options)


async def completed(shop: GraphQLService, *ids: str, **details: Any) -> list[Any]:
    route = made(details, http={"connection": "shop", "path": "/x", "delete": {"path": "/x/{{ key }}"}})
    async with shop.serving(), Services(shop, sleep=shop.sleep) as services:
        incoming = route.incoming.component()(route.incoming.config, route)
        asking = await incoming.completer(Run(route, "event__1", WINDOW), services, events=True)
        return await asking.complete([{"id": each} for each in ids])


async def test_an_event_s_entity_is_asked_for_by_the_operation_for_one() -> None:
    shop = service(1, 3)
    found = await completed(shop, "1", "0")
    assert [(record["id"], len(record["lines"]["nodes"])) for record in found] == [("1", 3), ("0", 1)]
    assert {asked["operationName"] for asked in shop.asked} == {"Order"}


@pytest.mark.parametrize(("missing", "deletes"), [("skip", False), ("delete", True)])
async def test_null_in_its_place_is_what_missing_says(missing: str, deletes: bool) -> None:
    (found,) = await completed(service(1), "9", missing=missing)
    assert (type(found), found.delete) == (Gone, deletes)


async def test_null_in_its_place_rejects_that_item_alone() -> None:
    good, bad = await completed(service(1), "0", "9")
    assert good["id"] == "0"
    assert isinstance(bad, Unfinished)
    assert not bad.later


async def test_an_entity_that_came_cut_is_not_taken_for_a_whole_one() -> None:
    (found,) = await completed(service(51), "0")
    assert isinstance(found, Unfinished)
    assert "lines has more than came with it" in found.reason


async def test_a_throttled_question_is_asked_again_when_it_can_be_paid() -> None:
    shop = service(1)
    refused = iter([THROTTLED])
    shop.answering = lambda asked: next(refused, None)
    (found,) = await completed(shop, "0")
    assert found["id"] == "0"
    assert sum(shop.slept) > 25  # 50 points are missing, and one comes in a second


async def listed(shop: GraphQLService, route: Route) -> list[Any]:
    incoming = route.incoming.component()(route.incoming.config, route)
    async with (
        shop.serving(),
        Services(shop, sleep=shop.sleep) as services,
        aclosing(incoming.pages(Run(route, "manual", WINDOW), services)) as pages,
    ):
        return [record for page in [page async for page in pages] for record in page.values()]


async def test_a_listed_entity_that_came_cut_is_asked_for_by_itself() -> None:
    shop = service(1, 3, 0)
    found = await listed(shop, made({}))
    assert [(record["id"], len(record["lines"]["nodes"])) for record in found] == [("0", 1), ("1", 3), ("2", 0)]
    assert [asked["variables"] for asked in shop.asked if asked["operationName"] == "Order"] == [{"id": "1"}]


async def test_a_listed_entity_that_cannot_be_had_whole_is_rejected_alone() -> None:
    good, bad = await listed(service(1, 51), made({}))
    assert good["id"] == "0"
    assert isinstance(bad, Unfinished)
    assert (bad.item["id"], bad.later) == ("1", False)


@pytest.mark.parametrize("others", [(), (3,)], ids=["alone", "beside one that comes"])
async def test_a_listed_entity_whose_whole_the_endpoint_cannot_give_waits_alone(others: tuple[int, ...]) -> None:
    shop = service(3, *others, 1, 1)
    shop.answering = lambda asked: 500 if asked.get("variables") == {"id": "0"} else None
    bad, *found = await listed(shop, made({}))
    assert [record["id"] for record in found] == [str(n) for n in range(1, len(others) + 3)]
    assert isinstance(bad, Unfinished)
    assert (bad.item["id"], bad.later) == ("0", True)


async def test_where_no_whole_entity_comes_and_nothing_else_the_endpoint_is_away() -> None:
    shop, away = service(3, 1, 1), False

    def answering(asked: dict[str, Any]) -> int | None:
        nonlocal away
        away = away or asked.get("operationName") == "Order"
        return 503 if away else None

    shop.answering = answering
    with pytest.raises(OutageError, match="503"):
        await listed(shop, made({}))


async def test_with_more_cut_ones_in_a_row_that_do_not_come_the_fetch_ends() -> None:
    shop = service(3, 3, 3, 3, 1)
    shop.answering = lambda asked: 500 if asked.get("operationName") == "Order" else None
    with pytest.raises(OutageError, match="500"):
        await listed(shop, made({}))


@pytest.mark.parametrize(
    ("details", "told"),
    [
        ({"operation": "Ordr"}, "incoming.graphql.details.operation: one operation is sent"),
        ({"record": "ordr"}, "incoming.graphql.details.record: Order asks for no ordr; its fields are order"),
        ({"variables": {}}, "incoming.graphql.details.variables: the operation needs $id"),
        ({"variables": {"id": "item.id", "x": 1}}, "incoming.graphql.details.variables.x: the operation declares no"),
    ],
)
def test_mistakes_are_told_by_validate(details: dict[str, Any], told: str) -> None:
    route = made(details)
    found = [f"{'.'.join(map(str, place))}: {text}" for place, text in deep_mistakes(route)]
    assert any(text.startswith(told) for text in found), found

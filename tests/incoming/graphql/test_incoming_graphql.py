"""Reading a GraphQL API: pages, errors, nested lists, costs."""

from __future__ import annotations

from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from graphql_service import GraphQLService

from airflow_integrations.config.file_reference import Folder
from airflow_integrations.errors import AnswerError, OutageError, SetupError
from airflow_integrations.formats import BadRecord
from airflow_integrations.incoming import Page
from airflow_integrations.route.check import deep_mistakes
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.window import Window

WINDOW = Window(datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
PAGED = """query ($after: String, $since: String) {
  orders(first: 2, after: $after, since: $since) { nodes { id total } pageInfo { hasNextPage endCursor } }
}"""
EDGES = PAGED.replace("nodes { id total }", "edges { node { id total } }")
NESTED = PAGED.replace("total }", "lines(first: 2) { nodes { sku } pageInfo { hasNextPage } } }")


def route(options: dict[str, Any], folder: Path | None = None) -> Route:
    given = {
        "route": "orders",
        "entity": {"name": "order", "key": "order.id"},
        "incoming": {"graphql": {"connection": "shop", "path": "/graphql", "records": "orders", **options}},
        "outgoing": {"none": {}},
    }
    return Route.load(given) if folder is None else Route.model_validate(given, context=Folder(folder, folder))


async def pages(service: GraphQLService, options: dict[str, Any], resume: Any = None) -> list[Page]:
    made = route(options)
    incoming = made.incoming.component()(made.incoming.config, made)
    async with (
        service.serving(),
        Services(service, sleep=service.sleep) as services,
        aclosing(incoming.pages(Run(made, "manual", WINDOW), services, resume)) as found,
    ):
        return [page async for page in found]


def filled(**options: Any) -> GraphQLService:
    return GraphQLService(orders={str(n): {"id": str(n), "total": "1.10"} for n in range(5)}, **options)


@pytest.mark.parametrize("query", [PAGED, EDGES])
async def test_every_page_of_a_connection(query: str) -> None:
    service = filled()
    found = await pages(service, {"query": query, "variables": {"since": "window.start"}})
    assert [record["id"] for page in found for record in page.values()] == list("01234")
    assert [asked["variables"] for asked in service.asked] == [
        {"since": "2026-01-31T00:00:00Z"},
        {"since": "2026-01-31T00:00:00Z", "after": "2"},
        {"since": "2026-01-31T00:00:00Z", "after": "4"},
    ]
    later = await pages(filled(), {"query": query, "variables": {"since": "window.start"}}, found[0].resume)
    assert [record["id"] for page in later for record in page.values()] == list("234")


async def test_a_plain_list() -> None:
    found = await pages(filled(), {"query": "{ all { id } }", "records": "all"})
    assert [record["id"] for page in found for record in page.values()] == list("01234")


async def test_a_part_of_the_data_with_errors_is_not_read_as_all_of_it() -> None:
    service = filled()
    service.orders["1"]["broken"] = True
    with pytest.raises(AnswerError, match="this field broke"):
        await pages(service, {"query": PAGED.replace("total", "broken")})


async def test_an_entity_whose_list_has_more_is_rejected_alone() -> None:
    service = filled()
    service.orders["1"]["lines"] = [{"sku": "a"}, {"sku": "b"}, {"sku": "c"}]
    found = [record for page in await pages(service, {"query": NESTED}) for record in page.records]
    bad = [record for record in found if isinstance(record, BadRecord)]
    assert (len(found), len(bad)) == (5, 1)
    assert "lines has more than came with it" in bad[0].reason


async def test_the_next_page_waits_until_it_can_be_paid() -> None:
    throttle = {"maximumAvailable": 1000, "currentlyAvailable": 40, "restoreRate": 10}
    service = filled(extensions={"cost": {"requestedQueryCost": 90, "throttleStatus": throttle}})
    await pages(service, {"query": PAGED})
    assert len(service.asked) == 3
    assert sum(service.slept) > 8  # at the server's pace, before it refuses


async def test_a_throttled_request_is_sent_again() -> None:
    throttled = {"errors": [{"message": "x", "extensions": {"code": "THROTTLED"}}]}
    service, answers = filled(), [throttled]
    service.answering = lambda asked: answers.pop() if answers else None
    found = await pages(service, {"query": PAGED})
    assert sum(len(page.records) for page in found) == 5
    service.answering = lambda asked: throttled
    with pytest.raises(OutageError):
        await pages(service, {"query": PAGED})


async def test_a_document_that_is_gone_at_the_run_is_the_operators_matter(tmp_path: Path) -> None:
    file = tmp_path / "orders.graphql"
    file.write_text(PAGED)
    made = route({"query_file": "orders.graphql"}, tmp_path)
    assert list(deep_mistakes(made)) == []
    file.write_text("query {")
    ((place, text),) = deep_mistakes(made)
    assert place == ("incoming", "graphql", "query_file")
    assert "it is not GraphQL" in text
    incoming = made.incoming.component()(made.incoming.config, made)
    async with Services(GraphQLService()) as services:
        with pytest.raises(SetupError, match="query_file"):
            await anext(incoming.pages(Run(made, "manual", WINDOW), services))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"query": "{ orders(first: 2) { nodes { id } } }"}, "only the first would be read"),
        ({"query": PAGED.replace("$after: String, ", "").replace(", after: $after", "")}, "no variable takes"),
        ({"query": PAGED, "records": "order"}, "asks for no order"),
        ({"query": NESTED.replace(" pageInfo { hasNextPage } }", " }")}, "a part of orders.nodes.lines"),
        ({"query": "mutation { a }"}, "a query belongs here"),
    ],
)
def test_mistakes_that_validate_finds(options: dict[str, Any], told: str) -> None:
    assert told in str(list(deep_mistakes(route(options))))

"""Reading an entity set: what is asked, pages, counts, and what does not count as complete."""

from __future__ import annotations

from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import pytest
from odata_service import ODataService

from airflow_integrations.errors import AnswerError, RouteError
from airflow_integrations.formats import BadRecord
from airflow_integrations.incoming import Page
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.window import Window

WINDOW = Window(datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 2, 1, 6, tzinfo=UTC))


def route(options: dict[str, Any], **more: Any) -> Route:
    return Route.load(
        {
            "route": "orders",
            "entity": {"name": "order", "key": "order.id"},
            "params": {"status": "O'pen", "least": 5},
            "incoming": {"odata": {"connection": "erp", "entity_set": "Orders", **options}},
            "outgoing": {"none": {}},
            **more,
        }
    )


async def pages(service: ODataService, options: dict[str, Any], resume: Any = None) -> list[Page]:
    made = route(options)
    incoming = made.incoming.component()(made.incoming.config, made)
    run = Run(made, "manual", WINDOW, params=made.params)
    async with Services(service) as services, aclosing(incoming.pages(run, services, resume)) as found:
        return [page async for page in found]


def filled(version: int, **options: Any) -> ODataService:
    entities = {str(number): {"id": str(number), "name": "x"} for number in range(7)}
    return ODataService(version=version, entities=entities, **options)


@pytest.mark.parametrize("version", [2, 4])
async def test_pages_as_the_service_cuts_them(version: int) -> None:
    service = filled(version)
    async with service.serving():
        found = await pages(service, {"version": version})
        assert [len(page.records) for page in found] == [3, 3, 1]
        assert [record["id"] for page in found for record in page.values()] == list("0123456")
        later = await pages(service, {"version": version}, resume=found[0].resume)
        assert [record["id"] for page in later for record in page.values()] == list("3456")


async def test_what_is_asked_of_version_4() -> None:
    service = filled(4)
    options = {
        "filter": "status eq @status or total ge @least",
        "values": {"status": "params.status", "least": {"value": "params.least", "type": "decimal"}},
        "since": "modifiedAt",
        "select": ["id", "total"],
        "expand": ["items($select=sku)"],
        "order_by": ["modifiedAt", "id desc"],
        "page_size": 50,
        "query": {"company": "{{ params.least }}"},
    }
    async with service.serving():
        await pages(service, options)
    first = service.asked[0]
    assert first.path == "/Orders"
    assert first.query == {
        "$filter": "(status eq 'O''pen' or total ge 5) and "
        "modifiedAt ge 2026-01-31T00:00:00Z and modifiedAt lt 2026-02-01T06:00:00Z",
        "$select": "id,total",
        "$expand": "items($select=sku)",
        "$orderby": "modifiedAt,id desc",
        "$count": "true",
        "company": "5",
    }
    assert first.headers["prefer"] == "odata.maxpagesize=50"
    assert first.headers["odata-maxversion"] == "4.0"


async def test_what_is_asked_of_version_2() -> None:
    service = filled(2)
    async with service.serving():
        await pages(service, {"version": 2, "since": {"property": "Changed", "type": "datetime"}})
    assert service.asked[0].query == {
        "$filter": "Changed ge datetime'2026-01-31T00:00:00' and Changed lt datetime'2026-02-01T06:00:00'",
        "$inlinecount": "allpages",
        "$format": "json",
    }


async def test_whole_days_where_the_service_knows_only_days() -> None:
    service = filled(4)
    async with service.serving():
        await pages(service, {"since": {"property": "day", "type": "date"}})
    assert service.asked[0].query["$filter"] == "day ge 2026-01-31 and day le 2026-02-01"


@pytest.mark.parametrize(("version", "extra"), [(4, {"@odata.count": 9}), (2, {"__count": "9"})])
async def test_fewer_than_the_service_counts_are_told(version: int, extra: dict[str, Any]) -> None:
    service = filled(version, extra=extra)
    async with service.serving():
        with pytest.raises(AnswerError, match="7 of the 9 entities that the service counts came"):
            await pages(service, {"version": version})
        found = await pages(service, {"version": version, "count": False})
        assert sum(len(page.records) for page in found) == 7


async def test_pages_that_the_route_cuts() -> None:
    service = filled(2)
    options = {"version": 2, "paging": "skip", "page_size": 2, "order_by": ["id"]}
    async with service.serving():
        found = await pages(service, options)
    assert [record["id"] for page in found for record in page.values()] == list("0123456")
    assert service.asked[0].query["$top"] == "2"


@pytest.mark.parametrize(
    ("version", "nested"),
    [(4, {"items": [], "items@odata.nextLink": "x"}), (2, {"items": {"results": [], "__next": "x"}})],
)
async def test_an_entity_whose_list_goes_on_elsewhere_is_rejected_alone(version: int, nested: dict[str, Any]) -> None:
    service = filled(version)
    service.entities["1"] |= nested
    async with service.serving():
        found = [record for page in await pages(service, {"version": version}) for record in page.records]
    bad = [record for record in found if isinstance(record, BadRecord)]
    assert len(found) == 7
    assert len(bad) == 1
    assert "items has more than came with it" in bad[0].reason


async def test_version_2_gives_plain_values() -> None:
    service = ODataService(version=2, entities={"1": {"id": "1", "at": "/Date(1769817600000)/", "net": "1.10"}})
    async with service.serving():
        (page,) = await pages(service, {"version": 2})
    assert page.values() == [{"id": "1", "at": "2026-01-31T00:00:00", "net": "1.10"}]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"filter": "a eq '{{ params.status }}'"}, "bound, not pasted"),
        ({"filter": "a eq @b"}, "bound to no value"),
        ({"values": {"a": "params.status"}}, "no filter"),
        ({"paging": "skip"}, "needs page_size and order_by"),
        ({"version": 2, "page_size": 5}, "the service alone decides"),
        ({"since": {"property": "x", "type": "datetime"}}, "version 4 has no type datetime"),
        ({"query": {"$filter": "x"}}, "made from the options"),
        ({"entity_set": "Orders?x=1"}, "entity_set"),
        ({"entity_set": "../x"}, "entity_set"),
    ],
)
def test_mistakes_are_told_when_the_route_is_read(options: dict[str, Any], told: str) -> None:
    with pytest.raises((RouteError, ValueError), match=told):
        route(options)


def test_since_is_no_source_that_gives_everything() -> None:
    with pytest.raises(ValueError, match="gives everything every time"):
        route(
            {"since": "modifiedAt"},
            missing="emit",
            outgoing={
                "odata": {
                    "connection": "erp",
                    "entity_set": "Orders",
                    "key": {"ID": "order.id"},
                    "delete": {"ID": "key"},
                }
            },
        )

"""What an answer to an upsert's find says: it is there, it is not, or nothing at all."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web
from outgoing_target import Opening, Received, Target, orders, statuses

GRAPHQL = "body.data.customers.edges[0].node"
ERRORS = [{"message": "too many connections", "extensions": {"code": "THROTTLED"}}]

THERE = "PUT"
NOT_THERE = "POST"
UNKNOWN = None


@pytest.mark.parametrize(
    ("answer", "expression", "next_request"),
    [
        # GraphQL
        ({"data": {"customers": {"edges": [{"node": {"id": 1}}]}}}, GRAPHQL, THERE),
        ({"data": {"customers": {"edges": []}}}, GRAPHQL, NOT_THERE),
        ({"data": {"customer": None}}, "body.data.customer", NOT_THERE),
        ({"errors": ERRORS, "data": None}, GRAPHQL, UNKNOWN),
        ({"errors": ERRORS}, GRAPHQL, UNKNOWN),
        ({"errors": ERRORS, "data": {"customer": None}}, "body.data.customer", UNKNOWN),
        ({"errors": ERRORS, "data": {"customers": {"edges": []}}}, GRAPHQL, UNKNOWN),
        ({"errors": [], "data": {"customer": None}}, "body.data.customer", NOT_THERE),
        ({"errors": ERRORS, "data": {"customer": {"id": 1}}}, "body.data.customer", THERE),
        ({"errors": ERRORS, "data": None}, None, UNKNOWN),
        # REST searches
        ({"total": 0, "items": []}, "body.items", NOT_THERE),
        ({"total": 0, "items": None}, "body.items", NOT_THERE),
        ({"total": 0}, "body.items", UNKNOWN),
        ({"total": 0}, "body.items or []", NOT_THERE),
        ({"items": [{"id": 1}]}, "body.items or []", THERE),
        ({"total": 0, "items": []}, "body.items[0]", NOT_THERE),
        ({"total": 0, "items": []}, "body.items[-1]", NOT_THERE),
        ({"total": 0, "items": []}, "first(body.items)", NOT_THERE),
        ({"message": "down"}, "first(body.items or [])", NOT_THERE),
        ({"items": [{"id": 1, "ref": "8"}]}, "[i for i in body.items if i.ref == order.number]", NOT_THERE),
        ({"items": [{"id": 1, "ref": "7"}]}, "[i for i in body.items if i.ref == order.number]", THERE),
        ({"message": "down"}, "[i for i in body.items if i.ref == order.number]", UNKNOWN),
        ({"message": "down"}, "[i for i in (body.items or []) if i.ref == order.number]", NOT_THERE),
        ({"message": "down"}, "body.items[0]", UNKNOWN),
        ({"items": {"a": 1}}, "body.items[0]", UNKNOWN),
        ([], None, NOT_THERE),
        ([], "body", NOT_THERE),
        ({}, None, NOT_THERE),
        ([{"id": 1}], "body[0]", THERE),
        ([], "body[0]", NOT_THERE),
        ({"error": "try later"}, None, UNKNOWN),
        ({"result": None, "error": {"code": -32000}}, "body.result", UNKNOWN),
        ({"result": None, "error": None}, "body.result", NOT_THERE),
        (web.Response(body=b"null", content_type="application/json"), None, NOT_THERE),
        (web.Response(status=204), "body.items", NOT_THERE),
        (web.Response(status=204), None, NOT_THERE),
        (web.Response(status=200), "body.items", UNKNOWN),
        (web.Response(status=200), None, UNKNOWN),
        ({"success": False, "items": []}, "body.items", UNKNOWN),
        ({"status": "error", "items": []}, "body.items", UNKNOWN),
        ({"fault": {"code": 1}, "items": None}, "body.items", UNKNOWN),
        ({"status": "ok", "success": True, "items": []}, "body.items", NOT_THERE),
        (404, "body.items", NOT_THERE),
        # OData
        ({"value": []}, "body.value", NOT_THERE),
        ({"value": [{"id": 1}]}, "body.value", THERE),
        ({"d": {"results": []}}, "body.d.results", NOT_THERE),
        ({"@odata.context": "x", "error": {"code": "500"}}, "body.value", UNKNOWN),
        # XML
        (
            web.Response(text="<f><faultstring>no</faultstring></f>", content_type="application/xml"),
            "body.items",
            UNKNOWN,
        ),
    ],
)
async def test_what_an_answer_to_find_says(
    target: Target, opened: Opening, answer: Any, expression: str | None, next_request: str | None
) -> None:
    def answering(got: Received) -> Any:
        return answer if got.method == "GET" else 200

    target.answering = answering
    find = {"path": "/o", **({"target": expression} if expression else {})}
    upsert = {"find": find, "create": {"path": "/o"}, "update": {"path": "/o/{{ target.id }}"}}
    async with opened({"upsert": upsert}) as outgoing:
        (result,) = await outgoing.send(orders("7"))
    assert [got.method for got in target.received] == ["GET", *([next_request] if next_request else [])]
    assert (result.status, result.cause) == (("delivered", None) if next_request else ("failed", "unreadable"))


async def test_the_reason_names_the_place_and_the_remedy(target: Target, opened: Opening) -> None:
    target.answering = lambda got: {"errors": ERRORS, "data": None}
    upsert = {"find": {"path": "/o", "target": GRAPHQL}, "create": {"path": "/o"}}
    async with opened({"upsert": upsert}) as outgoing:
        (result,) = await outgoing.send(orders("7"))
    reason = result.reason or ""
    assert "no body.data.customers.edges[0].node" in reason
    assert f"target: {GRAPHQL} or []" in reason
    assert "too many connections" in reason


async def test_what_changed_in_between_is_found_again_and_written(target: Target, opened: Opening) -> None:
    state = {"version": 1}

    def answering(got: Received) -> Any:
        if got.method == "GET":
            return {"id": 7, "version": state["version"]}
        if got.body["version"] == 1:
            state["version"] = 2
            return 412
        return 200

    target.answering = answering
    update = {"path": "/o/{{ target.id }}", "body": {"version": "target.version"}}
    async with opened({"upsert": {"find": {"path": "/o"}, "update": update}}) as outgoing:
        assert statuses(await outgoing.send(orders("7"))) == ["delivered"]
    assert [got.method for got in target.received] == ["GET", "PUT", "GET", "PUT"]


async def test_what_changes_all_the_time_is_tried_again_later(target: Target, opened: Opening) -> None:
    target.answering = lambda got: {"id": 7} if got.method == "GET" else 412
    upsert = {"find": {"path": "/o"}, "update": {"path": "/o/{{ target.id }}"}}
    async with opened({"upsert": upsert}) as outgoing:
        (result,) = await outgoing.send(orders("7"))
    assert (result.status, result.http_status, result.later) == ("failed", 412, True)
    assert len(target.received) == 6


async def test_a_create_that_somebody_was_faster_with_is_an_update(target: Target, opened: Opening) -> None:
    finds: list[Any] = [404, {"id": 7}]
    target.answering = lambda got: finds.pop(0) if got.method == "GET" else 412 if got.method == "POST" else 200
    upsert = {"find": {"path": "/o"}, "create": {"path": "/o"}, "update": {"path": "/o/{{ target.id }}"}}
    async with opened({"upsert": upsert}) as outgoing:
        assert statuses(await outgoing.send(orders("7"))) == ["delivered"]
    assert [got.method for got in target.received] == ["GET", "POST", "GET", "PUT"]


CONFLICTING = {"find": {"path": "/o"}, "create": {"path": "/o"}, "update": {"path": "/o/{{ target.id }}"}}


async def test_a_create_that_conflicts_with_another_one_is_an_update(target: Target, opened: Opening) -> None:
    finds: list[Any] = [404, {"id": 7}]
    target.answering = lambda got: finds.pop(0) if got.method == "GET" else 409 if got.method == "POST" else 200
    async with opened({"upsert": CONFLICTING}) as outgoing:
        assert statuses(await outgoing.send(orders("7"))) == ["delivered"]
    assert [got.method for got in target.received] == ["GET", "POST", "GET", "PUT"]


@pytest.mark.parametrize("found", [404, {"id": 7}])
async def test_a_conflict_is_looked_into_once_and_nothing_is_created_twice(
    target: Target, opened: Opening, found: Any
) -> None:
    finds: list[Any] = [404, found]
    target.answering = lambda got: finds.pop(0) if got.method == "GET" else 409
    async with opened({"upsert": CONFLICTING}) as outgoing:
        (result,) = await outgoing.send(orders("7"))
    assert (result.status, result.http_status, result.later) == ("failed", 409, None)
    assert [got.method for got in target.received] == ["GET", "POST", "GET", *(["PUT"] if found != 404 else [])]


async def test_a_conflict_with_what_somebody_else_made_is_skipped_without_an_update(
    target: Target, opened: Opening
) -> None:
    finds: list[Any] = [404, {"id": 7}]
    target.answering = lambda got: finds.pop(0) if got.method == "GET" else 409
    create = {name: part for name, part in CONFLICTING.items() if name != "update"}
    async with opened({"upsert": create}) as outgoing:
        (result,) = await outgoing.send(orders("7"))
    assert (result.status, len(target.received)) == ("skipped", 3)


async def test_a_conflict_after_rounds_of_changes_ends(target: Target, opened: Opening) -> None:
    posts = [412, 412, 409]
    target.answering = lambda got: 404 if got.method == "GET" else posts.pop(0)
    async with opened({"upsert": CONFLICTING}) as outgoing:
        (result,) = await outgoing.send(orders("7"))
    assert (result.status, result.http_status) == ("failed", 409)


async def test_a_route_that_says_what_a_409_means_is_obeyed(target: Target, opened: Opening) -> None:
    target.answering = lambda got: 404 if got.method == "GET" else 409
    async with opened({"upsert": CONFLICTING, "retry_when": "status == 409"}) as outgoing:
        (result,) = await outgoing.send(orders("7"))
    assert (result.later, [got.method for got in target.received].count("GET")) == (True, 1)


@pytest.mark.parametrize(
    ("content", "next_request"),
    [
        ("<cs><error>too many connections</error></cs>", UNKNOWN),
        ("<e><cs><Fault><faultstring>away</faultstring></Fault></cs></e>", UNKNOWN),
        ("<cs><error/></cs>", NOT_THERE),
        ("<cs/>", NOT_THERE),
        ("<cs><c><id>1</id></c></cs>", THERE),
    ],
)
async def test_records_of_xml_that_are_not_there_because_of_an_error(
    target: Target, opened: Opening, content: str, next_request: str | None
) -> None:
    def answering(got: Received) -> Any:
        return web.Response(text=content, content_type="text/xml") if got.method == "GET" else 200

    target.answering = answering
    find = {"path": "/o", "xml": {"record": "c", "container": "cs"}, "target": "body"}
    upsert = {"find": find, "create": {"path": "/o"}, "update": {"path": "/o/{{ target.id }}"}}
    async with opened({"upsert": upsert}) as outgoing:
        await outgoing.send(orders("7"))
    assert [got.method for got in target.received] == ["GET", *([next_request] if next_request else [])]

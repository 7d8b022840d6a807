"""An answer to a lookup that does not tell what there is never means that there is nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from airflow_integrations.http import Endpoint

ERRORS = [{"message": "too many connections"}]

FAULT = "<s><Body><Fault><faultstring>too many connections</faultstring></Fault></Body></s>"
XML = {"xml": {"record": "c", "container": "Body"}}


@pytest.fixture
async def service() -> AsyncIterator[tuple[list[Any], dict[str, Any]]]:
    """Gives the answers in a list, the last one again and again."""
    answers: list[Any] = []

    async def handle(request: web.Request) -> web.Response:
        given = answers.pop(0) if len(answers) > 1 else answers[0]
        return given() if callable(given) else web.json_response(given)

    app = web.Application()
    app.router.add_get("/c", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield answers, {"crm": Endpoint("crm", f"http://127.0.0.1:{runner.addresses[0][1]}", retry_budget=5)}
    await runner.cleanup()


def steps_of(**http: Any) -> list[dict[str, Any]]:
    options = {"connection": "crm", "path": "/c", **http}
    return [{"lookup": {"name": "customer", "http": options, "missing": None}}, {"set": {"c": "customer.id"}}]


@pytest.mark.parametrize(
    ("answer", "http", "expected"),
    [
        ({"errors": ERRORS, "data": None}, {"records": "body.data.customer"}, "no body.data.customer"),
        ({"errors": ERRORS, "data": {"customer": None}}, {"records": "body.data.customer"}, "reports errors"),
        ({"errors": ERRORS}, {}, "reports errors"),
        ({"error": "down"}, {}, "reports error"),
        ({"total": 0}, {"records": "body.items"}, "no body.items"),
        ({"code": 1, "items": []}, {"records": "body.items", "error_when": "body.code > 0"}, "as error_when says"),
        ({"total": 0}, {"records": "body.items or []"}, None),
        ({"data": {"customer": None}}, {"records": "body.data.customer"}, None),
        ({"items": []}, {"records": "body.items"}, None),
        ({"items": []}, {"records": "body.items[0]"}, None),
        ([], {}, None),
        (lambda: web.Response(), {}, "is empty and does not tell"),
        (lambda: web.Response(), {"records": "body.items or []"}, "is empty and does not tell"),
        (lambda: web.Response(status=204), {}, None),
        ({"success": False, "items": []}, {"records": "body.items"}, "reports success: False"),
        (lambda: web.Response(text=FAULT, content_type="text/xml"), XML, "reports Fault"),
        (lambda: web.Response(text="<s><Body/></s>", content_type="text/xml"), XML, None),
        ({"error": "an attribute of it", "id": 7}, {"error_when": "body.code == 1"}, 7),
        ({"items": [{"id": 7}], "errors": ERRORS}, {"records": "body.items"}, 7),
    ],
)
async def test_what_an_answer_to_a_lookup_says(
    chain: Any, service: Any, answer: Any, http: dict[str, Any], expected: Any
) -> None:
    answers, endpoints = service
    answers.append(answer)
    steps = chain(*steps_of(**http), endpoints=endpoints)
    out = await steps.values({"n": 1})
    if isinstance(expected, str):
        assert out == []
        assert expected in next(iter(steps.books.reasons.values()))
    else:
        assert [value["c"] for value in out] == [expected]


async def test_what_means_later_is_asked_again(chain: Any, service: Any) -> None:
    answers, endpoints = service
    answers += [{"code": "THROTTLED"}, {"code": "THROTTLED"}, {"id": 7}]
    steps = chain(*steps_of(retry_when='body.code == "THROTTLED"'), endpoints=endpoints)
    assert [value["c"] for value in await steps.values({"n": 1})] == [7]


async def test_the_format_may_be_said(chain: Any, service: Any) -> None:
    answers, endpoints = service
    answers.append(lambda: web.Response(text="id;name\n7;x\n", content_type="text/plain"))
    steps = chain(*steps_of(format="csv", csv={"delimiter": ";"}), endpoints=endpoints)
    assert [value["c"] for value in await steps.values({"n": 1})] == ["7"]

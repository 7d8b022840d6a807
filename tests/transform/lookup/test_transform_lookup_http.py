"""Lookups against a real server on the loopback."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.http import Endpoint


class Customers:
    """A service that counts what it is asked."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    async def customer(self, request: web.Request) -> web.Response:
        key = request.match_info["key"]
        self.asked[request.path_qs] += 1
        match key:
            case "0":
                return web.Response(status=404)
            case "html":
                return web.Response(text="<html>")
            case "bad":
                return web.json_response({"error": "no"}, status=422)
            case "many":
                return web.json_response([{"id": 1}, {"id": 2}])
            case "empty":
                return web.json_response([])
            case "text":
                return web.json_response(["x"])
            case "fixed":
                return web.Response(text="ES 0210\nFR 0200\n")
            case "down":
                return web.Response(status=500)
            case "secret":
                return web.Response(status=401)
        return web.Response(text=f'{{"data": {{"id": "{key}", "limit": 10.50}}}}', content_type="application/json")

    async def countries(self, request: web.Request) -> web.Response:
        self.asked[request.path_qs] += 1
        return web.json_response(
            {
                "items": [
                    {"code": "ES", "name": "Spain"},
                    {"code": "FR", "name": "France"},
                    {"code": "XX"},
                    {"code": "XX"},
                ]
            }
        )


@pytest.fixture
async def service() -> AsyncIterator[tuple[Customers, dict[str, Any]]]:
    customers = Customers()
    app = web.Application()
    app.router.add_get("/api/customers/{key}", customers.customer)
    app.router.add_get("/api/countries", customers.countries)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    yield customers, {"crm": Endpoint("crm", f"http://127.0.0.1:{port}/api", retry_budget=0)}
    await runner.cleanup()


def lookup(**options: Any) -> dict[str, Any]:
    http = {"connection": "crm", "path": "/customers/{{ order.customer }}", **options.pop("http", {})}
    return {"lookup": {"name": "customer", "http": http, **options}}


async def test_each_request_is_sent_once_and_order_is_kept(chain: Any, service: Any) -> None:
    customers, endpoints = service
    step = lookup(http={"records": "body.data", "query": {"at": "{{ window.start }}"}})
    steps = chain(
        step, {"map": {"c": "customer.id", "limit": "customer.limit * 2", "n": "order.n"}}, endpoints=endpoints
    )
    values = await steps.values(*({"customer": str(n % 3 + 1), "n": n} for n in range(10)))
    assert [(value["c"], value["n"]) for value in values] == [(str(n % 3 + 1), n) for n in range(10)]
    assert str(values[0]["limit"]) == "21.00"
    assert len(customers.asked) == 3
    assert set(customers.asked.values()) == {1}
    assert "/api/customers/1?at=2026-01-01T00:00:00Z" in customers.asked


async def test_an_entity_that_cannot_be_looked_up_is_rejected_alone(chain: Any, service: Any) -> None:
    _, endpoints = service
    steps = chain(lookup(), endpoints=endpoints, batch=10)
    keys = ["0", "html", "bad", "many", "empty", "text", "1", None]
    out = await steps.values(*({"customer": key} for key in keys))
    assert [value["customer"] for value in out] == ["1"]
    told = steps.books.reasons
    assert told["0"] == "transform.0.lookup: no customer found for GET /customers/0"
    assert "crm: GET /customers/html: the answer: an HTML page came instead of data" in told["1"]
    assert "answered 422" in told["2"]
    assert "several rows match; say in where which one is meant" in told["3"]
    assert "no customer found" in told["4"]
    assert "other than an object" in told["5"]
    assert "order.customer" in told["7"]


async def test_not_found_may_be_null(chain: Any, service: Any) -> None:
    _, endpoints = service
    steps = chain(lookup(missing=None), {"set": {"id": "customer.data.id"}}, endpoints=endpoints)
    assert await steps.values({"customer": "0"}, {"customer": "5"}) == [
        {"customer": "0", "id": None},
        {"customer": "5", "id": "5"},
    ]


async def test_where_chooses_among_the_rows_of_one_answer(chain: Any, service: Any) -> None:
    customers, endpoints = service
    step = lookup(
        http={"path": "/countries", "records": "body['items']"}, where={"code": "order.country"}, missing=None
    )
    steps = chain(step, {"set": {"name": "customer.name"}}, endpoints=endpoints)
    out = await steps.values(*({"country": code} for code in ("ES", "FR", "DE", None, "XX", "ES")))
    assert [value["name"] for value in out] == ["Spain", "France", None, None, "Spain"]
    assert customers.asked == {"/api/countries": 1}
    assert "several rows match; compare more columns in where" in steps.books.reasons["4"]


async def test_an_answer_of_lines_is_read_as_a_file_of_them_is(chain: Any, service: Any) -> None:
    _, endpoints = service
    columns = [{"name": "code", "width": 3}, {"name": "rate", "width": 4, "type": "decimal", "places": 1}]
    http = {"path": "/customers/fixed", "format": "fixed_width", "fixed_width": {"columns": columns}}
    step = lookup(http=http, where={"code": "order.country"})
    steps = chain(step, {"set": {"rate": "customer.rate"}}, endpoints=endpoints)
    (value,) = await steps.values({"country": "FR"}, {"country": "DE"})
    assert str(value["rate"]) == "20.0"


async def test_values_stay_in_their_part_of_the_path(chain: Any, service: Any) -> None:
    customers, endpoints = service
    await chain(lookup(missing=None), endpoints=endpoints).values({"customer": "a/b?x=1"})
    assert list(customers.asked) == ["/api/customers/a%2Fb%3Fx%3D1"]


async def test_a_value_that_leads_out_of_its_path_is_not_asked_for(chain: Any, service: Any) -> None:
    customers, endpoints = service
    assert await chain(lookup(missing=None), endpoints=endpoints).values({"customer": "a/../b"}) == []
    assert list(customers.asked) == []


@pytest.mark.parametrize(("key", "error"), [("down", OutageError), ("secret", SetupError)])
async def test_what_is_no_entitys_matter_stops_the_run(
    chain: Any, service: Any, key: str, error: type[Exception]
) -> None:
    _, endpoints = service
    with pytest.raises(error):
        await chain(lookup(), endpoints=endpoints).values({"customer": key})


async def test_the_memory_of_answers_is_bounded(chain: Any, service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_integrations.transform.lookup import remembered

    monkeypatch.setattr(remembered, "CACHED_ANSWERS", 2)
    customers, endpoints = service
    steps = chain(lookup(), endpoints=endpoints, batch=1)
    assert len(await steps.values(*({"customer": key} for key in ("1", "2", "1", "3", "1", "2")))) == 6
    assert customers.asked == {"/api/customers/1": 1, "/api/customers/2": 2, "/api/customers/3": 1}

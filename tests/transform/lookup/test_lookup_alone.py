"""A question that a service cannot answer while it answers others is the matter of its entity alone."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.http import Endpoint


class Orders:
    """Answers each order but those that ``bad`` names, and none while it is ``away``; ``left`` answers more, then it
    goes away."""

    def __init__(self) -> None:
        self.bad: dict[str, Any] = {}
        self.away = False
        self.left: int | None = None
        self.asked: Counter[str] = Counter()
        self.endpoints: dict[str, Any] = {}

    async def one(self, request: web.Request) -> web.StreamResponse:
        key = request.match_info["key"]
        self.asked[key] += 1
        return await self._fails(request, [key]) or web.json_response({"id": key, "total": f"T{key}"})

    async def many(self, request: web.Request) -> web.StreamResponse:
        keys = request.query["ids"].split(",")
        self.asked[",".join(keys)] += 1
        return await self._fails(request, keys) or web.json_response([{"id": key, "total": f"T{key}"} for key in keys])

    async def graphql(self, request: web.Request) -> web.StreamResponse:
        key = str((await request.json())["variables"]["id"])
        self.asked[key] += 1
        found = {"data": {"order": {"id": key, "total": f"T{key}"}}}
        return await self._fails(request, [key]) or web.json_response(found)

    async def _fails(self, request: web.Request, keys: list[str]) -> web.StreamResponse | None:
        if self.left is not None:
            self.left -= 1
            self.away = self.left < 0
        how = 503 if self.away else next((self.bad[key] for key in keys if key in self.bad), None)
        if how == "reset":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if how == "silent":
            await asyncio.sleep(5)
        return None if how is None else web.Response(status=how, text="not this one")


@pytest.fixture
async def orders() -> AsyncIterator[Orders]:
    made = Orders()
    app = web.Application()
    app.router.add_get("/orders/{key}", made.one)
    app.router.add_get("/Orders({key})", made.one)
    app.router.add_get("/orders", made.many)
    app.router.add_post("/graphql", made.graphql)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    made.endpoints = {"shop": Endpoint("shop", url, retry_budget=0, read_timeout=1)}
    yield made
    await runner.cleanup()


HTTP = {"http": {"connection": "shop", "path": "/orders/{{ order.id }}"}}
ODATA = {"odata": {"connection": "shop", "entity_set": "Orders", "key": {"ID": "order.id"}}}
GRAPHQL = {
    "graphql": {
        "connection": "shop",
        "path": "/graphql",
        "query": "query ($id: ID!) { order(id: $id) { id total } }",
        "variables": {"id": "text(order.id)"},
        "records": "order",
    }
}
BATCH = {
    "where": {"id": "order.id"},
    "http": {
        "connection": "shop",
        "path": "/orders",
        "query": {"ids": "{{ ids | join(',') }}"},
        "batch": {"size": 50},
    },
}


def lookup(source: dict[str, Any], **options: Any) -> dict[str, Any]:
    return {"lookup": {"name": "found", **source, **options}}


def ids(values: list[Any]) -> list[int]:
    return [value["id"] for value in values]


def eight() -> list[dict[str, Any]]:
    return [{"id": number} for number in range(1, 9)]


@pytest.mark.parametrize("how", [500, 502, "reset", "silent"])
@pytest.mark.parametrize("source", [HTTP, BATCH])
async def test_a_question_without_an_answer_holds_up_no_other(
    chain: Any, orders: Orders, source: Any, how: Any
) -> None:
    orders.bad = {"3": how}
    steps = chain(lookup(source), endpoints=orders.endpoints, batch=8)
    assert ids(await steps.values(*eight())) == [1, 2, 4, 5, 6, 7, 8]
    assert steps.books.counts == {"missing": 1}
    assert steps.books.reasons["2"].startswith("transform.0.lookup: shop: GET /orders")


@pytest.mark.parametrize("source", [ODATA, GRAPHQL])
async def test_so_it_is_for_other_protocols(chain: Any, orders: Orders, source: Any) -> None:
    orders.bad = {"3": 500}
    steps = chain(lookup(source), endpoints=orders.endpoints, batch=8)
    assert ids(await steps.values(*eight())) == [1, 2, 4, 5, 6, 7, 8]
    assert steps.books.counts == {"missing": 1}


@pytest.mark.parametrize("source", [HTTP, BATCH])
async def test_what_may_not_be_read_is_rejected_alone(chain: Any, orders: Orders, source: Any) -> None:
    orders.bad = {"3": 403}
    steps = chain(lookup(source), endpoints=orders.endpoints, batch=8)
    assert ids(await steps.values(*eight())) == [1, 2, 4, 5, 6, 7, 8]
    assert steps.books.counts == {"rejected": 1}
    assert "It said: not this one" in steps.books.reasons["2"]


@pytest.mark.parametrize(("how", "error"), [(403, SetupError), (401, SetupError), (503, OutageError)])
@pytest.mark.parametrize("source", [HTTP, BATCH, GRAPHQL])
@pytest.mark.parametrize("batch", [1, 8])
async def test_where_nothing_is_answered_the_service_is_to_blame(
    chain: Any, orders: Orders, source: Any, how: int, error: type[Exception], batch: int
) -> None:
    orders.bad = {str(number): how for number in range(1, 9)}
    steps = chain(lookup(source), endpoints=orders.endpoints, batch=batch)
    with pytest.raises(error):
        await steps.values(*eight())


@pytest.mark.parametrize(("how", "error"), [(401, SetupError), (429, OutageError)])
async def test_who_asks_or_how_much_is_no_entitys_matter(
    chain: Any, orders: Orders, how: int, error: type[Exception]
) -> None:
    orders.bad = {"3": how}
    with pytest.raises(error):
        await chain(lookup(HTTP), endpoints=orders.endpoints, batch=8).values(*eight())


@pytest.mark.parametrize("source", [HTTP, BATCH])
async def test_those_that_come_first_do_not_hold_up_what_follows(chain: Any, orders: Orders, source: Any) -> None:
    """As those do that an earlier run put off: nobody knows of them until something is answered."""
    orders.bad = dict.fromkeys("12345", 500)
    steps = chain(lookup(source), endpoints=orders.endpoints, batch=5)
    assert ids(await steps.values(*eight())) == [6, 7, 8]
    assert steps.books.counts == {"missing": 5}


@pytest.mark.parametrize("answered", [1, 5, 12])
async def test_a_service_that_goes_away_meanwhile_costs_nothing(chain: Any, orders: Orders, answered: int) -> None:
    orders.left = answered
    steps = chain(lookup(HTTP), endpoints=orders.endpoints, batch=10)
    with pytest.raises(OutageError):
        await steps.values(*({"id": number} for number in range(30)))


async def test_it_is_asked_again_in_the_next_batch(chain: Any, orders: Orders) -> None:
    """No answer is nothing to remember."""
    orders.bad = {"3": 500}

    def back(first: int) -> None:
        if first:
            orders.bad = {}

    steps = chain(lookup(HTTP), endpoints=orders.endpoints, batch=2, before_batch=back)
    assert ids(await steps.values({"id": 1}, {"id": 3}, {"id": 3}, {"id": 1})) == [1, 3, 1]
    assert orders.asked == {"1": 1, "3": 2}


async def test_one_element_without_an_answer_holds_back_its_entity_alone(chain: Any, orders: Orders) -> None:
    orders.bad = {"3": 500}
    http = {"connection": "shop", "path": "/orders/{{ item }}"}
    steps = chain(lookup({"http": http}, each="order.lines"), endpoints=orders.endpoints, batch=8)
    values = [{"id": 1, "lines": [1, 2]}, {"id": 2, "lines": [3, 4]}, {"id": 3, "lines": []}]
    assert ids(await steps.values(*values)) == [1, 3]
    assert steps.books.reasons["1"].startswith("transform.0.lookup: element 1: shop: GET /orders/3")


@pytest.mark.parametrize("missing", ["null", "reject", "fail"])
async def test_no_answer_is_not_that_nothing_was_found(chain: Any, orders: Orders, missing: str) -> None:
    orders.bad = {"3": 500}
    steps = chain(lookup(HTTP, missing=missing), endpoints=orders.endpoints, batch=8)
    assert ids(await steps.values(*eight())) == [1, 2, 4, 5, 6, 7, 8]
    assert steps.books.counts == {"missing": 1}


async def test_a_live_run_looks_whether_the_service_is_there(chain: Any, orders: Orders) -> None:
    orders.bad = {"3": 500}
    steps = chain(lookup(HTTP), endpoints=orders.endpoints, batch=1, kind="live")
    assert ids(await steps.values({"id": 1}, {"id": 3}, {"id": 4})) == [1, 4]
    assert steps.books.counts == {"missing": 1}
    assert orders.asked == {"1": 2, "3": 1, "4": 1}
    alone = chain(lookup(HTTP), endpoints=orders.endpoints, batch=1, kind="live")
    with pytest.raises(OutageError):
        await alone.values({"id": 3})


async def test_many_of_a_thousand_fail_alone_where_the_service_is_there(chain: Any, orders: Orders) -> None:
    orders.bad = dict.fromkeys(map(str, range(0, 300, 10)), 500)
    steps = chain(lookup(HTTP), endpoints=orders.endpoints, batch=100)
    assert len(await steps.values(*({"id": number} for number in range(300)))) == 270
    assert steps.books.counts == {"missing": 30}


@pytest.mark.parametrize(
    ("odd", "told"), [("\ud800", "half of a surrogate pair"), ("x" * 9000, "more than 8000 characters")]
)
async def test_a_key_that_cannot_be_written_holds_up_no_other_of_its_request(
    chain: Any, orders: Orders, odd: str, told: str
) -> None:
    steps = chain(lookup(BATCH), endpoints=orders.endpoints, batch=100)
    out = await steps.values(*({"id": number} for number in ("1", "2", odd, "3", "4")))
    assert [value["id"] for value in out] == ["1", "2", "3", "4"]
    assert list(steps.books.reasons) == ["2"]
    assert told in steps.books.reasons["2"]


async def test_keys_that_are_too_long_together_are_asked_for_in_halves(chain: Any, orders: Orders) -> None:
    steps = chain(lookup(BATCH, missing=None), endpoints=orders.endpoints, batch=100)
    out = await steps.values(*({"id": f"{number}{'x' * 3000}"} for number in range(5)), {"id": "1"})
    assert len(out) == 6
    assert steps.books.reasons == {}

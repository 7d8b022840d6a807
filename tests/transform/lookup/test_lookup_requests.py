"""Look-ups that post, that are made for each line of an entity, and that ask for many keys at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from airflow_integrations.errors import AnswerError
from airflow_integrations.http import Endpoint
from airflow_integrations.transform.lookup import remembered


class Catalogue:
    """A service that knows the products a to f, and does not like ``bad``."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.most = 100

    async def search(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.asked.append(body)
        skus = body["skus"]
        if "bad" in skus or len(skus) > self.most:
            return web.json_response({"message": "bad is no sku"}, status=422)
        return web.json_response({"items": [{"sku": sku, "id": f"P-{sku}"} for sku in skus if sku in "abcdef"]})

    async def form(self, request: web.Request) -> web.Response:
        self.asked.append(dict(await request.post()))
        return web.Response(text="sku;id\na;7\n", content_type="text/csv")

    async def broken(self, request: web.Request) -> web.Response:
        return web.Response(text="ERROR the disk is full\n", content_type="text/csv")


@pytest.fixture
async def service() -> AsyncIterator[tuple[Catalogue, dict[str, Any]]]:
    catalogue = Catalogue()
    app = web.Application()
    app.router.add_post("/search", catalogue.search)
    app.router.add_post("/form", catalogue.form)
    app.router.add_get("/broken", catalogue.broken)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield catalogue, {"pim": Endpoint("pim", f"http://127.0.0.1:{runner.addresses[0][1]}", retry_budget=0)}
    await runner.cleanup()


def step(**options: Any) -> dict[str, Any]:
    asks = {"connection": "pim", "path": "/search", "records": "body.items", **options.pop("http", {})}
    return {"lookup": {"name": "product", "http": asks, **options}}


IDS = {"set": {"ids": "[p.id if p else None for p in product]"}}


async def test_a_body_is_posted_and_equal_ones_are_sent_once(chain: Any, service: Any) -> None:
    catalogue, endpoints = service
    one = step(http={"body": {"skus": "[order.sku]"}})
    out = await chain(one, {"set": {"id": "product.id"}}, endpoints=endpoints).values(
        {"sku": "a"}, {"sku": "b"}, {"sku": "a"}
    )
    assert [value["id"] for value in out] == ["P-a", "P-b", "P-a"]
    assert sorted(asked["skus"] for asked in catalogue.asked) == [["a"], ["b"]]


async def test_a_form_and_a_format_of_its_own(chain: Any, service: Any) -> None:
    catalogue, endpoints = service
    asks = {"path": "/form", "records": None, "form": {"sku": "{{ order.sku }}"}, "csv": {"delimiter": ";"}}
    out = await chain(step(http=asks), {"set": {"id": "product.id"}}, endpoints=endpoints).values({"sku": "a"})
    assert [value["id"] for value in out] == ["7"]
    assert catalogue.asked == [{"sku": "a"}]


async def test_error_when_sees_the_head_of_what_is_read_record_by_record(chain: Any, service: Any) -> None:
    _, endpoints = service
    asks = {"path": "/broken", "records": None, "format": "csv", "error_when": "body.text.startswith('ERROR')"}
    steps = chain(step(http=asks), endpoints=endpoints)
    assert await steps.values({"sku": "a"}) == []
    assert "as error_when says" in steps.books.reasons["0"]
    assert "the disk is full" in steps.books.reasons["0"]


async def test_each_line_is_looked_up_and_equal_ones_once(chain: Any, service: Any) -> None:
    catalogue, endpoints = service
    lines = step(each="order.skus", http={"body": {"skus": "[item]"}}, missing=None)
    out = await chain(lines, IDS, endpoints=endpoints).values({"skus": ["a", "x", "a", "b"]}, {"skus": []})
    assert [value["ids"] for value in out] == [["P-a", None, "P-a", "P-b"], []]
    assert len(catalogue.asked) == 3


async def test_a_line_that_is_not_found_is_named(chain: Any, service: Any) -> None:
    _, endpoints = service
    lines = step(each="order.skus", http={"body": {"skus": "[item]"}})
    steps = chain(lines, endpoints=endpoints)
    assert await steps.values({"skus": ["a", "x"]}, {"skus": None}, {"skus": "abc"}) == []
    assert "element 2: no product found for POST /search" in steps.books.reasons["0"]
    assert "order.skus is null or missing; write order.skus or []" in steps.books.reasons["1"]
    assert "is not a list but text" in steps.books.reasons["2"]


TOGETHER = {"body": {"skus": "ids"}, "batch": {"size": 3}}


async def test_one_request_asks_for_many_keys_of_many_entities(chain: Any, service: Any) -> None:
    catalogue, endpoints = service
    many = step(each="order.skus", where={"sku": "item"}, http=TOGETHER, missing=None)
    out = await chain(many, IDS, endpoints=endpoints, batch=10).values(
        {"skus": ["a", "b", "a"]}, {"skus": ["c", "x"]}, {"skus": ["d", None]}
    )
    assert [value["ids"] for value in out] == [["P-a", "P-b", "P-a"], ["P-c", None], ["P-d", None]]
    assert sorted(map(tuple, (asked["skus"] for asked in catalogue.asked))) == [("a", "b", "c"), ("x", "d")]


async def test_keys_that_were_asked_for_are_remembered(chain: Any, service: Any) -> None:
    catalogue, endpoints = service
    many = step(where={"sku": "order.sku"}, http=TOGETHER, missing=None)
    await chain(many, endpoints=endpoints, batch=2).values(*({"sku": sku} for sku in "abaxbx"))
    assert [asked["skus"] for asked in catalogue.asked] == [["a", "b"], ["x"]]


async def test_a_key_that_the_service_refuses_rejects_its_entity_alone(chain: Any, service: Any) -> None:
    catalogue, endpoints = service
    many = step(where={"sku": "order.sku"}, http={**TOGETHER, "batch": {"size": 100}})
    skus = [*"abcdef", "bad", *"abcdef"]
    steps = chain(many, endpoints=endpoints, batch=100)
    assert len(await steps.values(*({"sku": sku} for sku in skus))) == 12
    assert list(steps.books.reasons) == ["6"]
    assert "pim: POST /search: answered 422: bad is no sku" in steps.books.reasons["6"]
    assert len(catalogue.asked) <= 8


async def test_a_batch_that_is_too_large_for_the_service_is_halved(chain: Any, service: Any) -> None:
    catalogue, endpoints = service
    catalogue.most = 2
    many = step(where={"sku": "order.sku"}, http={**TOGETHER, "batch": {"size": 100}})
    assert len(await chain(many, endpoints=endpoints, batch=100).values(*({"sku": sku} for sku in "abcdef"))) == 6


async def test_fail_ends_the_run(chain: Any, service: Any) -> None:
    _, endpoints = service
    with pytest.raises(AnswerError, match="no product found for sku = x, and missing: fail ends the run"):
        await chain(step(where={"sku": "order.sku"}, http=TOGETHER, missing="fail"), endpoints=endpoints).values(
            {"sku": "x"}
        )


async def test_a_list_is_looked_up_within_bounds(chain: Any, service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _, endpoints = service
    monkeypatch.setattr("airflow_integrations.transform.lookup.step.MOST_ELEMENTS", 3)
    monkeypatch.setattr(remembered, "CACHED_ANSWERS", 2)
    many = step(each="order.skus", where={"sku": "item"}, http=TOGETHER, missing=None)
    steps = chain(many, endpoints=endpoints)
    assert len(await steps.values({"skus": ["a", "b", "c"]}, {"skus": list("abcd")})) == 1
    assert "has 4 elements; at most 3 are looked up" in steps.books.reasons["1"]

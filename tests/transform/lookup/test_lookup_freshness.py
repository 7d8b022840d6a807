"""How old what a lookup found may be: in runs for events never older than the event that asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError
from transform_chain import parse

from airflow_integrations.config.file_reference import Folder
from airflow_integrations.errors import OutageError
from airflow_integrations.http import Endpoint


class Shop:
    """A service whose orders change."""

    def __init__(self) -> None:
        self.orders: dict[str, Any] = {}
        self.asked: Counter[str] = Counter()

    async def order(self, request: web.Request) -> web.Response:
        number = request.match_info["number"]
        self.asked[number] += 1
        return web.json_response(self.orders[number]) if number in self.orders else web.Response(status=404)

    async def all(self, request: web.Request) -> web.Response:
        self.asked["all"] += 1
        return web.json_response(list(self.orders.values()))


@pytest.fixture
async def shop() -> AsyncIterator[tuple[Shop, dict[str, Any]]]:
    shop = Shop()
    app = web.Application()
    app.router.add_get("/orders/{number}", shop.order)
    app.router.add_get("/orders", shop.all)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield shop, {"shop": Endpoint("shop", f"http://127.0.0.1:{runner.addresses[0][1]}", retry_budget=0)}
    await runner.cleanup()


def steps(path: str = "/orders/{{ order.number }}", **options: Any) -> list[dict[str, Any]]:
    http = {"connection": "shop", "path": path}
    options.setdefault("missing", "null")
    found = "found.amount if found is not None else None"
    return [{"lookup": {"name": "found", "http": http, **options}}, {"map": {"amount": found}}]


@pytest.mark.parametrize(
    ("kind", "cache", "amounts"),
    [
        ("live", None, [1, 2, 3]),
        ("event", None, [1, 2, 3]),
        ("live", "none", [1, 2, 3]),
        ("scheduled", "none", [1, 2, 3]),
        ("scheduled", None, [1, 1, 1]),
        ("live", "run", [1, 1, 1]),
        ("live", "90s", [1, 1, 3]),  # a minute passes between the batches
        ("scheduled", "90s", [1, 1, 3]),
    ],
)
async def test_how_long_an_answer_is_used(
    chain: Any, shop: Any, kind: str, cache: str | None, amounts: list[int]
) -> None:
    service, endpoints = shop
    clock = [1_000_000.0]

    def changed(first: int) -> None:
        service.orders["7"] = {"amount": first + 1}
        clock[0] += 60

    options = {} if cache is None else {"cache": cache}
    made = chain(*steps(**options), endpoints=endpoints, kind=kind, batch=1, now=lambda: clock[0], before_batch=changed)
    assert [value["amount"] for value in await made.values(*[{"number": "7"}] * 3)] == amounts


async def test_equal_requests_of_a_batch_of_events_are_sent_once(chain: Any, shop: Any) -> None:
    service, endpoints = shop
    service.orders["7"] = {"amount": 1}
    await chain(*steps(), endpoints=endpoints, kind="live", batch=3).values(*[{"number": "7"}] * 6)
    assert service.asked == {"7": 2}


@pytest.mark.parametrize("cache", ["run", "1h"])
@pytest.mark.parametrize("path", ["/orders/{{ order.number }}", "/orders"])
async def test_nothing_found_is_not_remembered_in_runs_for_events(chain: Any, shop: Any, cache: str, path: str) -> None:
    """Also where the answer was a list, and the row that is wanted is not in it."""
    service, endpoints = shop
    service.orders["1"] = {"number": "1", "amount": 1}

    def arrives(first: int) -> None:
        if first == 1:
            service.orders["7"] = {"number": "7", "amount": 5}

    made = chain(
        *steps(path, cache=cache, where={"number": "order.number"}),
        endpoints=endpoints,
        kind="event",
        batch=1,
        before_batch=arrives,
    )
    values = await made.values(*[{"number": "7"}] * 3)
    assert [value["amount"] for value in values] == [None, 5, 5]
    assert service.asked.total() == 2  # what was found is remembered, as the route says


def table(path: Path, rate: str) -> None:
    """Written beside and moved there, as deployments do."""
    beside = path.with_suffix(".new")
    beside.write_text(rate)
    beside.replace(path)


TAX = [{"lookup": {"name": "tax", "file": "tax.csv", "where": {"code": "order.code"}}}, {"map": {"rate": "tax.rate"}}]


@pytest.mark.parametrize(("kind", "rates"), [("live", ["10", "21", "21"]), ("scheduled", ["10", "10", "10"])])
async def test_a_live_run_sees_that_a_table_has_changed(
    chain: Any, tmp_path: Path, kind: str, rates: list[str]
) -> None:
    file = tmp_path / "tax.csv"
    table(file, "code,rate\nA,10\n")

    def changed(first: int) -> None:
        if first == 1:
            table(file, "code,rate\nA,21\n")

    made = chain(*TAX, kind=kind, batch=1, before_batch=changed)
    assert [value["rate"] for value in await made.values(*[{"code": "A"}] * 3)] == rates


@pytest.mark.parametrize("content", [None, "code,rate\nA,10\nA,21\n"])
async def test_a_table_that_cannot_be_read_makes_events_wait(chain: Any, tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "tax.csv"
    table(file, "code,rate\nA,10\n")

    def broken(first: int) -> None:
        if first == 1:
            file.unlink() if content is None else table(file, content)

    with pytest.raises(OutageError, match=r"tax\.csv"):
        await chain(*TAX, kind="live", batch=1, before_batch=broken).values(*[{"code": "A"}] * 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cache": "0s"}, "cache is more than nothing"),
        ({"cache": "soon"}, "is not a duration"),
        ({"http": None, "file": "tax.csv", "where": {"a": "order.a"}, "cache": "5m"}, "cache goes with http"),
    ],
)
def test_mistakes_of_cache(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    table(tmp_path / "tax.csv", "a\n1\n")
    step = steps()[0]
    step["lookup"] |= options
    with pytest.raises(ValidationError, match=message):
        parse(step, Folder(tmp_path, tmp_path))


def test_cache_is_a_word_or_a_time() -> None:
    def cache(**options: Any) -> Any:
        return parse(steps(**options)[0]).config.cache

    assert (cache(), cache(cache="run"), cache(cache="5m")) == (None, "run", timedelta(minutes=5))

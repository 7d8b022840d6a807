"""A look-up that the service cannot answer for one order: that order waits, the others go out, nothing goes twice."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from asked_world import AskedWorld, Service
from engine_kinds import MemoryIncoming, MemoryOutgoing

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.errors import OutageError
from airflow_integrations.ledger.runs.runs import route_state
from airflow_integrations.run import Run
from airflow_integrations.staging.folder import Staging


class Shop(Service):
    """Answers 500 for the orders in ``bad``."""

    def __init__(self) -> None:
        self.bad: set[str] = set()

    async def order(self, request: web.Request) -> web.Response:
        key = request.match_info["key"]
        return web.Response(status=500) if key in self.bad else web.json_response({"total": f"T{key}"})


class World(AskedWorld):
    service: Shop

    def load(self, **options: Any) -> None:
        more = {"lookup": {"name": "more", "http": {"connection": "shop", "path": "/orders/{{ order.id }}"}}}
        super().load(
            incoming={"memory": {}},
            transform=[more, {"map": {"id": "order.id", "total": "more.total"}}],
            delivery={"retry": {"attempts": 2, "delay": "10m", "max_delay": "10m"}},
            **options,
        )

    @property
    def shop(self) -> Shop:
        return self.service

    def begins(self, *records: Any) -> tuple[Run, Staging]:
        MemoryIncoming.pages_to_give = [list(records)]
        return self.begin()

    async def run(self, *records: Any) -> dict[str, int]:
        MemoryIncoming.pages_to_give = [list(records)]
        return await self.fetched_run()


@pytest.fixture
async def world(ledger_url: str, tmp_path: Path) -> AsyncIterator[World]:
    shop = Shop()
    async with shop.answering({"/orders/{key}": shop.order}):
        made = World(shop, ledger_url, tmp_path)
        yield made
        made.ledger.close()


@pytest.fixture(autouse=True)
def nothing_sent() -> None:
    MemoryOutgoing.sent.clear()


def sent() -> list[int]:
    return sorted(json.loads(outbound.encoded)["id"] for batch in MemoryOutgoing.sent for outbound in batch)


def orders(*numbers: int) -> list[dict[str, int]]:
    return [{"id": number} for number in numbers]


async def test_it_goes_out_when_the_service_recovers(world: World) -> None:
    world.shop.bad = {"3"}
    assert await world.run(*orders(*range(1, 9))) == {"fetched": 8, "delivered": 7, "retrying": 1}
    assert sent() == [1, 2, 4, 5, 6, 7, 8]
    assert route_state(world.ledger, "orders").mark is not None  # the ledger keeps it: its window is done
    waits = world.entity("3")
    assert (waits.status, waits.attempts) == ("retrying", 1)
    assert "500 Internal Server Error" in waits.message
    world.shop.bad = set()
    world.clock.now += 601
    assert await world.run(*orders(9)) == {"fetched": 1, "carried_in": 1, "delivered": 2}
    assert sent() == [1, 2, 3, 4, 5, 6, 7, 8, 9]


async def test_after_its_last_attempt_it_is_rejected_and_not_sent(world: World) -> None:
    world.shop.bad = {"3"}
    await world.run(*orders(1, 3))
    world.clock.now += 601
    # it comes first, in a batch of its own, where nothing was answered yet
    assert await world.run(*orders(4)) == {"fetched": 1, "carried_in": 1, "delivered": 1, "rejected": 1}
    assert world.entity("3").status == "rejected"
    assert "looked 2 times since" in world.entity("3").message
    world.shop.bad = set()
    world.clock.now += 601
    assert await world.run(*orders(5)) == {"fetched": 1, "delivered": 1}
    assert sent() == [1, 4, 5]


async def test_a_service_that_is_away_costs_no_attempt(world: World) -> None:
    world.shop.bad = {"3"}
    await world.run(*orders(1, 3))
    world.clock.now += 601
    world.shop.bad = {"3", "4"}
    run, staging = world.begins(*orders(4))
    async with world.services() as services:
        await fetch(run, services, staging)
        for _ in range(3):  # the task's tries
            with pytest.raises(OutageError):
                await transform(run, services, staging)
        assert world.entity("3").attempts == 1
        world.shop.bad = set()
        await transform(run, services, staging)
        assert await world.rest(run, services, staging) == {"fetched": 1, "carried_in": 1, "delivered": 2}
    assert sent() == [1, 3, 4]


async def test_a_task_that_starts_over_decides_anew(world: World) -> None:
    """Transform was killed behind its work, and its next try finds the service well."""
    world.shop.bad = {"3"}
    run, staging = world.begins(*orders(1, 2, 3))
    async with world.services() as services:
        await fetch(run, services, staging)
        await transform(run, services, staging)
        assert (world.entity("3").status, world.entity("3").attempts) == ("retrying", 1)
        world.shop.bad = set()
        await transform(run, services, staging)
        assert await world.rest(run, services, staging) == {"fetched": 3, "delivered": 3}
    assert sent() == [1, 2, 3]
    assert world.entity("3").status == "delivered"

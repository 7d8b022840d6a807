"""A night in which the system that a lookup asks is away: the events wait, nothing fails, nothing floods."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from engine_kinds import Clock, MemoryOutgoing

from airflow_integrations.engine.live.consumer import Consumer
from airflow_integrations.http import Endpoint
from airflow_integrations.ledger.actions import entity_actions
from airflow_integrations.ledger.actions.selection import Selection
from airflow_integrations.ledger.inbox.event_rows import NewEvent
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.queries.entities import where
from airflow_integrations.ledger.queries.overview import runs
from airflow_integrations.ledger.runs.runs import route_state
from airflow_integrations.run import Run, Services

LOOKUP = {
    "lookup": {"name": "customer", "http": {"connection": "crm", "path": "/customers/{{ order.customer }}"}},
}
MAP = {"map": {"number": "order.number", "segment": "customer.segment"}}


class Crm:
    """A service that is away until it is told otherwise."""

    def __init__(self) -> None:
        self.away = True
        self.asked = 0
        self.url = ""

    async def customer(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self.away:
            return web.Response(status=503)
        known = request.match_info["id"] != "unknown"
        return web.json_response({"segment": "A"}) if known else web.Response(status=404)

    def endpoint(self, connection: str) -> Endpoint:
        return Endpoint(connection, self.url, retry_budget=0)

    def variable(self, name: str) -> str | None:
        return None


@pytest.fixture
async def crm() -> AsyncIterator[Crm]:
    crm = Crm()
    app = web.Application()
    app.router.add_get("/customers/{id}", crm.customer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    crm.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield crm
    await runner.cleanup()


class Night:
    """A consumer whose clock a test moves on: no second of it is waited for."""

    def __init__(self, run: Run, crm: Crm, url: str, folder: Path) -> None:
        self.clock = Clock()
        self.ledger = Ledger.open(url)
        self.services = Services(crm, now=self.clock, ledger=self.ledger)
        self.consumer = Consumer(run.route, self.services, str(folder / "staging"), "c1")

    def put(self, *records: Any) -> None:
        event = NewEvent(route="orders", event_id=uuid.uuid4().hex, body=json.dumps(records).encode(), source="webhook")
        self.ledger.inbox.put([event], self.clock())

    async def passes(self, minutes: int) -> None:
        for _ in range(minutes * 2):
            while await self.consumer._work_to_do(self.clock()):
                pass
            self.clock.now += 30

    def books(self) -> list[Any]:
        return list(runs(self.ledger, "orders", limit=1000).runs)

    def status(self, key: str) -> str | None:
        found = where(self.ledger, "orders", key, self.clock())
        return found.status if found else None

    def waits(self) -> int:
        return sum(waiting.events for waiting in self.ledger.inbox.waiting(self.clock()))


@pytest.fixture
async def night(
    make_run: Callable[..., Run], crm: Crm, ledger_url: str, tmp_path: Path
) -> AsyncIterator[Callable[..., Night]]:
    made: list[Night] = []

    def make(*steps: dict[str, Any]) -> Night:
        run = make_run(route={"trigger": {"latency": "low"}, "transform": list(steps or (LOOKUP, MAP))})
        made.append(Night(run, crm, ledger_url, tmp_path))
        return made[-1]

    yield make
    for one in made:
        await one.services.__aexit__(None, None, None)
        one.ledger.close()


def sent() -> list[Any]:
    return [json.loads(outbound.encoded)["number"] for batch in MemoryOutgoing.sent for outbound in batch]


@pytest.mark.parametrize("steps", [(LOOKUP, MAP), ({"merge": "last"}, LOOKUP, MAP)])
async def test_events_wait_out_the_night(night: Callable[..., Night], crm: Crm, steps: Any) -> None:
    scene = night(*steps)
    scene.put({"number": 1, "customer": "a"}, {"no": "key"})
    await scene.passes(minutes=10)
    scene.put({"number": 2, "customer": "a"})
    await scene.passes(minutes=8 * 60)
    assert crm.asked < 60  # a try at most each quarter of an hour, each asks for what is equal once
    assert len(scene.books()) < 60
    assert scene.waits() == 2
    assert route_state(scene.ledger, "orders").outages > 10
    assert not any(books.counts.get(name) for books in scene.books() for name in ("fetched", "rejected", "failed"))
    assert [books.verdict for books in scene.books()] == [None] * len(scene.books())
    crm.away = False
    await scene.passes(minutes=31)
    assert sorted(sent()) == [1, 2]
    assert scene.waits() == 0
    assert {scene.status("1"), scene.status("2")} == {"delivered"}
    assert sum(books.counts.get("rejected", 0) for books in scene.books()) == 1
    assert route_state(scene.ledger, "orders").outages == 0


async def test_what_went_through_before_is_delivered_and_the_circuit_begins_with_its_shortest_pause(
    night: Callable[..., Night], crm: Crm
) -> None:
    scene = night()
    crm.away = False
    scene.put({"number": 1, "customer": "a"})
    assert await scene.consumer._work_to_do(scene.clock())
    crm.away = True
    scene.put({"number": 2, "customer": "b"})
    await scene.consumer._work_to_do(scene.clock())
    assert sent() == [1]
    assert 0 < route_state(scene.ledger, "orders").circuit_until - scene.clock() <= 30
    assert scene.waits() == 1


async def test_a_rejected_entity_that_is_tried_again_meanwhile_waits_as_well(
    night: Callable[..., Night], crm: Crm
) -> None:
    """It is in no event: the ledger keeps it, with its payload, and the outage costs it no attempt."""
    scene = night()
    crm.away = False
    scene.put({"number": 1, "customer": "unknown"}, {"number": 2, "customer": "unknown"})
    await scene.passes(minutes=2)
    assert {scene.status("1"), scene.status("2")} == {"rejected"}
    entity_actions.retry(scene.ledger, Selection("orders", keys=frozenset({"1"})), "jane", scene.clock())
    crm.away = True
    await scene.passes(minutes=60)
    found = where(scene.ledger, "orders", "1", scene.clock())
    assert found is not None
    assert found.status == "retrying"
    assert found.attempts == 0
    crm.away = False
    await scene.passes(minutes=31)
    assert {scene.status("1"), scene.status("2")} == {"rejected"}
    for books in scene.books():
        went = sum(books.counts.get(name, 0) for name in ("delivered", "rejected", "retrying"))
        assert went == books.counts.get("fetched", 0) + books.counts.get("carried_in", 0)
        assert "do not balance" not in (books.verdict or "")

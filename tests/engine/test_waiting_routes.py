"""An order waits in the ledger for its customer, which another route delivers, and goes out in that moment."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from engine_kinds import Clock, MemoryIncoming, MemoryOutgoing, NoConnections

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.live.consumer import Consumer
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.balance import Balance
from airflow_integrations.engine.settle.rejections import conclude_rejected
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.ledger.actions.entity_actions import confirm
from airflow_integrations.ledger.actions.selection import Selection
from airflow_integrations.ledger.inbox.event_rows import NewEvent
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.maintenance.waiting import sweep_waits
from airflow_integrations.ledger.queries.entities import where
from airflow_integrations.ledger.queries.overview import runs
from airflow_integrations.ledger.records import Outcome
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.ledger.runs.runs import begin_run
from airflow_integrations.ledger.runs.waits import wake_delivered, woken_routes
from airflow_integrations.outgoing import Result
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging
from airflow_integrations.window import Window

WINDOW = Window(datetime.fromisoformat("2026-01-01T00:00Z"), datetime.fromisoformat("2026-01-02T00:00Z"))
CUSTOMERS: dict[str, Any] = {
    "route": "customers",
    "entity": {"name": "customer", "key": "customer.id"},
    "incoming": {"memory": {}},
    "trigger": {"latency": "low"},
    "outgoing": {"memory": {}},
}
ORDERS: dict[str, Any] = {
    "route": "orders",
    "entity": {"name": "order", "key": "order.number"},
    "incoming": {"memory": {}},
    "schedule": {"every": "1h"},
    "trigger": {"latency": "low"},
    "transform": [
        {"lookup": {"name": "customer", "route": "customers", "key": "order.customer", "missing": "retry"}},
        {"map": {"number": "order.number", "erp": "customer.target_id"}},
    ],
    "outgoing": {"memory": {}},
    "delivery": {"retry": {"attempts": 3, "delay": "1h", "max_delay": "1h"}},
}


class World:
    """Routes of one ledger, run by run; the clock is moved on by the test."""

    def __init__(self, url: str, folder: Path) -> None:
        self.clock = Clock()
        self.ledger = Ledger.open(url)
        self.folder = folder
        self.number = 0

    def services(self) -> Services:
        return Services(NoConnections(), now=self.clock, ledger=self.ledger)

    async def run(self, definition: dict[str, Any], *records: Any, **asked: Any) -> dict[str, int]:
        """A run that fetches these; its books."""
        self.number += 1
        MemoryIncoming.pages_to_give = [list(records)]
        run = Run(Route.load(definition), f"run-{self.number}", WINDOW, **asked)
        staging = Staging(self.folder / "staging", run.route.route, run.run_id)
        async with self.services() as services:
            await fetch(run, services, staging)
            await transform(run, services, staging)
            await push(run, services, staging)
            return went(await settle(run, services, staging))

    def entity(self, key: str, route: str = "orders") -> Any:
        return where(self.ledger, route, key, self.clock())


@pytest.fixture
def world(ledger_url: str, tmp_path: Path) -> Iterator[World]:
    made = World(ledger_url, tmp_path)
    yield made
    made.ledger.close()


def sent() -> list[Any]:
    return [json.loads(outbound.encoded) for batch in MemoryOutgoing.sent for outbound in batch]


def went(balance: Balance) -> dict[str, int]:
    assert balance.balanced
    return {name: count for name, count in balance.counts.items() if count}


async def test_an_order_is_due_in_the_moment_its_customer_is_delivered(world: World) -> None:
    assert await world.run(ORDERS, {"number": 1, "customer": "C-1"}) == {"fetched": 1, "retrying": 1}
    waiting = world.entity("1")
    assert "customers has not delivered the customer C-1: the route has not had it" in waiting.message
    assert [(other.route, other.key, other.words) for other in waiting.waits_for] == [
        ("customers", "C-1", "not seen yet")
    ]
    assert waiting.next_attempt > world.clock() + 1000
    assert woken_routes(world.ledger, world.clock()) == {}
    await world.run(CUSTOMERS, {"id": "C-1"}, {"id": "C-2"})
    assert world.entity("1").next_attempt == world.clock()
    assert woken_routes(world.ledger, world.clock()) == {"orders": 1}
    assert await world.run(ORDERS, events=True) == {"carried_in": 1, "delivered": 1}
    assert sent()[-1] == {"number": 1, "erp": world.entity("C-1", "customers").target_id}
    assert world.entity("1").waits_for == ()
    assert woken_routes(world.ledger, world.clock()) == {}


async def test_a_customer_that_is_there_already_is_found_at_once(world: World) -> None:
    await world.run(CUSTOMERS, {"id": "C-1"})
    assert await world.run(ORDERS, {"number": 1, "customer": "C-1"}) == {"fetched": 1, "delivered": 1}


async def test_a_customer_that_fails_is_named(world: World) -> None:
    MemoryOutgoing.answer = lambda batch: [Result("failed", reason="no such city") for _ in batch]
    await world.run(CUSTOMERS, {"id": "C-1"})
    assert await world.run(ORDERS, {"number": 1, "customer": "C-1"}) == {"fetched": 1, "retrying": 1}
    waiting = world.entity("1")
    assert [(other.key, other.status) for other in waiting.waits_for] == [("C-1", "failed")]
    assert "it is failed there" in waiting.message


async def test_an_order_with_many_things_to_wait_for_is_due_once_with_the_last(world: World) -> None:
    lookup = {"name": "parts", "route": "customers", "each": "order.parts", "key": "item", "missing": "retry"}
    orders = {**ORDERS, "transform": [{"lookup": lookup}, {"set": {"ids": "[p.target_id for p in parts]"}}]}
    await world.run(CUSTOMERS, {"id": "a"})
    assert await world.run(orders, {"number": 1, "parts": ["a", "b", "c", "b"]}) == {"fetched": 1, "retrying": 1}
    assert "element 2" in world.entity("1").message
    assert [other.key for other in world.entity("1").waits_for] == ["b", "c"]
    await world.run(CUSTOMERS, {"id": "b"})
    assert world.entity("1").next_attempt > world.clock()
    assert woken_routes(world.ledger, world.clock()) == {}
    await world.run(CUSTOMERS, {"id": "c"})
    assert await world.run(orders, events=True) == {"carried_in": 1, "delivered": 1}
    assert len(sent()[-1]["ids"]) == 4


async def test_a_delivery_between_the_look_and_the_note_is_not_missed(world: World) -> None:
    """Transform looked before the customer was delivered, and notes afterwards that the order waits."""
    await world.run(CUSTOMERS, {"id": "C-1"})
    ref = begin_run(
        world.ledger, "orders", "slow", kind="manual", window=WINDOW, route_hash="", staging="", now=world.clock()
    )
    late = Outcome(
        key="1",
        status="retrying",
        reason="not there",
        error_class="not_found",
        attempts=1,
        next_attempt=world.clock() + 3600,
        waits=(("customers", "C-1"),),
    )
    conclude_rejected(world.ledger, ref, [late], now=world.clock())
    assert world.entity("1").next_attempt == world.clock()
    assert woken_routes(world.ledger, world.clock()) == {"orders": 1}


async def test_what_a_process_that_died_did_not_say_is_found_by_the_maintenance(world: World) -> None:
    await world.run(CUSTOMERS, {"id": "C-1"})
    ref = begin_run(
        world.ledger, "orders", "dies", kind="manual", window=WINDOW, route_hash="", staging="", now=world.clock()
    )
    late = Outcome(
        key="1",
        status="retrying",
        error_class="not_found",
        attempts=1,
        next_attempt=world.clock() + 3600,
        waits=(("customers", "C-1"),),
    )
    conclude(world.ledger, ref, [late], now=world.clock())  # and died before it looked again
    assert world.entity("1").next_attempt > world.clock()
    assert sweep_waits(world.ledger, world.clock()) == 1
    assert world.entity("1").next_attempt == world.clock()
    assert sweep_waits(world.ledger, world.clock()) == 0


async def test_a_person_who_confirms_the_customer_wakes_the_order(world: World) -> None:
    ref = begin_run(
        world.ledger, "customers", "one", kind="manual", window=WINDOW, route_hash="", staging="", now=world.clock()
    )
    doubtful = Outcome(key="C-1", status="in_doubt", hash="a" * 32, error_class="unknown", attempts=1)
    conclude(world.ledger, ref, [doubtful], now=world.clock())
    await world.run(ORDERS, {"number": 1, "customer": "C-1"})
    assert [other.status for other in world.entity("1").waits_for] == ["in_doubt"]
    selection = Selection(route="customers", keys=frozenset({"C-1"}))
    confirm(world.ledger, selection, "delivered", "jane", world.clock(), target_id="T-1")
    assert await world.run(ORDERS, events=True) == {"carried_in": 1, "delivered": 1}
    assert sent()[-1] == {"number": 1, "erp": "T-1"}


async def test_a_child_waits_for_its_parent_in_its_own_route(world: World) -> None:
    lookup = {"name": "parent", "route": "categories", "key": "category.parent", "missing": "retry"}
    categories = {
        "route": "categories",
        "entity": {"name": "category", "key": "category.id"},
        "incoming": {"memory": {}},
        "transform": [
            {"filter": "category.id is not None"},
            {"lookup": {**lookup, "key": "category.parent or category.root"}},
        ],
        "schedule": {"every": "1h"},
        "outgoing": {"memory": {}},
    }
    plain = {**categories, "transform": []}
    await world.run(plain, {"id": "top"})
    assert await world.run(categories, {"id": "a", "parent": "top"}, {"id": "b", "parent": "a"}) == {
        "fetched": 2,
        "delivered": 1,
        "retrying": 1,
    }
    assert await world.run(categories, events=True) == {"carried_in": 1, "delivered": 1}


async def test_a_wait_that_is_over_leaves_nothing_behind(world: World) -> None:
    await world.run(ORDERS, {"number": 1, "customer": "C-1"})
    await world.run(ORDERS, {"number": 1, "customer": "C-2"})  # another customer now
    assert [other.key for other in world.entity("1").waits_for] == ["C-2"]
    await world.run(CUSTOMERS, {"id": "C-1"})
    assert world.entity("1").next_attempt > world.clock()
    wake_delivered(world.ledger, "nobody-knows-it", ["C-2"], world.clock())
    world.clock.now += 4 * 86_400
    assert await world.run(ORDERS) == {"carried_in": 1, "rejected": 1}
    assert sweep_waits(world.ledger, world.clock()) == 0
    await world.run(CUSTOMERS, {"id": "C-2"})
    assert world.entity("1").status == "rejected"  # a person has been told


async def test_a_consumer_takes_the_order_over_within_its_run(world: World) -> None:
    async with world.services() as services:
        orders = Consumer(Route.load(ORDERS), services, str(world.folder / "live"), "o")
        customers = Consumer(Route.load(CUSTOMERS), services, str(world.folder / "live"), "c")

        async def work() -> None:
            for consumer in (orders, customers):
                while await consumer._work_to_do(world.clock()):
                    pass

        def put(route: str, number: int, record: Any) -> None:
            event = NewEvent(route=route, event_id=f"e-{number}", body=json.dumps([record]).encode(), source="webhook")
            world.ledger.inbox.put([event], world.clock())

        await work()
        put("orders", 1, {"number": 1, "customer": "C-1"})
        await work()
        assert orders._run is not None
        await noted(world, "1", "retrying")
        put("orders", 2, {"number": 2, "customer": "C-2"})
        await work()
        for number in (1, 2):
            put("customers", 10 + number, {"id": f"C-{number}"})
            await work()
            await noted(world, f"C-{number}", "delivered", "customers")
            await work()
            await noted(world, str(number), "delivered")
        assert orders._run is not None  # one run did it all
        await orders._close()
        await customers._close()
    assert [record["number"] for record in sent() if "number" in record] == [1, 2]
    (books,) = runs(world.ledger, "orders", limit=100).runs
    assert books.verdict is None
    told = {name: count for name, count in books.counts.items() if count and "." not in name}
    assert told == {"fetched": 2, "carried_in": 2, "delivered": 2, "retrying": 2}


async def noted(world: World, key: str, status: str, route: str = "orders") -> None:
    """The ledger is behind a live run by a moment."""
    for _ in range(2_000):
        found = world.entity(key, route)
        if found is not None and found.status == status:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{key} of {route} is not {status} but {found}")


async def test_of_two_states_in_one_run_only_the_newest_says_what_is_waited_for(world: World) -> None:
    old, new = {"number": 1, "customer": "C-1"}, {"number": 1, "customer": "C-2"}
    assert await world.run(ORDERS, old, new) == {"fetched": 2, "retrying": 2}
    assert [other.key for other in world.entity("1").waits_for] == ["C-2"]
    await world.run(CUSTOMERS, {"id": "C-2"})
    assert world.entity("1").next_attempt <= world.clock()

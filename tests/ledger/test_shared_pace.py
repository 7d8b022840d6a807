"""All processes of a Connection keep its pace together, and urgent ones do not wait for the others."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import random
from collections.abc import Coroutine
from typing import Any

import pytest
from sqlalchemy import select

from airflow_integrations.errors import OutageError
from airflow_integrations.http.limits import Limits
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.pace import FAR, SharedPace, hold_pace, lease_turns
from airflow_integrations.ledger.storage import tables

LOG = logging.getLogger("airflow_integrations")


class Clock:
    """Time that jumps to the next moment for which somebody waits, once nobody has anything else to do."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._number = 0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self._number += 1
        waiter = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (self.now + seconds, self._number, waiter))
        await waiter

    async def run(self, *work: Coroutine[Any, Any, Any]) -> None:
        tasks = [asyncio.ensure_future(each) for each in work]
        while not all(task.done() for task in tasks):
            for _ in range(20):
                await asyncio.sleep(0)
            if self._waiting and not all(task.done() for task in tasks):
                self.now, _, waiter = heapq.heappop(self._waiting)
                waiter.set_result(None)
        await asyncio.gather(*tasks)


class Scene:
    """Processes, each with limits of its own, and one ledger."""

    def __init__(self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, rate: float) -> None:
        async def at_once(work: Any, *args: Any, **named: Any) -> Any:
            return work(*args, **named)

        monkeypatch.setattr(asyncio, "to_thread", at_once)  # the clock waits for no thread
        self.ledger, self.rate, self.clock = ledger, rate, Clock()
        self.turns: list[float] = []
        self.leases = 0

    def limits(self, priority: Any = "normal") -> Limits:
        rng = random.Random(len(self.turns))
        pace = SharedPace(self.ledger, "shop", priority=priority, now=self.clock, rng=rng, log=LOG)
        return Limits(requests_per_second=self.rate, sleep=self.clock.sleep, now=self.clock, pace=pace)

    async def ask(self, limits: Limits, until: float) -> None:
        while self.clock.now < until:
            await limits.turn()
            self.turns.append(self.clock.now)


@pytest.fixture
def ledger() -> Any:
    with Ledger.temporary() as made:
        yield made


@pytest.mark.parametrize("rate", [0.5, 4, 50])
def test_twenty_processes_keep_the_pace_of_one(ledger: Ledger, monkeypatch: pytest.MonkeyPatch, rate: float) -> None:
    scene = Scene(ledger, monkeypatch, rate)
    end = scene.clock.now + 200 / rate
    asyncio.run(scene.clock.run(*(scene.ask(scene.limits(), end) for _ in range(20))))
    turns = sorted(turn for turn in scene.turns if turn <= end)
    assert 0.98 * 200 <= len(turns) <= 201
    assert min(later - turn for turn, later in itertools.pairwise(turns)) >= 0.999 / rate


def test_a_critical_route_goes_first_and_a_low_one_has_its_share(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(ledger, monkeypatch, 20.0)
    end, waits, low = scene.clock.now + 30, [], []

    async def now_and_then(limits: Limits) -> None:
        while scene.clock.now < end:
            began = scene.clock.now
            await limits.turn()
            waits.append(scene.clock.now - began)
            await scene.clock.sleep(0.37)

    async def patiently(limits: Limits) -> None:
        while scene.clock.now < end:
            await limits.turn()
            low.append(scene.clock.now)

    bulk = (scene.ask(scene.limits(), end) for _ in range(19))
    critical, patient = now_and_then(scene.limits("critical")), patiently(scene.limits("low"))
    asyncio.run(scene.clock.run(critical, patient, *bulk))
    assert len(waits) > 30
    assert max(waits) < 1.0
    assert len(low) > 2


def test_turns_that_nobody_took_are_gone(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that pauses with leased turns has no right to a burst."""
    scene = Scene(ledger, monkeypatch, 40.0)
    limits = scene.limits()

    async def with_pauses() -> None:
        for _ in range(5):
            await scene.ask(limits, scene.clock.now + 1)
            await scene.clock.sleep(0.11)

    asyncio.run(scene.clock.run(with_pauses()))
    assert min(later - turn for turn, later in zip(scene.turns, scene.turns[1:], strict=False)) >= 0.999 / 40


def test_what_the_system_asks_of_one_it_asks_of_all(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(ledger, monkeypatch, 10.0)
    told, other, begin = scene.limits(), scene.limits(), scene.clock.now

    async def refused() -> None:
        await told.turn()
        told.hold(5.0)
        await told.close()
        await scene.ask(other, begin + 6)

    asyncio.run(scene.clock.run(refused()))
    assert min(scene.turns) >= begin + 5


def test_a_clock_that_was_set_back_stops_nobody(ledger: Ledger) -> None:
    lease_turns(ledger, "shop", turns=1, interval=1.0, ahead=1.0, now=50_000.0)
    assert lease_turns(ledger, "shop", turns=1, interval=1.0, ahead=1.0, now=50_000.0 - FAR) == (0.0, True)
    hold_pace(ledger, "shop", 9 * FAR, 1000.0)
    assert lease_turns(ledger, "shop", turns=1, interval=1.0, ahead=FAR, now=1000.0)[0] <= FAR


class Away:
    """A ledger that cannot be reached."""

    def transact(self, work: Any) -> Any:
        raise OutageError("no route to host")


def test_without_the_ledger_each_keeps_the_pace_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    away: Any = Away()
    scene = Scene(away, monkeypatch, 10.0)
    limits, end = scene.limits(), scene.clock.now + 3
    asyncio.run(scene.clock.run(scene.ask(limits, end), scene.ask(limits, end)))
    assert 29 <= len(scene.turns) <= 33
    assert min(later - turn for turn, later in zip(scene.turns, scene.turns[1:], strict=False)) >= 0.999 / 10
    (told,) = caplog.messages
    assert told.startswith("Connection shop: its requests_per_second hold for this task alone while the ledger is away")


def test_the_database_s_clock_counts(database_url: str) -> None:
    """On PostgreSQL, whose machines may differ; SQLite is on one."""
    with Ledger.open(database_url) as ledger:
        first = lease_turns(ledger, "shop", turns=10, interval=0.5, ahead=0.0, now=1.0)
        other = 1.0 if ledger.dialect == "sqlite" else 9e9
        second = lease_turns(ledger, "shop", turns=1, interval=0.5, ahead=3.0, now=other)
        third = lease_turns(ledger, "shop", turns=2, interval=0.5, ahead=60.0, now=other)
        assert first == (0.0, True)
        assert second[1] is False
        assert third[1] is True
        assert 4.0 < second[0] <= third[0] + 0.5 <= 5.5
        hold_pace(ledger, "shop", 100.0, other)
        assert 95.0 < lease_turns(ledger, "shop", turns=1, interval=0.5, ahead=60.0, now=other)[0] <= 100.0
        with ledger.read() as connection:
            assert connection.scalar(select(tables.pace.c.connection)) == "shop"

"""Consumers that die, and those that come after them: nothing is lost, and nothing goes twice. On both databases."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from consumer_scene import MakeRun, Scene, numbers
from engine_kinds import MemoryOutgoing, NoConnections

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.live import consumer as consumer_module
from airflow_integrations.engine.live.live_run import LiveRun
from airflow_integrations.engine.live.single_task import run_all_stages
from airflow_integrations.engine.settle import dead_consumers
from airflow_integrations.engine.settle.recovery import recover
from airflow_integrations.errors import OutageError
from airflow_integrations.ledger.inbox.consumers import consumed
from airflow_integrations.ledger.runs.carry_over import lapsed_runs
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.run import Services
from airflow_integrations.staging.folder import Staging


async def killed_while_it_adopts(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A consumer that has adopted the run of a dead one, and has not closed its books when it dies."""
    dying, died = asyncio.Event(), asyncio.Event()

    async def dies(*given: Any) -> None:
        dying.set()
        await died.wait()

    with monkeypatch.context() as this_one:
        this_one.setattr(dead_consumers, "close_dead", dies)
        task = scene.begin()
        await asyncio.wait_for(dying.wait(), 30)
        await kill(scene, task)


async def test_another_one_stands_by_and_goes_on_at_once(
    make_scene: Callable[..., Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "CONSUMER_SECONDS", 300.0)  # it does not go on because that has passed
    scene = make_scene()
    first = scene.begin()
    await scene.put({"number": 1})
    await scene.until(lambda: numbers() == [1])
    second = scene.begin()
    for number in range(2, 6):
        await scene.put({"number": number})
    await scene.until(lambda: len(numbers()) == 5)
    assert scene.consumers[1].counts == Counter()
    await scene.end(first)
    await scene.put({"number": 6})
    await scene.until(lambda: len(numbers()) == 6)
    counts = await scene.end(second)
    assert counts["delivered"] == 1
    assert Counter(numbers()) == Counter(range(1, 7))


async def test_killed_at_any_moment_it_loses_nothing_and_sends_nothing_twice(
    make_scene: Callable[..., Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dead consumer does nothing any more: no books are closed, no lease is given back."""
    monkeypatch.setattr(consumer_module, "CONSUMER_SECONDS", 0.4)
    monkeypatch.setattr(consumer_module, "RENEW_SECONDS", 0.1)
    monkeypatch.setattr(consumer_module, "DUE_SECONDS", 0.1)
    monkeypatch.setattr(consumer_module, "DEAD_SECONDS", 0.1)
    # one may be killed while it recovers another one
    monkeypatch.setattr(dead_consumers, "CONSUMER_RECOVERY_SECONDS", 1.0)
    received: Counter[str] = Counter()
    target: dict[str, str] = {}

    def answer(batch: Sequence[Outbound]) -> list[Result]:
        for outbound in batch:
            if target.setdefault(outbound.idempotency_key, outbound.key) == outbound.key:
                received[outbound.key] = sum(key == outbound.key for key in target.values())
        return [Result("delivered") for _ in batch]

    MemoryOutgoing.answer = answer
    scene = make_scene(
        outgoing={"memory": {"repeatable": True}}, delivery={"retry": {"delay": "0.2s", "max_delay": "0.2s"}}
    )
    total, put = 120, 0
    for round_ in range(12):
        task = scene.begin()
        for _ in range(total // 12):
            await scene.put({"number": put})
            put += 1
        await asyncio.sleep(0.02 + 0.03 * round_)
        await kill(scene, task)
    monkeypatch.setattr(consumer_module, "CONSUMER_SECONDS", 15.0)  # this one lives
    task = scene.begin()
    await scene.until(lambda: len(received) == total, 60)
    await scene.until(lambda: all(scene.status(str(n)) in ("delivered", "unchanged") for n in range(total)), 60)
    await scene.until(lambda: not scene.left_open(), 60)
    assert set(received.values()) == {1}
    await scene.end(task)
    assert all(books.finished for books in scene.books())
    assert scene.ledger.inbox.waiting(time.time() + 10**6) == []


async def test_killed_while_it_recovers_an_earlier_one_nothing_goes_twice(
    make_scene: Callable[..., Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "CONSUMER_SECONDS", 0.4)
    monkeypatch.setattr(consumer_module, "RENEW_SECONDS", 0.1)
    monkeypatch.setattr(consumer_module, "DEAD_SECONDS", 0.1)
    monkeypatch.setattr(dead_consumers, "CONSUMER_RECOVERY_SECONDS", 3.0)
    monkeypatch.setattr("airflow_integrations.engine.push.ledger_writer.FLUSH_SECONDS", 3600.0)
    # For what a slow machine had not sent when the first one was killed.
    scene = make_scene(delivery={"retry": {"delay": "0.2s", "max_delay": "0.2s"}})
    first = scene.begin()
    await scene.put(*({"number": number} for number in range(20)))
    await scene.until(lambda: len(numbers()) >= 10)
    await kill(scene, first)
    await killed_while_it_adopts(scene, monkeypatch)
    monkeypatch.setattr(consumer_module, "CONSUMER_SECONDS", 15.0)
    third = scene.begin()
    await scene.put({"number": 20})
    await scene.until(lambda: 20 in numbers())
    assert dead_consumers.STILLBORN not in {books.verdict for books in scene.books()}
    await scene.until(lambda: all(scene.status(str(n)) in ("delivered", "in_doubt") for n in range(21)))
    await scene.until(lambda: not scene.left_open())
    await scene.end(third)
    assert Counter(numbers()) == Counter(range(21))
    assert all(books.finished for books in scene.books())


async def test_books_that_no_consumer_could_close_are_closed_when_the_adopter_s_time_is_over(
    make_scene: Callable[..., Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who had adopted them died, too, and the next one ended before that time was over: the maintenance is left."""
    monkeypatch.setattr(consumer_module, "CONSUMER_SECONDS", 0.4)
    monkeypatch.setattr(consumer_module, "RENEW_SECONDS", 0.1)
    monkeypatch.setattr(consumer_module, "DEAD_SECONDS", 0.1)
    monkeypatch.setattr(consumer_module, "IDLE_SECONDS", 3600.0)  # the first one's books are open when it dies
    monkeypatch.setattr(dead_consumers, "CONSUMER_RECOVERY_SECONDS", 3600.0)
    scene = make_scene()
    first = scene.begin()
    await scene.put({"number": 1})
    await scene.until(lambda: numbers() == [1])
    await kill(scene, first)
    await killed_while_it_adopts(scene, monkeypatch)
    monkeypatch.setattr(consumer_module, "CONSUMER_SECONDS", 15.0)
    third = scene.begin()
    await scene.put({"number": 2})
    await scene.until(lambda: 2 in numbers())
    await scene.end(third)
    (left,) = scene.left_open()
    assert lapsed_runs(scene.ledger, None, time.time()) == []
    later = time.time() + 3601
    (lapsed,) = lapsed_runs(scene.ledger, None, later)
    assert lapsed.run.run_id == left.run_id
    async with Services(NoConnections(), ledger=scene.ledger, now=lambda: later) as services:
        await recover(scene.route, lapsed, services, Staging(scene.base, "", ""))
    assert all(books.finished for books in scene.books())
    assert [scene.status(key) for key in ("1", "2")] == ["delivered", "delivered"]
    assert Counter(numbers()) == Counter([1, 2])


@pytest.mark.parametrize("lives", [False, True])
async def test_a_run_for_events_goes_on_with_what_a_dead_consumer_had(
    make_scene: Callable[..., Scene], make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, lives: bool
) -> None:
    """It would be free after five minutes, and there may be no consumer before."""
    taken = asyncio.Event()

    async def hangs(self: LiveRun, entities: Any) -> None:
        taken.set()
        await asyncio.sleep(3600)

    monkeypatch.setattr(consumer_module, "CONSUMER_SECONDS", 300.0 if lives else 0.3)
    monkeypatch.setattr(consumer_module, "RENEW_SECONDS", 0.1)
    scene = make_scene()
    for number in (1, 2):
        await scene.put({"number": number})
    with monkeypatch.context() as slow:
        slow.setattr(LiveRun, "_through", hangs)
        first = scene.begin()
        await asyncio.wait_for(taken.wait(), 20)
        await kill(scene, first)
    await scene.put({"number": 3})
    await asyncio.sleep(0.5)
    run = make_run(route={"trigger": {"latency": "low"}}, run_id="event__3", kind="event", events=True)
    async with Services(NoConnections(), ledger=scene.ledger) as services:
        staging = Staging(scene.base, "orders", run.run_id)
        fetched = await fetch(run, services, staging)
        await run_all_stages(run, services, staging, fetched, asyncio.Event())
    assert scene.status("3") == "delivered"
    assert Counter(numbers()) == Counter([3] if lives else [1, 2, 3])
    assert consumed(scene.ledger, time.time()) == ({"orders"} if lives else set())


async def test_what_a_dead_consumer_had_rejected_is_known(
    make_scene: Callable[..., Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by the simulator, seed 60 of its first day: it died when the manifest named the event, and before the
    ledger knew what was rejected of it. The books counted it, and nobody could find it."""
    monkeypatch.setattr(consumer_module, "CONSUMER_SECONDS", 0.4)
    monkeypatch.setattr(consumer_module, "RENEW_SECONDS", 0.1)
    staged, save = asyncio.Event(), LiveRun._save

    def gone(*given: Any, **named: Any) -> Any:
        raise OutageError("this process is dead")

    def saves_and_dies(self: LiveRun) -> None:
        save(self)
        if self._staged_events:
            for name in ("transact", "read", "write"):
                setattr(self._ledger, name, gone)
            staged.set()

    scene = make_scene(transform=[{"validate": {"schema": {"required": ["total"]}}}])
    await scene.put({"number": 1})
    with monkeypatch.context() as first_one:
        first_one.setattr(LiveRun, "_save", saves_and_dies)
        first = scene.begin()
        await asyncio.wait_for(staged.wait(), 20)
        await kill(scene, first)
    second = scene.begin()
    await scene.until(lambda: all(books.finished for books in scene.books()))
    assert scene.status("1") == "rejected"
    await scene.end(second)


async def kill(scene: Scene, task: asyncio.Task[None]) -> None:
    """As SIGKILL does: the process is gone in the middle of whatever it did, and its ledger hears of nothing more."""
    consumer = scene.consumers[list(scene.tasks).index(task)]

    def gone(*given: Any, **named: Any) -> Any:
        raise OutageError("this process is dead")

    database = consumer.services.ledger
    for name in ("transact", "read", "write"):
        setattr(database, name, gone)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await task
    scene.tasks.pop(task)
    scene.consumers.remove(consumer)

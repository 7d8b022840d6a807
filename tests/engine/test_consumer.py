"""A route's consumer: what comes in goes out at once, exactly once, whatever happens to it. On both databases."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from engine_kinds import MemoryOutgoing, NoConnections

from airflow_integrations.engine import consumer as consumer_module
from airflow_integrations.engine.consumer import Consumer
from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.ledger.consumers import consumed
from airflow_integrations.ledger.event_rows import NewEvent
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.overview import runs
from airflow_integrations.ledger.queries import where
from airflow_integrations.ledger.refusal import refusal
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.route import Route
from airflow_integrations.run import Run, Services

MakeRun = Callable[..., Run]


class Scene:
    """One route, its ledger, and as many consumers as a test begins, each with a ledger of its own."""

    def __init__(self, route: Route, url: str, folder: Path) -> None:
        self.route = route
        self.url = url
        self.base = str(folder / "staging")
        self.ledger = Ledger.open(url)
        self.tasks: dict[asyncio.Task[None], asyncio.Event] = {}
        self.consumers: list[Consumer] = []

    async def put(self, *records: Any, wanted: bool = False) -> int:
        body = json.dumps(list(records)).encode()
        event = NewEvent(route="orders", event_id=uuid.uuid4().hex, body=body, source="webhook", wanted=wanted)
        return (await asyncio.to_thread(self.ledger.inbox.put, [event], time.time()))[0].number

    def begin(self, seconds: float = 120.0) -> asyncio.Task[None]:
        stop = asyncio.Event()
        task = asyncio.create_task(self._work(seconds, stop))
        self.tasks[task] = stop
        return task

    async def _work(self, seconds: float, stop: asyncio.Event) -> None:
        with Ledger.open(self.url) as ledger:
            async with Services(NoConnections(), ledger=ledger) as services:
                consumer = Consumer(self.route, services, self.base, f"c{len(self.consumers)}")
                self.consumers.append(consumer)
                await consumer.work(time.time() + seconds, stop)

    async def end(self, task: asyncio.Task[None]) -> Counter[str]:
        """Ask it to end, and wait for it."""
        at = list(self.tasks).index(task)
        self.tasks[task].set()
        await asyncio.wait_for(task, 30)
        return self.consumers[at].counts

    async def until(self, condition: Callable[[], Any], seconds: float = 20.0) -> None:
        end = time.monotonic() + seconds
        while True:
            begun = time.monotonic()
            if condition():
                return
            for task in self.tasks:
                if task.done() and not task.cancelled() and task.exception() is not None:
                    raise AssertionError("a consumer ended") from task.exception()
            assert time.monotonic() < end, sent()
            # The consumer shares this loop: it gets at least as much of it as the condition took.
            await asyncio.sleep(max(0.01, time.monotonic() - begun))

    def status(self, key: str) -> str | None:
        found = where(self.ledger.database, "orders", key, time.time())
        return found.status if found else None

    def books(self) -> list[Any]:
        return list(runs(self.ledger.database, "orders", limit=1000).runs)

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.ledger.close()


def sent() -> list[Any]:
    return [json.loads(outbound.encoded) for batch in MemoryOutgoing.sent for outbound in batch]


def numbers() -> list[int]:
    return [record["number"] for record in sent()]


@pytest.fixture
async def make_scene(make_run: MakeRun, ledger_url: str, tmp_path: Path) -> AsyncIterator[Callable[..., Scene]]:
    made: list[Scene] = []

    def make(**more: Any) -> Scene:
        definition = {"trigger": {"latency": "low", **more.pop("trigger", {})}, **more}
        made.append(Scene(make_run(route=definition).route, ledger_url, tmp_path))
        return made[-1]

    yield make
    for scene in made:
        await scene.close()


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The books of a live run are closed soon, so that tests see them."""
    monkeypatch.setattr(consumer_module, "IDLE_SECONDS", 0.3)


async def test_what_comes_in_goes_out_and_the_books_balance(make_scene: Callable[..., Scene]) -> None:
    scene = make_scene(transform=[{"filter": "order.number != 3"}])
    waiting = await scene.put({"number": 0})  # came before anybody consumed
    task = scene.begin()
    await scene.until(lambda: numbers() == [0])
    for number in range(1, 6):
        await scene.put({"number": number})
    await scene.put({"no": "key"}, {"number": 6})
    await scene.until(lambda: sorted(numbers()) == [0, 1, 2, 4, 5, 6])
    await scene.until(lambda: scene.books() and all(books.finished for books in scene.books()))
    counts = await scene.end(task)
    assert {name: count for name, count in counts.items() if count} == {
        "fetched": 8,
        "delivered": 6,
        "filtered": 1,
        "rejected": 1,
    }
    assert {scene.status(str(number)) for number in (0, 1, 2, 4, 5, 6)} == {"delivered"}
    assert scene.status("3") == "filtered"
    assert all(books.kind == "live" for books in scene.books())
    assert scene.ledger.inbox.waiting(time.time() + 10**6) == []
    assert waiting


async def test_an_event_that_nobody_could_read_is_in_the_books(make_scene: Callable[..., Scene]) -> None:
    scene = make_scene()
    task = scene.begin()
    body = refusal("the content is not JSON", {"id": "7"})
    event = NewEvent(route="orders", event_id="unusable/7", body=body, source="rabbitmq")
    await asyncio.to_thread(scene.ledger.inbox.put, [event], time.time())
    await scene.put({"number": 1})
    await scene.until(lambda: numbers() == [1])
    counts = await scene.end(task)
    assert (counts["fetched"], counts["rejected"], counts["delivered"]) == (2, 1, 1)
    assert scene.ledger.inbox.waiting(time.time() + 10**6) == []


async def test_states_of_one_entity_keep_their_order(make_scene: Callable[..., Scene]) -> None:
    scene = make_scene(delivery={"concurrency": 8})
    task = scene.begin()
    for state in range(30):
        await scene.put({"number": 1, "state": state}, {"number": 2, "state": state})
    await scene.until(lambda: len(sent()) == 60)
    for number in (1, 2):
        assert [record["state"] for record in sent() if record["number"] == number] == list(range(30))
    await scene.end(task)


async def test_what_did_not_change_is_not_sent(make_scene: Callable[..., Scene]) -> None:
    scene = make_scene()
    task = scene.begin()
    await scene.put({"number": 1})
    await scene.until(lambda: scene.status("1") == "delivered")
    await scene.put({"number": 1})
    await scene.until(lambda: scene.status("1") == "unchanged")
    assert numbers() == [1]
    await scene.end(task)


async def test_latest_and_merge_work_on_what_came_together(make_scene: Callable[..., Scene]) -> None:
    scene = make_scene(trigger={"latest": True}, transform=[{"merge": {"keep": "last"}}])
    for state in range(5):
        await scene.put({"number": 1, "state": state})
    task = scene.begin()
    await scene.until(lambda: [record["state"] for record in sent()] == [4])
    await scene.put({"number": 1, "state": 5}, {"number": 2, "state": 5})
    await scene.until(lambda: len(sent()) == 3)
    counts = await scene.end(task)
    assert (counts["superseded"], counts["delivered"], counts["fetched"]) == (4, 3, 7)


async def test_whoever_waits_learns_the_keys(make_scene: Callable[..., Scene]) -> None:
    from sqlalchemy import select

    from airflow_integrations.ledger.schema import event

    scene = make_scene()
    task = scene.begin()
    number = await scene.put({"number": 1}, {"number": 2}, wanted=True)
    await scene.until(lambda: scene.status("2") == "delivered")
    with scene.ledger.database.read() as connection:
        assert connection.scalar(select(event.c["keys"]).where(event.c.id == number)) == '["1","2"]'
    await scene.end(task)


async def test_a_rejected_entity_keeps_its_payload_and_is_mended(make_scene: Callable[..., Scene]) -> None:
    from airflow_integrations.engine.payloads import payload_of
    from airflow_integrations.ledger import desk
    from airflow_integrations.ledger.selection import Selection
    from airflow_integrations.staging import Staging

    scene = make_scene(transform=[{"map": {"number": "order.number", "half": "10 / order.by"}}])
    task = scene.begin()
    await scene.put({"number": 1, "by": 0}, {"number": 2, "by": 5})
    await scene.until(lambda: scene.status("1") == "rejected" and scene.status("2") == "delivered")
    await scene.until(lambda: all(books.finished for books in scene.books()))
    found = where(scene.ledger.database, "orders", "1", time.time())
    assert found is not None
    assert found.payload is not None
    payload = payload_of(Staging(scene.base, "orders", "x"), "1", found.payload)
    assert payload is not None
    assert json.loads(payload) == {"number": 1, "by": 0}
    desk.retry(scene.ledger.database, Selection("orders", keys=frozenset({"1"})), "jane", time.time())
    await scene.until(lambda: any(books.counts.get("carried_in") for books in scene.books()), 30)
    await scene.until(lambda: scene.status("1") == "rejected")
    await scene.end(task)


class Moody:
    """A target that is away until it is told otherwise."""

    away = True

    def __call__(self, batch: Sequence[Outbound]) -> list[Result]:
        if self.away:
            raise OutageError("the target is away")
        return [Result("delivered") for _ in batch]


async def test_a_target_that_is_away_costs_nothing_and_gets_all_when_it_is_back(
    make_scene: Callable[..., Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "DUE_SECONDS", 0.1)
    monkeypatch.setattr("airflow_integrations.engine.circuit.circuit_pause", lambda outages, rng: 0.5)
    target = MemoryOutgoing.answer = Moody()
    scene = make_scene(delivery={"retry": {"delay": "1s"}})
    task = scene.begin()
    for number in range(5):
        await scene.put({"number": number})
    await scene.until(lambda: {scene.status(str(number)) for number in range(5)} <= {"retrying", "in_flight", None})
    await asyncio.sleep(1.0)
    target.away = False
    await scene.put({"number": 5})
    await scene.until(lambda: {scene.status(str(number)) for number in range(6)} == {"delivered"}, 40)
    assert sorted(numbers()) == list(range(6))
    await scene.end(task)


async def test_much_that_is_due_is_taken_over_a_part_at_a_time(
    make_scene: Callable[..., Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a live run has not sent is in memory."""
    monkeypatch.setattr(consumer_module, "DUE_SECONDS", 0.1)
    monkeypatch.setattr("airflow_integrations.engine.circuit.circuit_pause", lambda outages, rng: 3.0)
    target = MemoryOutgoing.answer = Moody()
    scene = make_scene(delivery={"retry": {"delay": "0.1s", "max_delay": "0.1s"}})
    for number in range(30):
        await scene.put({"number": number})
    task = scene.begin()
    await scene.until(lambda: {scene.status(str(number)) for number in range(30)} == {"retrying"})
    target.away = False
    monkeypatch.setattr(consumer_module, "OPEN_EVENTS", 10)
    await scene.until(lambda: {scene.status(str(number)) for number in range(30)} == {"delivered"}, 60)
    await scene.end(task)
    assert Counter(numbers()) == Counter(range(30))
    carried = [books.counts.get("carried_in", 0) for books in scene.books()]
    assert max(carried) <= 10
    assert sum(carried) >= 30


async def test_a_slow_target_is_waited_for_when_a_live_run_closes(
    make_scene: Callable[..., Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "OPEN_EVENTS", 5)
    monkeypatch.setattr("airflow_integrations.engine.live_run.DRAIN_SECONDS", 0.05)

    async def answer(batch: Sequence[Outbound]) -> list[Result]:
        await asyncio.sleep(0.2)
        return [Result("delivered") for _ in batch]

    MemoryOutgoing.answer = answer
    scene = make_scene(delivery={"concurrency": 1})
    for number in range(12):
        await scene.put({"number": number})
    task = scene.begin()
    await scene.until(lambda: len(numbers()) == 12)
    await scene.until(lambda: {scene.status(str(number)) for number in range(12)} == {"delivered"})
    counts = await scene.end(task)
    assert counts["delivered"] == counts["fetched"] == 12
    assert [books.verdict for books in scene.books()] == [None] * len(scene.books())


async def test_a_stop_leaves_what_a_slow_target_has_not_taken(
    make_scene: Callable[..., Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_integrations.engine.live_run.DRAIN_SECONDS", 0.05)
    monkeypatch.setattr("airflow_integrations.engine.sending.GRACE_SECONDS", 1.0)

    async def answer(batch: Sequence[Outbound]) -> list[Result]:
        await asyncio.sleep(0.3)
        return [Result("delivered") for _ in batch]

    MemoryOutgoing.answer = answer
    scene = make_scene(delivery={"concurrency": 1})
    for number in range(20):
        await scene.put({"number": number})
    task = scene.begin()
    await scene.until(lambda: numbers() != [])
    counts = await scene.end(task)
    assert counts["retrying"] > 0
    assert counts["delivered"] + counts["retrying"] == counts["fetched"] == 20
    assert counts["delivered"] == len(numbers())


async def test_wrong_credentials_end_it_and_nothing_is_lost(make_scene: Callable[..., Scene]) -> None:
    def answer(batch: Sequence[Outbound]) -> list[Result]:
        raise SetupError("HTTP 401: the password is wrong")

    MemoryOutgoing.answer = answer
    scene = make_scene()
    task = scene.begin()
    await scene.put({"number": 1})
    with pytest.raises(SetupError, match="password is wrong"):
        await asyncio.wait_for(asyncio.shield(task), 20)
    assert scene.status("1") == "retrying"
    assert consumed(scene.ledger.database, time.time()) == set()


async def test_another_one_stands_by_and_goes_on_at_once(
    make_scene: Callable[..., Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "LEASE_SECONDS", 300.0)  # it does not go on because that has passed
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
    monkeypatch.setattr(consumer_module, "LEASE_SECONDS", 0.4)
    monkeypatch.setattr(consumer_module, "RENEW_SECONDS", 0.1)
    monkeypatch.setattr(consumer_module, "DUE_SECONDS", 0.1)
    monkeypatch.setattr(consumer_module, "DEAD_SECONDS", 0.1)
    monkeypatch.setattr(consumer_module, "ADOPTED_SECONDS", 1.0)  # one may be killed while it recovers another one
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
    monkeypatch.setattr(consumer_module, "LEASE_SECONDS", 15.0)  # this one lives
    task = scene.begin()
    await scene.until(lambda: len(received) == total, 60)
    await scene.until(lambda: all(scene.status(str(n)) in ("delivered", "unchanged") for n in range(total)), 60)
    assert set(received.values()) == {1}
    await scene.end(task)
    assert all(books.finished for books in scene.books())
    assert scene.ledger.inbox.waiting(time.time() + 10**6) == []


async def test_killed_while_it_recovers_an_earlier_one_nothing_goes_twice(
    make_scene: Callable[..., Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "LEASE_SECONDS", 0.4)
    monkeypatch.setattr(consumer_module, "RENEW_SECONDS", 0.1)
    monkeypatch.setattr(consumer_module, "DEAD_SECONDS", 0.1)
    monkeypatch.setattr(consumer_module, "ADOPTED_SECONDS", 3.0)
    monkeypatch.setattr("airflow_integrations.engine.books.FLUSH_SECONDS", 3600.0)
    scene = make_scene()
    first = scene.begin()
    await scene.put(*({"number": number} for number in range(20)))
    await scene.until(lambda: len(numbers()) >= 10)
    await kill(scene, first)
    dying, died = asyncio.Event(), asyncio.Event()

    async def dies(*given: Any) -> None:
        dying.set()
        await died.wait()

    with monkeypatch.context() as second_is:
        second_is.setattr(consumer_module, "close_dead", dies)
        second = scene.begin()
        await asyncio.wait_for(dying.wait(), 30)  # it has adopted the run
        await kill(scene, second)
    monkeypatch.setattr(consumer_module, "LEASE_SECONDS", 15.0)
    third = scene.begin()
    await scene.put({"number": 20})
    await scene.until(lambda: 20 in numbers())
    assert consumer_module.STILLBORN not in {books.verdict for books in scene.books()}
    await scene.until(lambda: all(scene.status(str(n)) in ("delivered", "in_doubt") for n in range(21)))
    await scene.end(third)
    assert Counter(numbers()) == Counter(range(21))
    assert all(books.finished for books in scene.books())


async def kill(scene: Scene, task: asyncio.Task[None]) -> None:
    """As SIGKILL does: the process is gone in the middle of whatever it did, and its ledger hears of nothing more."""
    consumer = scene.consumers[list(scene.tasks).index(task)]

    def gone(*given: Any, **named: Any) -> Any:
        raise OutageError("this process is dead")

    database = consumer.services.ledger.database
    for name in ("transact", "read", "write"):
        setattr(database, name, gone)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await task
    scene.tasks.pop(task)
    scene.consumers.remove(consumer)

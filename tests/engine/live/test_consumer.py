"""A route's consumer: what comes in goes out at once, exactly once. On both databases."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from consumer_scene import Scene, numbers, sent
from engine_kinds import MemoryOutgoing

from airflow_integrations.engine.live import consumer as consumer_module
from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.ledger.inbox.consumers import consumed
from airflow_integrations.ledger.inbox.event_rows import NewEvent
from airflow_integrations.ledger.inbox.unreadable_event import refusal
from airflow_integrations.ledger.queries.entities import where
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.staging.folder import Staging


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


async def test_latest_goes_by_the_version(make_scene: Callable[..., Scene]) -> None:
    """As in a run for events: what came last may be an older state."""
    entity = {"name": "order", "key": "order.number", "version": "order.revision"}
    scene = make_scene(trigger={"latest": True}, entity=entity)
    for revision in (3, 1):
        await scene.put({"number": 1, "revision": revision})
    task = scene.begin()
    await scene.until(lambda: scene.status("1") == "delivered")
    assert [record["revision"] for record in sent()] == [3]
    await scene.end(task)


async def test_whoever_waits_learns_the_keys(make_scene: Callable[..., Scene]) -> None:
    from sqlalchemy import select

    from airflow_integrations.ledger.storage.tables import event

    scene = make_scene()
    task = scene.begin()
    number = await scene.put({"number": 1}, {"number": 2}, wanted=True)
    await scene.until(lambda: scene.status("2") == "delivered")
    with scene.ledger.read() as connection:
        assert connection.scalar(select(event.c["keys"]).where(event.c.id == number)) == '["1","2"]'
    await scene.end(task)


async def test_a_rejected_entity_keeps_its_payload_and_is_mended(make_scene: Callable[..., Scene]) -> None:
    from airflow_integrations.engine.fetch.staged_payloads import payload_of
    from airflow_integrations.ledger.actions import entity_actions
    from airflow_integrations.ledger.actions.selection import Selection

    scene = make_scene(transform=[{"map": {"number": "order.number", "half": "10 / order.by"}}])
    task = scene.begin()
    await scene.put({"number": 1, "by": 0}, {"number": 2, "by": 5})
    await scene.until(lambda: scene.status("1") == "rejected" and scene.status("2") == "delivered")
    await scene.until(lambda: all(books.finished for books in scene.books()))
    found = where(scene.ledger, "orders", "1", time.time())
    assert found is not None
    assert found.payload is not None
    payload = payload_of(Staging(scene.base, "orders", "x"), "1", found.payload)
    assert payload is not None
    assert json.loads(payload) == {"number": 1, "by": 0}
    entity_actions.retry(scene.ledger, Selection("orders", keys=frozenset({"1"})), "jane", time.time())
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
    monkeypatch.setattr("airflow_integrations.engine.push.circuit_breaker.circuit_pause", lambda outages, rng: 0.5)
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
    monkeypatch.setattr("airflow_integrations.engine.push.circuit_breaker.circuit_pause", lambda outages, rng: 3.0)
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
    monkeypatch.setattr("airflow_integrations.engine.live.draining.ANSWER_SECONDS", 0.05)

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
    monkeypatch.setattr("airflow_integrations.engine.live.draining.ANSWER_SECONDS", 0.05)
    monkeypatch.setattr("airflow_integrations.engine.push.workers.ANSWER_SECONDS", 1.0)

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
    assert consumed(scene.ledger, time.time()) == set()

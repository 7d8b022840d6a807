"""A consumer whose entities wait for another route: killed at any moment, each goes out once. On both databases."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from consumer_scene import Scene
from engine_kinds import MemoryOutgoing
from test_consumer_deaths import kill

from airflow_integrations.engine.live import consumer as consumer_module
from airflow_integrations.engine.live.live_run import LiveRun
from airflow_integrations.engine.settle import dead_consumers
from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.records import Outcome
from airflow_integrations.ledger.runs.outcomes import conclude
from airflow_integrations.ledger.runs.runs import begin_run
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.window import EPOCH, Window

ROUNDS, EACH = 10, 6
LOOKUP = {"name": "customer", "route": "customers", "key": "order.number", "missing": "retry"}


def deliver(ledger: Ledger, *keys: int) -> None:
    """Customers of these numbers are delivered."""
    now = time.time()
    window = Window(EPOCH, EPOCH)
    ref = begin_run(ledger, "customers", "r", kind="cli", window=window, route_hash="", staging="", now=now)
    conclude(ledger, ref, [Outcome(key=str(key), status="delivered", hash="0" * 32) for key in keys], now=now)


async def test_killed_at_any_moment_what_was_woken_goes_out_once(
    make_scene: Callable[..., Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "CONSUMER_SECONDS", 0.4)
    monkeypatch.setattr(consumer_module, "RENEW_SECONDS", 0.1)
    monkeypatch.setattr(consumer_module, "DUE_SECONDS", 0.1)
    monkeypatch.setattr(consumer_module, "DEAD_SECONDS", 0.1)
    monkeypatch.setattr(dead_consumers, "CONSUMER_RECOVERY_SECONDS", 1.0)
    taken_over = Counter[str]()
    original = LiveRun.take_over

    async def counted(self: LiveRun) -> int:
        taken_over["entities"] += (taken := await original(self))
        return taken

    monkeypatch.setattr(LiveRun, "take_over", counted)
    received: Counter[str] = Counter()
    target: dict[str, str] = {}

    def answer(batch: Sequence[Outbound]) -> list[Result]:
        for outbound in batch:
            if target.setdefault(outbound.idempotency_key, outbound.key) == outbound.key:
                received[outbound.key] = sum(key == outbound.key for key in target.values())
        return [Result("delivered") for _ in batch]

    MemoryOutgoing.answer = answer
    scene = make_scene(
        transform=[{"lookup": LOOKUP}],
        outgoing={"memory": {"repeatable": True}},
        delivery={"retry": {"attempts": 1000, "delay": "2s", "max_delay": "2s"}},
    )
    put = 0
    for round_ in range(ROUNDS):
        task = scene.begin()
        for _ in range(EACH):
            await scene.put({"number": put})
            put += 1
        await asyncio.sleep(0.1 + 0.05 * round_)
        await asyncio.to_thread(deliver, scene.ledger, *range(put - EACH, put))
        await asyncio.sleep(0.02 + 0.03 * round_)
        await kill(scene, task)
    monkeypatch.setattr(consumer_module, "CONSUMER_SECONDS", 15.0)  # this one lives
    task = scene.begin()
    await scene.until(lambda: len(received) == put, 60)
    await scene.until(lambda: all(scene.status(str(n)) in ("delivered", "unchanged") for n in range(put)), 60)
    await scene.until(lambda: not scene.left_open(), 60)
    assert set(received.values()) == {1}
    await scene.put({"number": put})
    await scene.until(lambda: scene.status(str(put)) == "retrying")
    await asyncio.to_thread(deliver, scene.ledger, put)
    await scene.until(lambda: received[str(put)] == 1)
    await scene.end(task)
    assert all(books.finished for books in scene.books())
    assert not [books.verdict for books in scene.books() if "do not balance" in (books.verdict or "")]
    assert taken_over["entities"] > 0

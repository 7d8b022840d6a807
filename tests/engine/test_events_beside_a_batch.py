"""Events are delivered while a scheduled run of their route sends: at most what it has reserved waits for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from engine_kinds import Clock, MemoryIncoming, MemoryOutgoing, all_delivered

from airflow_integrations.engine.fetch.fetch import fetch
from airflow_integrations.engine.push import chunks
from airflow_integrations.engine.push.push import push
from airflow_integrations.engine.settle.balance import Balance
from airflow_integrations.engine.settle.settle import settle
from airflow_integrations.engine.transform.transform import transform
from airflow_integrations.ledger.inbox.event_rows import NewEvent
from airflow_integrations.outgoing import Outbound, Result
from airflow_integrations.run import Run, Services
from airflow_integrations.staging.folder import Staging


async def test_an_event_passes_what_a_scheduled_run_has_not_reserved(
    make_run: Callable[..., Run],
    services: Services,
    staging: Staging,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chunks, "CHUNK_ENTITIES", 1)
    first_is_sent, target_answers = asyncio.Event(), asyncio.Event()
    received: list[tuple[str, str]] = []

    async def target(batch: Sequence[Outbound]) -> list[Result]:
        received.extend((outbound.key, json.loads(outbound.encoded)["state"]) for outbound in batch)
        if not first_is_sent.is_set():
            first_is_sent.set()
            await target_answers.wait()
        return all_delivered(batch)

    async def begun(name: str, **asked: Any) -> tuple[Run, Services, Staging]:
        clock.now += 60
        run = make_run(run_id=name, route={"delivery": {"batch": 1, "concurrency": 1}}, **asked)
        where = Staging(staging.base, "orders", name)
        await fetch(run, services, where)
        await transform(run, services, where)
        return run, services, where

    async def of_events(name: str, *keys: str) -> Balance:
        body = json.dumps([{"number": key, "state": "event"} for key in keys]).encode()
        event = NewEvent(route="orders", event_id=name, body=body, source="webhook")
        services.ledger.inbox.put([event], clock.now + 1)
        run = await begun(name, events=True)
        await push(*run)
        return await settle(*run)

    MemoryOutgoing.answer = target
    MemoryIncoming.pages_to_give = [[{"number": key, "state": "batch"} for key in "abcdef"]]
    scheduled = await begun("scheduled")
    pushing = asyncio.create_task(push(*scheduled))
    await asyncio.wait_for(first_is_sent.wait(), 20)

    beside = await of_events("events", "fresh", "f", "a")
    assert not pushing.done()
    assert received == [("a", "batch"), ("fresh", "event"), ("f", "event")]
    assert (beside.counts["delivered"], beside.counts["retrying"]) == (2, 1)

    target_answers.set()
    await asyncio.wait_for(pushing, 20)
    balance = await settle(*scheduled)
    assert (balance.counts["delivered"], balance.counts["superseded"]) == (5, 1)
    last = await of_events("events behind")
    assert (last.counts["carried_in"], last.counts["delivered"]) == (1, 1)
    assert received[3:] == [*((key, "batch") for key in "bcde"), ("a", "event")]

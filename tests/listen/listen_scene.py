"""What the tests of listeners look at: the inbox, and processes that fill it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.ledger.runs.runs import begin_run, find_run
from airflow_integrations.listen import Message
from airflow_integrations.testing import Feed
from airflow_integrations.testing.conformance.suite_run import WINDOW

ROUTE = "suite"
PATIENCE = 120.0
"""Seconds that anything may take here."""


def bodies(numbers: Sequence[int]) -> list[bytes]:
    return [json.dumps({"id": number}).encode() for number in numbers]


def records(ledger: Ledger) -> list[Any]:
    """All that are in the inbox, in its order."""
    return [record for body in event_bodies(ledger) if body.startswith(b"[") for record in json.loads(body)]


def ids(ledger: Ledger) -> list[int]:
    return [record["id"] for record in records(ledger)]


def event_bodies(ledger: Ledger) -> list[bytes]:
    run = find_run(ledger, ROUTE, "taker") or begin_run(
        ledger, ROUTE, "taker", kind="event", window=WINDOW, route_hash="", staging="", now=1.0
    )
    ledger.inbox.take(run, limit=1_000_000, max_bytes=1 << 40, lease_until=1e12, now=1.0)
    found, after = [], 0
    while some := ledger.inbox.read(run, after=after, most=5_000, max_bytes=1 << 30):
        found += [event.body for event in some]
        after = some[-1].number
    return found


@asynccontextmanager
async def listening(feed: Feed, ledger: Ledger) -> AsyncIterator[list[Message]]:
    """Gives what has been settled."""
    if feed.prepare is not None:
        await feed.prepare()
    receiver = feed.receiver(ledger)
    settle, settled = receiver._listener.settle, list[Message]()

    async def noted(taken: Sequence[Message], dead: Sequence[tuple[Message, str]]) -> None:
        await settle(taken, dead)
        settled.extend(taken)

    receiver._listener.settle = noted  # type: ignore[method-assign]
    task = asyncio.create_task(receiver.run())
    try:
        yield settled
    finally:
        await asyncio.sleep(0.3)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - what is waited for is outside of this loop
            await asyncio.sleep(0.05)


def process(feed: Feed, ledger_url: str, *, die: bool = False) -> subprocess.Popen[str]:
    """One that listens; returns when it is about to connect."""
    at = feed.brokers.get("broker")
    told = {
        "kind": feed.kind,
        "config": feed.config,
        "broker": {**asdict(at), "extra": dict(at.extra)} if at is not None else None,
        "database": feed.databases["db"].url if feed.databases else None,
        "ledger": ledger_url,
        "die": die,
    }
    command = [sys.executable, str(Path(__file__).with_name("listening_process.py")), json.dumps(told)]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    return started


def wait_for(condition: Callable[[], Any], timeout: float = 120) -> None:
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)

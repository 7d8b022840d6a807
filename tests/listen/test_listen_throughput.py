"""Ten thousand messages, from each broker into each database: all of them, once, in order."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import feeds
import pytest
from listen_scene import ids, listening, until

from airflow_integrations.ledger.ledger import Ledger

pytestmark = pytest.mark.e2e

COUNT = 10_000
KINDS = {"rabbitmq": feeds.rabbitmq, "redis": feeds.redis, "nats": feeds.nats, "mqtt": feeds.mqtt}
FILLER = "x" * 950


@pytest.mark.parametrize("kind", KINDS)
def test_ten_thousand_messages(kind: str, ledger_url: str, record_property: Callable[[str, Any], None]) -> None:
    messages = [json.dumps({"id": number, "filler": FILLER}).encode() for number in range(COUNT)]

    async def scene(ledger: Ledger) -> float:
        if feed.prepare is not None:
            await feed.prepare()
        await feed.publish(messages)
        began = time.monotonic()
        async with listening(feed, ledger):
            await until(lambda: sum(each.events for each in ledger.inbox.waiting(time.time())) >= COUNT)
            return time.monotonic() - began

    with KINDS[kind](feeds.broker(kind)) as feed, Ledger.open(ledger_url, synced=True) as ledger:
        seconds = asyncio.run(scene(ledger))
        assert ids(ledger) == list(range(COUNT))
    record_property("messages_per_second", round(COUNT / seconds))
    print(f"{kind} into {ledger_url.partition(':')[0]}: {COUNT / seconds:.0f} messages/s")

"""Ten thousand messages, from each broker into each database: all of them, once, in order."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import feeds
import pytest
from listen_scene import ids, listening, until
from servers import Server

from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.testing import Feed

pytestmark = pytest.mark.e2e

COUNT = 10_000
KINDS = {"rabbitmq": feeds.rabbitmq, "redis": feeds.redis, "nats": feeds.nats}
FILLER = "x" * 950


@pytest.fixture(params=[*KINDS, "mqtt"])
def feed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Feed]:
    if request.param == "mqtt":  # mosquitto keeps no more than 1,000 for a session, unless it is told to
        (tmp_path / "mqtt").mkdir()
        with Server("mqtt", tmp_path / "mqtt") as server, feeds.mqtt(server.broker) as feed:
            yield feed
    else:
        with KINDS[request.param](feeds.broker(request.param)) as feed:
            yield feed


def test_ten_thousand_messages(feed: Feed, ledger_url: str, record_property: Callable[[str, Any], None]) -> None:
    messages = [json.dumps({"id": number, "filler": FILLER}).encode() for number in range(COUNT)]

    async def scene(ledger: Ledger) -> float:
        if feed.prepare is not None:
            await feed.prepare()
        await feed.publish(messages)
        began = time.monotonic()
        async with listening(feed, ledger):
            await until(lambda: sum(each.events for each in ledger.inbox.waiting(time.time())) >= COUNT)
            return time.monotonic() - began

    with Ledger.open(ledger_url, synced=True) as ledger:
        seconds = asyncio.run(scene(ledger))
        assert ids(ledger) == list(range(COUNT))
    record_property("messages_per_second", round(COUNT / seconds))
    print(f"{feed.kind} into {ledger_url.partition(':')[0]}: {COUNT / seconds:.0f} messages/s")

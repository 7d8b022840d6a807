"""Listeners and brokers that die: nothing is lost, and what the broker knows again counts once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import feeds
import pytest
from listen_scene import bodies, ids, listening, process, until, wait_for
from servers import Server

from airflow_integrations.ledger.ledger import Ledger
from airflow_integrations.testing import Feed

pytestmark = [pytest.mark.e2e, pytest.mark.long]

KINDS = {"rabbitmq": feeds.rabbitmq, "redis": feeds.redis, "nats": feeds.nats, "mqtt": feeds.mqtt}


@pytest.fixture(params=KINDS)
def feed(request: pytest.FixtureRequest) -> Iterator[Feed]:
    with KINDS[request.param](feeds.broker(request.param), prefetch=50) as feed:
        yield feed


def publish(feed: Feed, numbers: range) -> None:
    async def published() -> None:
        await feed.publish(bodies(list(numbers)))

    asyncio.run(published())


def prepare(feed: Feed) -> None:
    async def prepared() -> None:
        if feed.prepare is not None:
            await feed.prepare()

    asyncio.run(prepared())


def in_the_inbox(url: str) -> list[int]:
    with Ledger.open(url) as ledger:
        return ids(ledger)


def test_killed_between_the_inbox_and_the_acknowledgement(feed: Feed, ledger_url: str) -> None:
    prepare(feed)
    publish(feed, range(120))
    dying = process(feed, ledger_url, die=True)
    assert dying.wait(60) == -9
    written = in_the_inbox(ledger_url)
    assert 0 < len(written) < 120
    living = process(feed, ledger_url)
    try:
        wait_for(lambda: set(in_the_inbox(ledger_url)) == set(range(120)))
    finally:
        living.kill()
        living.wait()
    got = in_the_inbox(ledger_url)
    if feed.same_ids:
        assert got == list(range(120))
    else:
        assert got == [*written, *range(120)]  # MQTT does not know a message again


def test_killed_at_any_moment(feed: Feed, ledger_url: str) -> None:
    prepare(feed)
    dice = random.Random(4)
    for begin in range(0, 600, 200):
        listener = process(feed, ledger_url)
        publish(feed, range(begin, begin + 200))
        asyncio.run(asyncio.sleep(dice.uniform(0, 0.5)))
        listener.kill()
        listener.wait()
    listener = process(feed, ledger_url)
    try:
        wait_for(lambda: set(in_the_inbox(ledger_url)) == set(range(600)))
    finally:
        listener.kill()
        listener.wait()
    if feed.same_ids:
        assert in_the_inbox(ledger_url) == list(range(600))


@pytest.mark.parametrize("kind", KINDS)
def test_a_broker_that_restarts_is_heard_again(kind: str, tmp_path: Path) -> None:
    with Server(kind, tmp_path) as server, KINDS[kind](server.broker, prefetch=10) as feed:

        async def scene(ledger: Ledger) -> None:
            async with listening(feed, ledger) as settled:
                await feed.publish(bodies(range(30)))
                await until(lambda: len(settled) >= 30)
                await asyncio.sleep(0.5)  # the broker has heard so
                await asyncio.to_thread(server.restart)
                await feed.publish(bodies(range(30, 60)))
                await until(lambda: len(ids(ledger)) >= 60)
                assert ids(ledger) == list(range(60))

        with Ledger.temporary() as ledger:
            asyncio.run(scene(ledger))

"""Kafka and SQS: the connection ends at any byte between a message and its confirmation. What the table of
docs/systems/publishing.md promises then."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

import pytest
from cutting_way import CuttingWay, cutting
from topics import Topic, outbounds, sqs

from airflow_integrations.errors import OutageError
from airflow_integrations.outgoing import Result
from airflow_integrations.run import Run
from airflow_integrations.testing.conformance.suite_run import WINDOW

ENTITIES = [{"id": number} for number in range(12)]
PLACES = [("asked", 1), ("asked", 2500), ("answered", 0), ("answered", 150)]


async def cut_off(topic: Topic, direction: str, after: int, *, lives: int = 1, **more: Any) -> list[list[Result]]:
    """What was told of each attempt of eight messages, until none of them is pending."""
    url = urlsplit(str(topic.at.extra.get("endpoint_url", f"//{topic.at.host}:{topic.at.port}")))
    attempts: list[list[Result]] = []
    way: CuttingWay
    async with cutting(topic.at, url.hostname or "", url.port or 0) as way:
        route = topic.load(**more)
        outgoing: Any = route.outgoing.component()(route.outgoing.config, route)
        async with topic.services(way.at) as services:
            await outgoing.open(Run(route, "one", WINDOW), services)
            batch = outbounds(ENTITIES)
            assert {each.status for each in await outgoing.send(batch[:4])} == {"delivered"}
            left = batch[4:]
            way.cut(direction, after, lives=lives)
            while left:
                try:
                    attempts.append(await outgoing.send(left))
                except OutageError:
                    assert way.lives > 1
                    way.lives = 0
                    continue
                left = [one for one, told in zip(left, attempts[-1], strict=True) if told.status == "pending"]
            await outgoing.close()
    assert way.ends or direction == "asked"
    return attempts


@pytest.mark.parametrize(("direction", "after"), PLACES[1:3])
def test_sqs_at_least_once_with_the_same_id(aws_server: str, direction: str, after: int) -> None:
    with sqs(aws_server) as topic:
        told = asyncio.run(cut_off(topic, direction, after))
        assert {result.status for result in told[-1]} == {"delivered"}
        ids = Counter(one.id for one in topic.received())
        assert set(ids) == {each.idempotency_key for each in outbounds(ENTITIES)}
        assert max(ids.values()) <= 2


@pytest.mark.parametrize(("direction", "after"), [PLACES[1], PLACES[3]])
def test_sqs_sends_nothing_again_that_a_route_holds(aws_server: str, direction: str, after: int) -> None:
    with sqs(aws_server) as topic:
        told = asyncio.run(cut_off(topic, direction, after, delivery={"in_doubt": "hold"}))
        assert {result.status for attempt in told for result in attempt} <= {"in_doubt", "pending", "delivered"}
        ids = Counter(one.id for one in topic.received())
        assert set(ids.values()) == {1}
        delivered = sum(result.status == "delivered" for attempt in told for result in attempt)
        assert "in_doubt" in {result.status for result in told[0]}
        assert delivered + 4 <= len(ids)


@pytest.mark.parametrize(("direction", "after"), PLACES[2:])
def test_a_fifo_queue_has_each_once(aws_server: str, direction: str, after: int) -> None:
    with sqs(aws_server, ending=".fifo") as topic:
        told = asyncio.run(cut_off(topic, direction, after, group="all"))
        assert {result.status for result in told[-1]} == {"delivered"}
        assert [one.value["id"] for one in topic.received()] == list(range(12))


@pytest.mark.parametrize(("direction", "after"), PLACES)
@pytest.mark.parametrize("topic", ["kafka"], indirect=True)
def test_kafka_loses_nothing(topic: Topic, direction: str, after: int) -> None:
    """The mock broker does not know a sequence that comes twice, as a real one does: an id may be there twice."""
    told = asyncio.run(cut_off(topic, direction, after))
    assert {result.status for result in told[-1]} == {"delivered"}
    ids = Counter(one.id for one in topic.received())
    assert set(ids) == {each.idempotency_key for each in outbounds(ENTITIES)}


@pytest.mark.parametrize("topic", ["kafka"], indirect=True)
def test_kafka_that_stays_away_is_held_or_sent_again(topic: Topic, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("target", "kafka"):
        monkeypatch.setattr(f"airflow_integrations.outgoing.queues.{module}.ANSWER_SECONDS", 1.0)
    told = asyncio.run(cut_off(topic, "answered", 0, lives=1000, delivery={"in_doubt": "hold"}))
    assert {result.status for result in told[0]} == {"in_doubt"}

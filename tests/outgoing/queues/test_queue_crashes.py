"""A process that is killed and a connection that breaks: nothing is lost, and what comes twice has the same id."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from publishing_scene import push_killed, pushed, through
from topics import Got, Topic, outbounds

from airflow_integrations.outgoing import Result
from airflow_integrations.run import Run
from airflow_integrations.testing.conformance.suite_run import WINDOW

ENTITIES = [{"id": number} for number in range(12)]
ONCE = ("redis", "nats")
"""Systems that know a message that they have had."""
THROUGH_ONE_PORT = ("rabbitmq", "redis", "nats", "mqtt")


def each_is_there(topic: Topic, found: list[Got], *, twice: bool) -> None:
    ids = Counter(one.id for one in found)
    values = Counter(one.value["id"] for one in found)
    assert set(values) == {entity["id"] for entity in ENTITIES}
    assert len(ids) == len(values)
    assert (max(ids.values()) == 2) == (twice and topic.kind not in ONCE)


@pytest.mark.parametrize("topic", ["rabbitmq", *ONCE], indirect=True)
def test_a_push_that_is_killed_before_it_writes_down_what_was_confirmed(topic: Topic, tmp_path: Path) -> None:
    push_killed(topic, tmp_path, ENTITIES)
    assert pushed(topic, tmp_path, ENTITIES) == {"delivered": 12}
    each_is_there(topic, topic.received(), twice=True)


@pytest.mark.parametrize("topic", ["rabbitmq"], indirect=True)
def test_what_a_route_holds_waits_for_a_person(topic: Topic, tmp_path: Path) -> None:
    hold = {"in_doubt": "hold"}
    push_killed(topic, tmp_path, ENTITIES, delivery=hold)
    assert pushed(topic, tmp_path, ENTITIES, delivery=hold) == {"delivered": 8, "in_doubt": 4}
    each_is_there(topic, topic.received(), twice=False)


async def cut_off(topic: Topic, *, delivery: Any = None) -> tuple[list[Result], list[Result]]:
    """The results of a batch whose answers did not come through, and of what was sent again then."""
    async with through(topic.at) as way:
        route = topic.load(delivery=delivery)
        outgoing: Any = route.outgoing.component()(route.outgoing.config, route)
        async with topic.services(way.at) as services:
            await outgoing.open(Run(route, "one", WINDOW), services)
            batch = outbounds(ENTITIES)
            confirmed = await outgoing.send(batch[:4])
            way.cut = True
            told = await outgoing.send(batch[4:])
            way.cut = False
            again = [outbound for outbound, result in zip(batch[4:], told, strict=True) if result.status == "pending"]
            after = await outgoing.send(again) if again else []
            await outgoing.close()
    assert {result.status for result in confirmed} == {"delivered"}
    return told, after


@pytest.mark.parametrize("topic", THROUGH_ONE_PORT, indirect=True)
def test_a_connection_that_breaks_before_it_answers(topic: Topic) -> None:
    told, after = asyncio.run(cut_off(topic))
    assert {result.status for result in told} == {"pending"}
    assert {result.status for result in after} == {"delivered"}
    ids = Counter(one.id for one in topic.received())
    assert len(ids) == 12
    if topic.kind in ONCE:
        assert set(ids.values()) == {1}


@pytest.mark.parametrize("topic", ["rabbitmq", "mqtt"], indirect=True)
def test_where_a_route_holds_nothing_unheard_is_sent_again(topic: Topic) -> None:
    told, after = asyncio.run(cut_off(topic, delivery={"in_doubt": "hold"}))
    assert {result.status for result in told} == {"in_doubt"}
    assert not after
    assert set(Counter(one.id for one in topic.received()).values()) == {1}


@pytest.mark.parametrize("topic", ["redis"], indirect=True)
def test_a_broker_that_is_away_is_an_outage_of_the_run(topic: Topic, tmp_path: Path) -> None:
    there = topic.at
    topic.at = topic.away().connections.at  # type: ignore[attr-defined]
    assert pushed(topic, tmp_path, ENTITIES) == {"outage": 1}
    topic.at = there
    assert pushed(topic, tmp_path, ENTITIES) == {"delivered": 12}
    each_is_there(topic, topic.received(), twice=False)

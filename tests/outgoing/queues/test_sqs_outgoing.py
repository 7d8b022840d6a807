"""Messages of SQS, against moto's server: the protocol over real HTTP. One file, for the server takes long to begin."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from topics import Topic, outbounds, sqs

from airflow_integrations.errors import OutageError, SetupError
from airflow_integrations.queues.broker import Broker
from airflow_integrations.run import Run
from airflow_integrations.testing.conformance.suite_run import WINDOW

ENTITIES = [{"id": number, "name": f"n{number}"} for number in range(25)]


def test_more_than_a_request_holds(aws_server: str) -> None:
    with sqs(aws_server) as topic:
        entities = [*ENTITIES[:3], {"id": "odd", "name": "\x01"}, {"id": "long", "name": "x" * 300}, *ENTITIES[3:]]
        results = asyncio.run(topic.send(outbounds(entities), max_size=200, body_text="{{ entity.name }}"))
        assert [n for n, result in enumerate(results) if result.status == "failed"] == [3, 4]
        assert {result.cause for result in results[3:5]} == {"unwritable"}
        found = topic.received()
        assert {one.body.decode() for one in found} == {entity["name"] for entity in ENTITIES}
        assert {one.id for one in found} == {outbound.idempotency_key for outbound in outbounds(ENTITIES)}


def test_one_for_which_the_request_is_refused_fails_alone(aws_server: str) -> None:
    """A queue may take less than SQS does, and SQS then takes none of those that come with one that is too long."""
    with sqs(aws_server, most_bytes=1024) as topic:
        entities = [{"id": number, "name": "x" * 2000 if number in (3, 14) else ""} for number in range(20)]
        results = asyncio.run(topic.send(outbounds(entities)))
        told = {number: result for number, result in enumerate(results) if result.status != "delivered"}
        assert set(told) == {3, 14}
        assert {(result.status, result.cause, result.later) for result in told.values()} == {
            ("failed", "refused", False)
        }
        assert "Message must be shorter than 1024 bytes" in str(told[3].reason)
        assert sorted(one.value["id"] for one in topic.received()) == [n for n in range(20) if n not in told]


def test_what_no_attribute_holds_fails_alone(aws_server: str) -> None:
    with sqs(aws_server) as topic:
        entities = [{"id": 1, "name": "a\ufffe"}, {"id": 2, "name": "b"}]
        results = asyncio.run(
            topic.send(outbounds(entities), headers={"name": "{{ entity.name }}"}, body={"id": "entity.id"})
        )
        assert [result.status for result in results] == ["failed", "delivered"]


def test_a_fifo_queue_keeps_the_order_and_takes_one_that_comes_twice_once(aws_server: str) -> None:
    with sqs(aws_server, ending=".fifo") as topic:

        async def twice() -> list[Any]:
            route, batch = topic.load(group="all"), outbounds(ENTITIES)
            outgoing: Any = route.outgoing.component()(route.outgoing.config, route)
            async with topic.services() as services:
                await outgoing.open(Run(route, "one", WINDOW), services)
                results = [*await outgoing.send(batch), *await outgoing.send(batch[5:15])]
                await outgoing.close()
            return results

        assert {result.status for result in asyncio.run(twice())} == {"delivered"}
        assert [one.value["id"] for one in topic.received()] == list(range(25))


@pytest.mark.parametrize("away", [True, False])
def test_no_queue_and_no_server(aws_server: str, away: bool) -> None:
    extra = {"endpoint_url": "http://127.0.0.1:1" if away else aws_server, "region_name": "eu-central-1"}
    at = Broker("broker", "aws", login="test", password="test", extra=extra)
    gone = Topic("sqs", {"connection": "broker", "queue": "no-such-queue"}, at, list)
    with pytest.raises(OutageError if away else SetupError):
        asyncio.run(gone.send(outbounds(ENTITIES[:1])))

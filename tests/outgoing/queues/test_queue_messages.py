"""What a message says, where it goes, and what becomes of one that is refused."""

from __future__ import annotations

import asyncio
from typing import Any

import feeds
import pytest
from pydantic import ValidationError
from topics import Topic, outbounds, rabbitmq

from airflow_integrations.errors import RouteError, SetupError
from airflow_integrations.formats.json import encode
from airflow_integrations.outgoing import Outbound, Result

TEMPLATED = {
    "headers": {"event": "{{ 'changed' if delivered else 'created' }}", "empty": "{{ entity.nothing | default('') }}"},
    "body": {"number": "entity.id", "total": "decimal(entity.total)"},
    "content_type": "application/vnd.shop+json",
}


def send(topic: Topic, batch: list[Outbound], **options: Any) -> list[Result]:
    return asyncio.run(topic.send(batch, **options))


def test_a_message_says_what_it_is_and_keeps_its_place(topic: Topic) -> None:
    batch = outbounds([{"id": number, "total": "0.10"} for number in range(40)])
    assert {result.status for result in send(topic, batch, **TEMPLATED)} == {"delivered"}
    found = topic.received()
    if topic.kind == "kafka":  # each partition has an order of its own, and an entity's key says which
        assert {one.key for one in found} == {outbound.key for outbound in batch}
    else:
        assert [one.value["number"] for one in found] == list(range(40))
    assert found[0].body.endswith(b'"total":0.10}')
    assert {one.id for one in found} == {outbound.idempotency_key for outbound in batch}
    assert found[0].headers["content-type"] == "application/vnd.shop+json"
    assert found[0].headers["event"] == "created"
    assert "empty" not in found[0].headers


@pytest.mark.parametrize("topic", ["rabbitmq", "nats"], indirect=True)
def test_a_payload_cannot_write_a_header_of_its_own(topic: Topic) -> None:
    batch = outbounds([{"id": 1, "note": "a\r\nNats-Msg-Id: other"}, {"id": 2, "note": "b"}])
    refused, taken = send(topic, batch, headers={"note": "{{ entity.note }}"})
    assert (refused.status, refused.cause, taken.status) == ("failed", "unwritable", "delivered")
    assert [one.value["id"] for one in topic.received()] == [2]


@pytest.mark.parametrize(
    ("topic", "ids"),
    [("nats", ["a b", "", "*", "x.>"]), ("mqtt", ["+", "a/#", "a\ufffe", "\ufdd0"]), ("rabbitmq", ["x" * 300])],
    indirect=["topic"],
)
def test_an_address_that_a_payload_makes_unfit(topic: Topic, ids: list[str]) -> None:
    results = send(topic, outbounds([*({"id": each} for each in ids), {"id": "fit"}]))
    assert [result.status for result in results] == [*["failed"] * len(ids), "delivered"]
    assert {result.cause for result in results[:-1]} == {"unwritable"}
    assert [one.value["id"] for one in topic.received()] == ["fit"]


@pytest.mark.parametrize("topic", ["kafka"], indirect=True)
def test_a_deletion_without_a_body_is_a_tombstone(topic: Topic) -> None:
    gone = Outbound("7", b"null", route="suite", deleted=True)
    (result,) = send(topic, [gone], deletion={})
    assert result.status == "delivered"
    (found,) = topic.received()
    assert (found.key, found.body, found.headers["deleted"]) == ("7", b"", "true")


@pytest.mark.parametrize("topic", ["rabbitmq"], indirect=True)
def test_one_that_makes_the_broker_close_the_channel_fails_alone(topic: Topic) -> None:
    """A quick reply is asked for on a channel that takes none: RabbitMQ closes it, and with it what is under way."""
    entities = [{"id": number, "to": "amq.rabbitmq.reply-to" if number in (3, 7) else ""} for number in range(10)]
    results = send(topic, outbounds(entities), properties={"reply_to": "{{ entity.to }}"})
    assert [n for n, result in enumerate(results) if result.status == "failed"] == [3, 7]
    assert {result.cause for result in results if result.status == "failed"} == {"refused"}
    assert {one.value["id"] for one in topic.received()} == {0, 1, 2, 4, 5, 6, 8, 9}


DEEP = "/x" * 250
"""Of a topic. Mosquitto takes 200 levels, and nobody can ask it: it closes the connection."""


def to_deep_topics(topic: Topic, entities: list[dict[str, Any]]) -> list[Result]:
    topic.config["topic"] += "{{ entity.way }}"
    return send(topic, outbounds(entities))


@pytest.mark.parametrize("topic", ["mqtt"], indirect=True)
def test_one_that_makes_the_broker_close_the_connection_holds_up_no_other(topic: Topic) -> None:
    entities = [{"id": number, "way": DEEP if number in (3, 7) else ""} for number in range(10)]
    results = to_deep_topics(topic, entities)
    told = {number: result for number, result in enumerate(results) if result.status != "delivered"}
    assert set(told) == {3, 7}
    assert {(result.status, result.cause, result.later) for result in told.values()} == {("failed", "later", True)}
    assert "closes the connection when it gets this" in str(told[3].reason)
    assert {one.value["id"] for one in topic.received()} == {0, 1, 2, 4, 5, 6, 8, 9}


@pytest.mark.parametrize("topic", ["mqtt"], indirect=True)
def test_a_broker_that_closes_every_connection_is_away(topic: Topic) -> None:
    entities = [{"id": number, "way": DEEP} for number in range(10)]
    results = to_deep_topics(topic, entities)
    assert [result.status for result in results] == [*["failed"] * 3, *["pending"] * 7]


def test_a_queue_that_is_full_is_later() -> None:
    arguments = {"x-max-length": 2, "x-overflow": "reject-publish"}
    with rabbitmq(feeds.broker("rabbitmq"), arguments=arguments) as topic:
        results = send(topic, outbounds([{"id": number} for number in range(6)]))
        told = [result for result in results if result.status == "failed"]
        assert told
        assert {(result.cause, result.later) for result in told} == {("later", True)}
        assert len(topic.received()) == 6 - len(told)


@pytest.mark.parametrize("topic", ["nats"], indirect=True)
def test_a_stream_says_what_is_too_large_and_when_it_is_full(topic: Topic) -> None:
    import nats
    from nats.js.api import DiscardPolicy, StreamConfig

    name = topic.config["stream"]

    async def bound() -> None:
        async with await nats.connect(f"nats://{topic.at.host}:{topic.at.port}") as client:
            await client.jetstream().update_stream(
                StreamConfig(name, subjects=[f"{name}.n.*"], max_msg_size=500, max_msgs=2, discard=DiscardPolicy.NEW)
            )

    asyncio.run(bound())
    entities = [{"id": 1}, {"id": 2, "text": "x" * 600}, {"id": 3}, {"id": 4}]
    results = send(topic, outbounds(entities))
    assert [(result.status, result.cause, result.later) for result in results] == [
        ("delivered", None, None),
        ("failed", "too_large", False),
        ("delivered", None, None),
        ("failed", "later", True),
    ]


@pytest.mark.parametrize("topic", ["redis"], indirect=True)
def test_what_redis_refused_leaves_no_marker(topic: Topic) -> None:
    from redis import Redis

    name = topic.config["stream"]
    client = Redis(host=topic.at.host, port=topic.at.port or 6379)
    client.set(name, "no stream")
    (refused,) = send(topic, outbounds([{"id": 1}]))
    assert (refused.status, refused.cause) == ("failed", "refused")
    client.delete(name)
    assert [send(topic, outbounds([{"id": 1}]))[0].reason for _ in range(2)] == [
        None,
        "an earlier attempt had added it",
    ]
    assert len(topic.received()) == 1
    assert send(topic, outbounds([{"id": 1}]), exactly_once=False)[0].status == "delivered"
    assert len(topic.received()) == 2
    client.close()


@pytest.mark.parametrize(
    ("topic", "options", "told"),
    [
        ("rabbitmq", {"exchange": "no-such-exchange"}, "no-such-exchange"),
        ("nats", {"stream": "no-such-stream"}, "no-such-stream"),
        ("redis", {"connection": "typed"}, "type"),
    ],
    indirect=["topic"],
)
def test_what_is_not_there_is_told_before_anything_is_sent(topic: Topic, options: Any, told: str) -> None:
    if "connection" in options:
        topic.at = type(topic.at)("typed", "http", topic.at.host, topic.at.port)
    with pytest.raises(SetupError, match=told):
        send(topic, outbounds([{"id": 1}]), **options)


def test_a_body_that_is_too_large_fails_alone() -> None:
    with rabbitmq(feeds.broker("rabbitmq")) as topic:
        batch = outbounds([{"id": 1, "text": "x" * 300}, {"id": 2}])
        results = send(topic, batch, max_size=200)
        assert [result.status for result in results] == ["failed", "delivered"]
        assert "max_size is 200" in (results[0].reason or "")


@pytest.mark.parametrize(
    ("kind", "options", "told"),
    [
        ("rabbitmq", {}, "either queue, or exchange"),
        ("rabbitmq", {"queue": "a", "routing_key": "b"}, "routing_key goes with exchange"),
        ("kafka", {"topic": "a", "headers": {"Message-Id": "x"}}, "written by this kind itself"),
        ("kafka", {"topic": "a", "headers": {"content-type": "x"}}, "content_type: beside"),
        ("kafka", {"topic": "a", "headers": {"a b": "x"}}, "not a name of a header"),
        ("kafka", {"topic": "a", "headers": {"A": "x", "a": "y"}}, "twice"),
        ("kafka", {"topic": "a", "body": {"a": "entity.id"}, "body_text": "x"}, "only one of them"),
        ("kafka", {"topic": "a/b"}, "pattern"),
    ],
)
def test_mistakes_in_options(kind: str, options: dict[str, Any], told: str) -> None:
    with pytest.raises((ValidationError, RouteError), match=told):
        Topic(kind, {"connection": "broker"}, feeds.broker("redis"), list).load(**options)


@pytest.mark.parametrize(
    ("kind", "options", "told"),
    [
        ("kafka", {"topic": "a"}, "write deletion"),
        ("sqs", {"queue": "a", "deletion": {}}, "without a body"),
        ("sqs", {"queue": "a", "group": "x", "deletion": {"body": {"id": "key"}}}, "only a queue"),
    ],
)
def test_mistakes_of_a_route(kind: str, options: dict[str, Any], told: str) -> None:
    topic = Topic(kind, {"connection": "broker"}, feeds.broker("redis"), list, route={"missing": "emit"})
    with pytest.raises(ValidationError, match=told):
        topic.load(**options)


def test_a_preview_shows_the_message_and_sends_nothing(topic: Topic) -> None:
    shown: list[tuple[str, ...]] = []
    services = topic.services()
    services.rehearsal = lambda connection, verb, to, content: shown.append((connection, verb, content.decode()))
    (result,) = asyncio.run(topic.send(outbounds([{"id": 1}]), services))
    assert result.status == "delivered"
    (told,) = shown
    assert told[0] == "broker"
    assert told[2] == encode({"id": 1}).decode()
    assert topic.received() == []
